"""Label selectors; against the API server they are tested in tests/cluster/informer."""

import pytest

from auditor.cluster.informer import SelectorError, parse_selector
from auditor.json import JsonObject

LABELS: JsonObject = {"app": "web", "tier": "front", "example.com/zone": "eu-1", "empty": "", "level": "7"}


def labelled(**labels: object) -> JsonObject:
    return {"metadata": {"labels": labels}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "app",
        "!missing",
        "app=web",
        "app==web",
        " app = web , tier=front ",
        "app!=db",
        "missing!=db",
        "app in (web, db)",
        "app in(web,db),tier notin (back)",
        "missing notin (a)",
        "example.com/zone=eu-1",
        "empty=",
        "empty=,app",
        "empty in (,a)",
        "empty in ()",
        "in notin (in)",
        "app notin (,)",
        "level>6",
        "level < 8",
        "app!=in",
    ],
)
def test_lets_through(text: str) -> None:
    assert parse_selector(text).matches({"metadata": {"labels": LABELS}})


@pytest.mark.parametrize(
    "text",
    [
        "missing",
        "!app",
        "app=",
        "missing=",
        "app=db",
        "app!=web",
        "app in (db)",
        "app notin (db,web)",
        "missing in (a,)",
        "level>7",
        "level<7",
        "app>1",
        "missing<1",
        "app=web,tier=back",
    ],
)
def test_holds_back(text: str) -> None:
    assert not parse_selector(text).matches({"metadata": {"labels": LABELS}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",", "column 1: expected the key of a label, found ,"),
        ("app,", "column 5: expected the key of a label, found the end"),
        ("!", "column 2: expected the key of a label, found the end"),
        ("!!app", "column 2: expected the key of a label, found !"),
        ("in (a)", "column 4: expected one of"),
        ("-app", "expected the key of a label, found -app"),
        ("EXAMPLE.com/app", "expected the key of a label"),
        ("a/b/c", "expected the key of a label"),
        ("/app", "expected the key of a label"),
        ("app web", "column 5: expected one of"),
        ("app=web db", "column 9: expected a comma or the end, found db"),
        ("app=web=db", "column 8: expected a comma or the end"),
        ("app in web", "column 8: expected (, found web"),
        ("app in (web", "column 12: expected a comma or ), found the end"),
        ("app in (a b)", "column 11: expected a comma or )"),
        ("app=we/b", "column 5: expected the value of a label"),
        (f"app={'x' * 64}", "expected the value of a label"),
        ("level>", "expected a whole number, found the end"),
        ("level>high", "column 7: expected a whole number, found high"),
        ("level<9223372036854775808", "expected a whole number"),
        ("app\u00a0", "expected the key of a label"),
    ],
)
def test_says_where_it_is_wrong(text: str, message: str) -> None:
    with pytest.raises(SelectorError) as caught:
        parse_selector(text)
    assert message in str(caught.value)


def test_an_object_without_labels_has_none() -> None:
    objects: list[JsonObject] = [{}, {"metadata": {}}, {"metadata": {"labels": None}}, {"metadata": {"labels": "text"}}]
    for obj in objects:
        assert parse_selector("!app,app!=web").matches(obj)
        assert not parse_selector("app").matches(obj)


def test_a_label_that_is_no_text_is_none() -> None:
    assert not parse_selector("app").matches(labelled(app=None))


def test_it_knows_which_labels_it_reads() -> None:
    assert parse_selector("a=1,!b,c in (d)").keys == {"a", "b", "c"}
