"""Rules in JSON Schema: 2020-12, or draft-07 where `$schema` says so.

jsonschema-rs does the work: first only whether the value is valid, the details when it is not. `jsonschema` tells
authors what is wrong with a schema. Nothing is fetched, and patterns run in linear time.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Final, Self

import jsonschema_rs

from auditor.dataclass import dataclass
from auditor.errors import CompileError, Problem
from auditor.json import Json, JsonObject
from auditor.languages.outcome import Outcome
from auditor.languages.privacy import find_secrets, is_private_at
from auditor.languages.schema.keywords import DRAFT_7, DRAFT_2020, FORMATS_7, FORMATS_2020, Holds, closest
from auditor.languages.schema.violation import Violation, pointer

MAX_DEPTH = 64
"""Levels of a schema; the libraries recurse over it. Real CRDs have up to 30."""
MAX_VIOLATIONS = 1_000
"""Of one value: a list of 100,000 wrong items must not fill a report, nor the memory."""

MAX_LOOKED_AT = 4_000_000
"""Characters of what violations are about, together: the library copies that for each of them, a megabyte in 60 ms."""

MAX_SHOWN = 400
"""Characters of one message. The library shows the whole value, which may be a list of a megabyte."""
_MASK: Final = "the value"
_REFUSED = re.compile(r"False schema does not allow (.*)", re.DOTALL)

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


@dataclass(frozen=True, slots=True)
class _Draft:
    uri: str
    keywords: dict[str, Holds]
    formats: frozenset[str]
    author: str
    """Of the library that explains to authors, the class: imported when there is something to explain."""


_DRAFTS = (
    _Draft("https://json-schema.org/draft/2020-12/schema", DRAFT_2020, FORMATS_2020, "Draft202012Validator"),
    _Draft("http://json-schema.org/draft-07/schema", DRAFT_7, FORMATS_7, "Draft7Validator"),
)


@dataclass(frozen=True, slots=True, eq=False)
class JsonSchemaProgram:
    _validator: jsonschema_rs.Validator
    _discreet: Callable[[], jsonschema_rs.Validator]
    """The same, whose messages show no values. Made when it is needed."""

    def run(self, value: Json) -> Outcome:
        """The value of the outcome is the list of all violations, ordered by path and message; empty passes."""
        try:
            if self._validator.is_valid(value):
                return Outcome.of([])
            return Outcome.of(self._details(value))
        except (ValueError, RecursionError) as error:  # no JSON: a key that is no text, a lone surrogate
            return Outcome.failed(f"the value cannot be checked: {error}")

    def _details(self, value: Json) -> list[Violation]:
        errors: list[jsonschema_rs.ValidationError] = []
        # Many are of one place, such as a name each that is missing there: it is looked through once.
        places: dict[tuple[str | int, ...], _Place] = {}
        left = MAX_LOOKED_AT
        for error in islice(self._validator.iter_errors(value), MAX_VIOLATIONS):
            errors.append(error)
            path = tuple(error.instance_path)
            if path not in places:
                places[path] = _Place.of(value, error.instance_path)
            left -= places[path].size
            if left < 0:
                break
        if not errors:
            raise ValueError("it is not valid, but no violation was found")
        private = [places[tuple(error.instance_path)].private for error in errors]
        hidden = list(islice(self._discreet().iter_errors(value), len(errors))) if any(private) else errors
        chosen = [quiet if hide else error for error, quiet, hide in zip(errors, hidden, private, strict=True)]
        found = [
            Violation(_pointer(each.instance_path), _word(each.message), _at(value, each.instance_path))
            for each in chosen
        ]
        return sorted(found, key=lambda v: (v.path, v.message))


@dataclass(frozen=True, slots=True)
class _Place:
    size: int
    private: bool
    """Whether what stands there, or in it, looks secret."""

    @classmethod
    def of(cls, subject: Json, path: list[str | int]) -> Self:
        value, around = _at(subject, path), _at(subject, path[:-1])
        private = is_private_at(_pointer(path), value, around) or next(find_secrets(value), None) is not None
        return cls(len(repr(value)), private)


def _word(message: str) -> str:
    """In words for people, and with no more of a long value than shows which it is."""
    if refused := _REFUSED.fullmatch(message):
        message = f"{refused[1]} is not allowed"
    if len(message) <= MAX_SHOWN:
        return message
    return f"{message[: MAX_SHOWN // 2]} ... {message[-MAX_SHOWN // 2 :]}"


def compile(schema: Json, *, sensitive: bool = False) -> JsonSchemaProgram:  # noqa: A001 - the verb of all languages
    """Raises CompileError with every problem. Of `sensitive` rules the messages do not show values."""
    return _Compiler.of(schema).program(sensitive=sensitive)


@dataclass(slots=True)
class _Compiler:
    schema: Json
    draft: _Draft
    problems: list[Problem]
    patterns: list[tuple[str, str]]

    @classmethod
    def of(cls, schema: Json) -> Self:
        if not isinstance(schema, dict | bool):
            raise CompileError([Problem("a JSON Schema is an object, or true or false")])
        named = schema.get("$schema", _DRAFTS[0].uri) if isinstance(schema, dict) else _DRAFTS[0].uri
        draft = next((d for d in _DRAFTS if isinstance(named, str) and named.rstrip("#") == d.uri), None)
        if draft is None:
            raise CompileError(
                [Problem(f"/$schema: {named!r} is not supported: use {_DRAFTS[0].uri} or {_DRAFTS[1].uri}#")]
            )
        return cls(schema, draft, [], [])

    def program(self, *, sensitive: bool) -> JsonSchemaProgram:
        self._walk(self.schema, "", 0)
        too_deep = any(p.message.endswith("nested too deeply") for p in self.problems)
        built = None if too_deep else self._build(_MASK if sensitive else None)
        if isinstance(built, jsonschema_rs.Validator) and not self.problems:
            return JsonSchemaProgram(built, cache(self._build_discreet))
        if not too_deep:
            self._look_closely()
        raise CompileError(self.problems or [Problem(str(built))])

    def _build(self, mask: str | None) -> jsonschema_rs.Validator | str:
        """The validator, or why there is none. It checks the schema itself, but names one problem only."""
        try:
            return jsonschema_rs.validator_for(
                self.schema if isinstance(self.schema, bool) else {"$schema": self.draft.uri, **self.schema},
                validate_formats=True,
                ignore_unknown_formats=False,
                pattern_options=jsonschema_rs.RegexOptions(),
                mask=mask,
                offline=True,
            )
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            return str(error).split("\n")[0]

    def _build_discreet(self) -> jsonschema_rs.Validator:
        built = self._build(_MASK)
        if isinstance(built, str):
            raise TypeError(built)  # cannot be: with values shown it was built
        return built

    def _look_closely(self) -> None:
        """What the meta-schema does not allow, in words for authors, and which patterns are wrong."""
        for pattern, path in self.patterns:
            self._check_pattern(pattern, path)
        told = {p.message.split(": ")[0] for p in self.problems}  # in better words
        import jsonschema  # 45 ms, for somebody who has made a mistake

        author = getattr(jsonschema, self.draft.author)
        errors = author(author.META_SCHEMA).iter_errors(self.schema)
        found = dict.fromkeys((_pointer(e.absolute_path), e.message) for e in errors)  # one for each vocabulary
        for path, message in sorted(found):
            if path not in told:
                self._wrong(path, message)

    def _wrong(self, path: str, what: str) -> None:
        self.problems.append(Problem(f"{path or '/'}: {what}"))

    def _walk(self, schema: Json, path: str, depth: int) -> None:
        if not isinstance(schema, dict):
            return  # a boolean; anything else is told by the meta-schema
        if depth > MAX_DEPTH:
            self._wrong(path, "the schema is nested too deeply")
            return
        for keyword, value in schema.items():
            at = pointer(path, keyword)
            if not isinstance(keyword, str):
                self._wrong(at, f"{keyword!r} is no text: keys of JSON are texts")
                continue
            holds = self.draft.keywords.get(keyword)
            if holds is None:
                near = closest(keyword, self.draft.keywords)
                self._wrong(
                    at, f"{keyword!r} is no keyword of JSON Schema" + (f", did you mean {near!r}?" if near else "")
                )
            self._look(keyword, value, at, schema)
            for step, child in _children(holds, value):
                self._walk(child, f"{at}{step}", depth + 1)

    def _look(self, keyword: str, value: Json, path: str, schema: JsonObject) -> None:
        match keyword, value:
            case "format", str():
                if value not in self.draft.formats:
                    near = closest(value, self.draft.formats)
                    self._wrong(path, f"{value!r} is no format" + (f", did you mean {near!r}?" if near else ""))
            case "type", str() if value not in TYPES:
                near = closest(value, TYPES)
                self._wrong(path, f"{value!r} is no type" + (f", did you mean {near!r}?" if near else ""))
            case "items", list() if self.draft.keywords is DRAFT_2020:
                self._wrong(path, "a list of schemas, one for each item, is called prefixItems since 2020-12")
            case "pattern", str():
                self.patterns.append((value, path))
            case "patternProperties", dict():
                self.patterns += ((pattern, pointer(path, pattern)) for pattern in value)
            case "required", list() if isinstance(schema.get("properties"), dict):
                self._required(value, schema, path)
            case (("$ref" | "$dynamicRef"), str()):
                self._reference(value, path)
            case "$schema", _ if path != "/$schema":
                self._wrong(path, "only the whole schema names its draft")

    def _check_pattern(self, pattern: str, path: str) -> None:
        options = jsonschema_rs.RegexOptions()
        try:
            jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options)
        except ValueError:
            self._wrong(path, f"{pattern!r} is no regular expression that can run in linear time{_hint(pattern)}")

    def _required(self, names: list[Json], schema: JsonObject, path: str) -> None:
        """A required name that no property has is a slip where another property is near."""
        if schema.get("additionalProperties") is not False:
            return
        for i, name in enumerate(names):
            if isinstance(name, str) and name not in schema["properties"] and "patternProperties" not in schema:
                near = closest(name, schema["properties"])
                suffix = f", did you mean {near!r}?" if near else ""
                self._wrong(f"{path}/{i}", f"{name!r} is required, but no property may have that name{suffix}")

    def _reference(self, target: str, path: str) -> None:
        base, _, _fragment = target.partition("#")
        if base and base not in {d.uri for d in _DRAFTS} and not self._has_id(self.schema, base):
            self._wrong(path, f"{target!r} is not in this schema; nothing is fetched")

    def _has_id(self, schema: Json, base: str) -> bool:
        if isinstance(schema, dict):
            own = schema.get("$id")
            return (isinstance(own, str) and own.rstrip("#").endswith(base)) or any(
                self._has_id(v, base) for v in schema.values()
            )
        return isinstance(schema, list) and any(self._has_id(v, base) for v in schema)


def _children(holds: Holds | None, value: Json) -> Iterator[tuple[str, Json]]:
    """The schemas under a keyword, each with its path from there."""
    match holds, value:
        case ((Holds.SCHEMA | Holds.SCHEMA_OR_SCHEMAS), dict()):
            yield "", value
        case ((Holds.SCHEMAS | Holds.SCHEMA_OR_SCHEMAS), list()):
            yield from ((f"/{i}", child) for i, child in enumerate(value))
        case ((Holds.MAP | Holds.MAP_OR_NAMES), dict()):
            yield from ((pointer("", name), child) for name, child in value.items())


def _hint(pattern: str) -> str:
    if any(mark in pattern for mark in ("(?=", "(?!", "(?<=", "(?<!")):
        return ": it looks ahead or behind"
    return ": it refers back to a group" if any(f"\\{i}" in pattern for i in range(1, 10)) else ""


def _pointer(path: Iterable[str | int]) -> str:
    text = ""
    for step in path:
        text = pointer(text, step)
    return text


def _at(value: Json, path: list[str | int]) -> Json:
    for step in path:
        value = value[step]
    return value
