"""A schema with rules of every sort, and specs that keep and break them."""

from auditor.json import Json, JsonObject


def rule(text: str, **more: Json) -> JsonObject:
    return {"rule": text, **more}


STRING = {"type": "string", "maxLength": 60}
INTEGER = {"type": "integer"}


def spec_schema() -> JsonObject:
    properties: JsonObject = {
        "name": STRING | {"x-kubernetes-validations": [rule("self.startsWith('a')", message="  must start with a ")]},
        "count": INTEGER
        | {
            "x-kubernetes-validations": [
                rule("self >= 0 && self < 10"),
                rule("10 / self > 1"),
                rule("self >= oldSelf", message="may only grow"),
            ]
        },
        "share": {"type": "number", "x-kubernetes-validations": [rule("self / 2.0 <= 1.0")]},
        "on": {"type": "boolean", "x-kubernetes-validations": [rule("self")]},
        "day": STRING
        | {"format": "date", "x-kubernetes-validations": [rule("self >= timestamp('2020-01-01T00:00:00Z')")]},
        "moment": STRING
        | {"format": "date-time", "x-kubernetes-validations": [rule("self.getFullYear('UTC') == 2020")]},
        "lag": STRING | {"format": "duration", "x-kubernetes-validations": [rule("self < duration('1h')")]},
        "data": STRING | {"format": "byte", "x-kubernetes-validations": [rule("size(self) <= 3")]},
        "port": {
            "x-kubernetes-int-or-string": True,
            "x-kubernetes-validations": [rule("type(self) == int ? self > 0 : self == 'http'"), rule("self < 5000")],
        },
        "kinds": {
            "type": "array",
            "maxItems": 5,
            "items": STRING,
            "x-kubernetes-list-type": "set",
            "x-kubernetes-validations": [rule("self == oldSelf", message="kinds are fixed")],
        },
        "members": {
            "type": "array",
            "maxItems": 5,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["id"],
            "items": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": STRING, "cpu": INTEGER, "zone": STRING},
                "x-kubernetes-validations": [
                    rule("!has(self.cpu) || self.cpu <= 16", messageExpression="self.id + ' asks for much'"),
                    rule(
                        "!has(oldSelf.zone) || self.zone == oldSelf.zone",
                        reason="FieldValueForbidden",
                        fieldPath=".zone",
                    ),
                ],
            },
            "x-kubernetes-validations": [rule("self.all(m, m.id != 'root')"), rule("size(self) > 0")],
        },
        "zones": {
            "type": "array",
            "maxItems": 3,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["id"],
            "items": {"type": "object", "required": ["id"], "properties": {"id": STRING, "v": INTEGER}},
            "x-kubernetes-validations": [rule("self == oldSelf", message="zones are fixed")],
        },
        "plain": {
            "type": "array",
            "maxItems": 3,
            "items": {"type": "object", "properties": {"a": INTEGER}, "x-kubernetes-validations": [rule("self.a > 0")]},
        },
        "labels": {
            "type": "object",
            "maxProperties": 4,
            "additionalProperties": STRING | {"x-kubernetes-validations": [rule("self == oldSelf || size(self) < 3")]},
            "x-kubernetes-validations": [
                rule("self.all(k, k.size() < 4)"),
                rule("'app' in self", fieldPath="['app']", reason="FieldValueRequired", message="app is needed"),
                rule("self['app'] == 'x'"),
            ],
        },
        "a-b": INTEGER,
        "c.d": INTEGER,
        "e/f": INTEGER,
        "g__h": INTEGER,
        "namespace": STRING,
        "maybe": STRING | {"nullable": True, "x-kubernetes-validations": [rule("self != 'no'")]},
        "inner": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
            "x-kubernetes-validations": [rule("self.metadata.name.startsWith('in') && self.kind != 'Bad'")],
        },
        "once": STRING
        | {
            "x-kubernetes-validations": [
                rule(
                    "!oldSelf.hasValue() || self == oldSelf.value()",
                    optionalOldSelf=True,
                    messageExpression="'was ' + 'set'",
                )
            ]
        },
        "low": INTEGER,
        "high": INTEGER,
        "dates": {
            "type": "array",
            "maxItems": 3,
            "items": STRING | {"format": "date-time"},
            "x-kubernetes-validations": [
                rule("self.all(d, d > timestamp('2020-01-01T00:00:00Z'))"),
                rule("self == oldSelf", message="dates are fixed"),
            ],
        },
        "lags": {
            "type": "object",
            "maxProperties": 3,
            "additionalProperties": STRING | {"format": "duration"},
            "x-kubernetes-validations": [rule("self.all(k, self[k] < duration('1h'))")],
        },
        "x-y": {
            "type": "array",
            "maxItems": 3,
            "items": {
                "type": "object",
                "properties": {"at": STRING | {"format": "date"}, "a.b": STRING | {"format": "byte"}},
                "x-kubernetes-validations": [rule("self.?a__dot__b.orValue(b'no') != b'hi'")],
            },
        },
    }
    rules = [
        rule("!has(self.a__dash__b) || self.a__dash__b > 0"),
        rule("!has(self.c__dot__d) || self.c__dot__d > 0"),
        rule("!has(self.e__slash__f) || self.e__slash__f > 0"),
        rule("!has(self.g__underscores__h) || self.g__underscores__h > 0"),
        rule("!has(self.__namespace__) || self.__namespace__ != 'kube-system'"),
        rule(
            "!has(self.low) || self.low <= self.high",
            fieldPath=".low",
            messageExpression="'low is above %d'.format([self.high])",
        ),
        rule("has(self.kinds) == has(oldSelf.kinds)", message="kinds stays or goes"),
        rule("!has(self.members) || !has(oldSelf.members) || self.members == oldSelf.members || true"),
        rule("!has(self.plain) || self.plain[0].a != 7", reason="FieldValueDuplicate"),
        rule("!has(self.maybe) || self.maybe != 'never'"),
        rule("!has(self.x__dash__y) || self.x__dash__y.all(x, !has(x.a__dot__b) || x.a__dot__b != b'ha')"),
        rule("self.?day.orValue(timestamp('2021-01-01T00:00:00Z')) < timestamp('2021-01-01T00:00:01Z')"),
        rule(
            "!has(self.x__dash__y) || !has(self.dates) || "
            "self.x__dash__y.all(x, x.?at.optMap(a, a in self.dates).orValue(true))"
        ),
        rule("oldSelf.?lags[?'a'].optMap(a, a == self.?lags[?'a'].orValue(a)).orValue(true)"),
    ]
    return {"type": "object", "properties": properties, "x-kubernetes-validations": rules}


