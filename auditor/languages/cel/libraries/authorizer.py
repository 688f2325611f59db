"""`authorizer`: may the user of the request do something else?

The answers come with the bindings. What is asked without an answer is an error that names the question, and is noted,
so that whoever can ask the API server (by SubjectAccessReview) may do so and evaluate again.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, field, replace
from typing import ClassVar, Final, Self

from auditor.dataclass import dataclass
from auditor.languages.cel.libraries.declare import Function, Library
from auditor.languages.cel.libraries.names import is_dns_label, is_dns_subdomain
from auditor.languages.cel.types import BOOL, STRING, Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing that the authorizer can be asked; equal questions are equal."""

    verb: str = ""
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""
    service_account: str = ""
    """`namespace/name` where a service account is asked for instead of the user."""

    def __str__(self) -> str:
        parts = (f"{key} {value!r}" for key, value in asdict(self).items() if value)
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Answer:
    allowed: bool
    reason: str = ""
    error: str = ""


@dataclass(slots=True)
class Answers:
    """What the authorizer said, and what it was asked in vain."""

    answers: Mapping[Question, Answer] = field(default_factory=dict)
    request_resource: "ResourceCheck | None" = None
    """What `authorizer.requestResource` starts from: the resource, namespace and name of the request."""
    unanswered: list[Question] = field(default_factory=list)

    def authorizer(self) -> "Authorizer":
        return Authorizer(Question())

    def answer(self, question: Question) -> Answer:
        found = self.answers.get(question)
        if found is None:
            if question not in self.unanswered:
                self.unanswered.append(question)
            raise UnansweredError(f"the authorizer was not asked: {question}")
        return found


class UnansweredError(Exception):
    pass


_current = threading.local()


@contextmanager
def answering(answers: Answers | None) -> Iterator[None]:
    """Questions inside get these answers."""
    _current.answers = answers
    try:
        yield
    finally:
        _current.answers = None


@dataclass(frozen=True, slots=True)
class _Check:
    question: Question
    TYPE: ClassVar[Type]

    def to_text(self) -> str:
        return json.dumps(asdict(self.question), sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Self:
        return cls(Question(**json.loads(text)))

    def check(self, verb: str) -> "Decision":
        answers: Answers | None = getattr(_current, "answers", None)
        if answers is None:
            raise UnansweredError("there is no authorizer here")
        answer = answers.answer(replace(self.question, verb=verb))
        return Decision(answer)


class Authorizer(_Check):
    TYPE = Type("kubernetes.authorization.Authorizer")

    def path(self, path: str) -> "PathCheck":
        if not path.strip():
            raise ValueError("path must not be empty")
        return PathCheck(replace(self.question, path=path))

    def group(self, group: str) -> "GroupCheck":
        return GroupCheck(replace(self.question, group=group))

    def service_account(self, namespace: str, name: str) -> "Authorizer":
        if not is_dns_subdomain(name):
            raise ValueError("Invalid service account name")
        if not is_dns_label(namespace):
            raise ValueError("Invalid service account namespace")
        return Authorizer(replace(self.question, service_account=f"{namespace}/{name}"))


class PathCheck(_Check):
    TYPE = Type("kubernetes.authorization.PathCheck")


class GroupCheck(_Check):
    TYPE = Type("kubernetes.authorization.GroupCheck")

    def resource(self, resource: str) -> "ResourceCheck":
        if not resource.strip():
            raise ValueError("resource must not be empty")
        return ResourceCheck(replace(self.question, resource=resource))


class ResourceCheck(_Check):
    TYPE = Type("kubernetes.authorization.ResourceCheck")

    def subresource(self, subresource: str) -> "ResourceCheck":
        return ResourceCheck(replace(self.question, subresource=subresource))

    def namespace(self, namespace: str) -> "ResourceCheck":
        return ResourceCheck(replace(self.question, namespace=namespace))

    def name(self, name: str) -> "ResourceCheck":
        return ResourceCheck(replace(self.question, name=name))

    def field_selector(self, selector: str) -> "ResourceCheck":
        return ResourceCheck(replace(self.question, field_selector=selector))

    def label_selector(self, selector: str) -> "ResourceCheck":
        return ResourceCheck(replace(self.question, label_selector=selector))


@dataclass(frozen=True, slots=True)
class Decision:
    answer: Answer
    TYPE: ClassVar[Type] = Type("kubernetes.authorization.Decision")

    def to_text(self) -> str:
        return json.dumps(asdict(self.answer), sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Self:
        return cls(Answer(**json.loads(text)))


LIBRARY: Final = Library(
    (
        Function("path", (Authorizer.TYPE, STRING), PathCheck.TYPE, Authorizer.path),
        Function("group", (Authorizer.TYPE, STRING), GroupCheck.TYPE, Authorizer.group),
        Function("serviceAccount", (Authorizer.TYPE, STRING, STRING), Authorizer.TYPE, Authorizer.service_account),
        Function("resource", (GroupCheck.TYPE, STRING), ResourceCheck.TYPE, GroupCheck.resource),
        Function("subresource", (ResourceCheck.TYPE, STRING), ResourceCheck.TYPE, ResourceCheck.subresource),
        Function("namespace", (ResourceCheck.TYPE, STRING), ResourceCheck.TYPE, ResourceCheck.namespace),
        Function("name", (ResourceCheck.TYPE, STRING), ResourceCheck.TYPE, ResourceCheck.name),
        Function("fieldSelector", (ResourceCheck.TYPE, STRING), ResourceCheck.TYPE, ResourceCheck.field_selector),
        Function("labelSelector", (ResourceCheck.TYPE, STRING), ResourceCheck.TYPE, ResourceCheck.label_selector),
        Function("check", (PathCheck.TYPE, STRING), Decision.TYPE, PathCheck.check),
        Function("check", (ResourceCheck.TYPE, STRING), Decision.TYPE, ResourceCheck.check),
        Function("allowed", (Decision.TYPE,), BOOL, lambda d: d.answer.allowed),
        Function("reason", (Decision.TYPE,), STRING, lambda d: d.answer.reason),
        Function("errored", (Decision.TYPE,), BOOL, lambda d: bool(d.answer.error)),
        Function("error", (Decision.TYPE,), STRING, lambda d: d.answer.error),
    ),
    (Authorizer, PathCheck, GroupCheck, ResourceCheck, Decision),
)
