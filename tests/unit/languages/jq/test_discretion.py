"""What an error tells of an object: types, never values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.languages import jq
from auditor.languages.jq.discretion import hide_values

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (".spec.a + {}", "string and object ({}) cannot be added"),
        (".spec.a | keys", "string has no keys"),
        (".spec.a.b", 'Cannot index string with string ("b")'),
        (".spec.a[0]", "Cannot index string with number (0)"),
        (".[.spec.a] | .x.y | error", "threw null, which is not shown: throw a text"),
        (".spec | error", "threw an object, which is not shown: throw a text"),
        (".spec.a | tonumber", "string cannot be parsed as a number"),
        ('.spec | test("x")', "object cannot be matched, as it is not a string"),
        (".spec.l - .spec.a", "array and string cannot be subtracted"),
        (".spec.l | .[$params.a]", "Cannot index array with string"),
        ('error("write a number")', "write a number"),
        ('error("a (b) c")', "a (b) c"),
    ],
)
def test_errors_show_no_value(text: str, said: str) -> None:
    thing = {"spec": {"a": SECRET, "l": [f") and string ({SECRET}"]}}
    (outcome,) = jq.run([(jq.compile(text, ("params",)), {"params": {"a": SECRET}})], input=thing, bindings={})
    assert outcome.error == said


@given(st.text(max_size=20))
def test_whatever_the_value_is(value: str) -> None:
    hidden = hide_values(f'string ("{value}") and array (["{value}"]) cannot be added', ".")
    assert hidden.endswith(" cannot be added")
    assert len(value) < 4 or value in "string and array cannot be added" or value not in hidden
