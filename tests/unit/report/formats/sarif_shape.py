"""What the schema of SARIF 2.1.0 says of the parts that we write. Nothing else may be in them, so that a part that is
written anew is looked up there first."""

from auditor.json import JsonObject

LEVELS = ["none", "note", "warning", "error"]


def whole(required: str, **properties: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": False,
    }


def listed(items: JsonObject) -> JsonObject:
    return {"type": "array", "items": items}


TEXT = {"type": "string"}
MESSAGE = whole("text", text=TEXT)
BAG = {"type": "object", "properties": {"tags": {"type": "array", "items": TEXT, "uniqueItems": True}}}
REGION = whole("startLine", startLine={"type": "integer", "minimum": 1}, startColumn={"type": "integer", "minimum": 1})
PHYSICAL = whole(
    "artifactLocation", artifactLocation=whole("uri", uri={"type": "string", "format": "uri-reference"}), region=REGION
)
LOGICAL = whole("name", name=TEXT, fullyQualifiedName=TEXT, kind=TEXT)
LOCATION = whole("", physicalLocation=PHYSICAL, logicalLocations={**listed(LOGICAL), "uniqueItems": True})
RULE = whole(
    "id",
    id=TEXT,
    name=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=MESSAGE,
    defaultConfiguration=whole("level", level={"enum": LEVELS}),
    properties=BAG,
)
RESULT = whole(
    "message ruleId ruleIndex kind level locations partialFingerprints",
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    kind={"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
    level={"enum": LEVELS},
    message=MESSAGE,
    locations=listed(LOCATION),
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
    suppressions={
        **listed(
            whole(
                "kind",
                kind={"enum": ["inSource", "external"]},
                status={"enum": ["accepted", "underReview", "rejected"]},
                justification=TEXT,
            )
        ),
        "uniqueItems": True,
    },
    baselineState={"enum": ["new", "unchanged", "updated", "absent"]},
    properties=BAG,
)
NOTIFICATION = whole(
    "message", level={"enum": LEVELS}, message=MESSAGE, locations={**listed(LOCATION), "uniqueItems": True}
)
RUN = whole(
    "tool results",
    tool=whole("driver", driver=whole("name", name=TEXT, version=TEXT, rules={**listed(RULE), "uniqueItems": True})),
    invocations=listed(
        whole(
            "executionSuccessful",
            executionSuccessful={"type": "boolean"},
            endTimeUtc={"type": "string", "format": "date-time"},
            toolExecutionNotifications=listed(NOTIFICATION),
        )
    ),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=listed(RESULT),
)
_PARTS: JsonObject = {
    "$schema": {"type": "string", "format": "uri"},
    "version": {"enum": ["2.1.0"]},
    "runs": listed(RUN),
}
LOG = whole("version runs", **_PARTS)
