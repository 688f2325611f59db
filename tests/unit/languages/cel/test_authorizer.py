"""`authorizer`: answers come with the bindings, what is missing is told."""

import pytest

from auditor.languages import cel

SCOPE = cel.admission_scope()
_LONG = (
    "authorizer.serviceAccount('ns', 'sa').group('apps').resource('deployments').subresource('scale')"
    ".name('x').fieldSelector('a=b').labelSelector('c').check('update')"
)
PODS = cel.Question(verb="create", group="", resource="pods", namespace="default")


@pytest.mark.parametrize(
    ("source", "question"),
    [
        ("authorizer.group('').resource('pods').namespace('default').check('create')", PODS),
        ("authorizer.path('/healthz').check('get')", cel.Question(verb="get", path="/healthz")),
        (
            _LONG,
            cel.Question(
                verb="update",
                group="apps",
                resource="deployments",
                subresource="scale",
                name="x",
                field_selector="a=b",
                label_selector="c",
                service_account="ns/sa",
            ),
        ),
        (
            "authorizer.requestResource.check('custom')",
            cel.Question(verb="custom", group="db", resource="clusters", namespace="n"),
        ),
    ],
)
def test_a_question_is_asked_and_answered(source: str, question: cel.Question) -> None:
    resource = cel.ResourceCheck(cel.Question(group="db", resource="clusters", namespace="n"))
    program = cel.compile(f"{source}.allowed() && {source}.reason() == 'because'", SCOPE)
    unasked = cel.Answers({}, resource)
    outcome = program.run(cel.Bindings(authorizer=unasked))
    assert "the authorizer was not asked" in str(outcome.error)
    assert repr(question.verb) in str(outcome.error)
    assert unasked.unanswered == [question]
    answered = cel.Answers({question: cel.Answer(allowed=True, reason="because")}, resource)
    assert program.run(cel.Bindings(authorizer=answered)).value is True
    assert answered.unanswered == []


def test_a_denial_and_an_error() -> None:
    source = "authorizer.group('').resource('pods').namespace('default').check('create')"
    program = cel.compile(f"!{source}.allowed() && {source}.errored() && {source}.error() == 'down'", SCOPE)
    answers = cel.Answers({PODS: cel.Answer(allowed=False, error="down")})
    assert program.run(cel.Bindings(authorizer=answers)).value is True


@pytest.mark.parametrize(
    "source",
    [
        "authorizer.path(' ').check('get').allowed()",
        "authorizer.group('').resource('').check('get').allowed()",
        "authorizer.serviceAccount('a b', 'x').path('/').check('get').allowed()",
        "authorizer.serviceAccount('a', 'x y').path('/').check('get').allowed()",
    ],
)
def test_what_cannot_be_asked_is_an_error(source: str) -> None:
    answers = cel.Answers({})
    assert cel.compile(source, SCOPE).run(cel.Bindings(authorizer=answers)).error
    assert answers.unanswered == []


def test_without_an_authorizer_it_is_not_available() -> None:
    outcome = cel.compile("authorizer.path('/').check('get').allowed()", SCOPE).run(cel.Bindings(object={}))
    assert outcome.error == "authorizer is not available here"


def test_answers_of_one_request_are_not_those_of_the_next() -> None:
    program = cel.compile("authorizer.group('').resource('pods').namespace('default').check('create').allowed()", SCOPE)
    yes, no = (cel.Answers({PODS: cel.Answer(allowed=a)}) for a in (True, False))
    assert [program.run(cel.Bindings(authorizer=a)).value for a in (yes, no, yes)] == [True, False, True]