ROOT_RULES = {
    "x-kubernetes-validations": [rule("self.metadata.name != 'evil' && self.kind == 'Rule'"), rule("has(self.spec)")]
}

GOOD: JsonObject = {
    "name": "alpha",
    "count": 3,
    "share": 2,
    "on": True,
    "day": "2020-02-02",
    "moment": "2020-05-05T05:05:05Z",
    "lag": "30m",
    "data": "YWI=",
    "port": 80,
    "kinds": ["x", "y"],
    "members": [{"id": "m1", "cpu": 4, "zone": "a"}, {"id": "m2"}],
    "zones": [{"id": "a", "v": 1}, {"id": "b", "v": 2}],
    "plain": [{"a": 1}],
    "labels": {"app": "x"},
    "a-b": 1,
    "c.d": 1,
    "e/f": 1,
    "g__h": 1,
    "namespace": "default",
    "maybe": None,
    "inner": {"apiVersion": "v1", "kind": "Good", "metadata": {"name": "in-1"}},
    "once": "first",
    "low": 1,
    "high": 2,
    "dates": ["2020-05-05T00:00:00Z", "2021-05-05T00:00:00.123456789+02:00"],
    "lags": {"a": "30m", "b": "5 minutes"},
    "x-y": [{"at": "2020-05-05", "a.b": "aGV5"}, {}],
}

CHANGES: dict[str, list[Json]] = {
    "name": ["beta", "ab", ""],
    "count": [0, 9, 10, -1, 5, 2],
    "share": [1.5, 2.5, 4, 0],
    "on": [False],
    "day": ["2019-12-31", "2021-01-01"],
    "moment": ["2020-01-01T00:00:00.5+01:00", "2021-01-01T00:00:00+00:00", "2019-12-31T23:30:00-01:00"],
    "lag": ["2h", "1h", "59m59s", "1 day", "5 seconds"],
    "data": ["YWJj", "YWJjZA=="],
    "port": [0, "http", "https", 9000],
    "kinds": [["y", "x"], ["x"], ["x", "z"]],
    "members": [
        [],
        [{"id": "m2"}, {"id": "m1", "cpu": 20, "zone": "b"}],
        [{"id": "root"}],
        [{"id": "m1", "zone": "b"}],
        [{"id": "m1"}],
    ],
    "zones": [
        [{"id": "b", "v": 2}, {"id": "a", "v": 1}],
        [{"id": "b", "v": 1}, {"id": "a", "v": 1}],
        [{"id": "c", "v": 2}, {"id": "a", "v": 1}],
    ],
    "plain": [[{}], [{"a": 0}], [{"a": 7}], []],
    "labels": [{}, {"app": "y"}, {"app": "x", "toolong": "a"}, {"app": "x", "b": "long"}],
    "a-b": [0],
    "c.d": [0],
    "e/f": [0],
    "g__h": [0],
    "namespace": ["kube-system"],
    "maybe": ["no", "never", "yes"],
    "inner": [
        {"apiVersion": "v1", "kind": "Bad", "metadata": {"name": "in-1"}},
        {"apiVersion": "v1", "kind": "Good", "metadata": {"name": "out"}},
        {"apiVersion": "v1", "kind": "Good", "metadata": {}},
        {"apiVersion": "v1", "kind": "Good"},
    ],
    "once": ["second"],
    "low": [5],
    "high": [0],
    "dates": [
        ["2021-05-05T00:00:00.123456789+02:00", "2020-05-05T00:00:00Z"],
        ["2020-05-05T00:00:00Z", "2021-05-05T00:00:00.123456788+02:00"],
        ["2019-05-05T00:00:00Z"],
    ],
    "lags": [{"a": "2h"}, {"b": "1000000ns"}, {"a": "1800s"}, {"a": "29m59.999999999s"}],
    "x-y": [[{"a.b": "aGk="}], [{"a.b": "aGE="}], [{"at": "2019-05-05"}], []],
}


def specs() -> list[JsonObject]:
    """The good one, it with each change, and it without each field."""
    changed = [{**GOOD, name: value} for name, values in CHANGES.items() for value in values]
    return [GOOD, *changed, *({k: v for k, v in GOOD.items() if k != name} for name in GOOD)]
