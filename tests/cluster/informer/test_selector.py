"""Our label selectors against those of the API server, which is asked the same."""

import random

from auditor.cluster import Client, Resource
from auditor.cluster.informer import SelectorError, parse_selector
from auditor.errors import ApiError

MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
LABELS = [
    {},
    {"app": "web"},
    {"app": "db", "tier": "back"},
    {"app": "", "tier": "front"},
    {"level": "7", "app": "web"},
    {"level": "07"},
    {"level": "high", "example.com/zone": "eu-1"},
    {"in": "in", "notin": "x", "level": "9223372036854775807"},
]
# Pieces that make good selectors, bad ones, and those whose meaning is worth a question.
KEYS = ["app", "tier", "level", "example.com/zone", "missing", "in", "notin", "-app", "Example.com/app", "a/b/c", ""]
VALUES = ["web", "db", "", "7", "in", "08", "-1", "x" * 64, "we/b", "9223372036854775806", "9223372036854775808"]
SETS = [
    "(web)",
    "(web, db)",
    "(,)",
    "(web,)",
    "(,web)",
    "(a,,b)",
    "()",
    "(web",
    "web",
    "(a b)",
    "(in,notin)",
    "((web))",
]


def requirement(draw: random.Random) -> str:
    key = draw.choice(KEYS[:5] if draw.random() < 0.8 else KEYS)
    form = draw.randrange(9)
    if form < 2:
        return draw.choice(["", "!", "! ", "!!"]) + key
    if form < 5:
        return f"{key}{draw.choice([' in ', ' notin ', ' in', ' notin'])}{draw.choice(SETS)}"
    return f"{key}{draw.choice(['=', '==', '!=', ' = ', '>', '<', ' > ', '===', '=!', ' '])}{draw.choice(VALUES)}"


def selectors() -> list[str]:
    draw = random.Random(20261121)  # noqa: S311 - the same questions each time
    plain = [requirement(draw) for _ in range(400)]
    pairs = [draw.choice([",", ", ", " ,"]).join((requirement(draw), requirement(draw))) for _ in range(100)]
    return [
        "",
        "app in ()",
        "app notin ()",
        "app in (a,,)",
        "app in (,,)",
        ",",
        "app,",
        ",app",
        "app,,tier",
        " app ",
        "app\t",
        *dict.fromkeys(plain + pairs),
    ]


def test_the_same_objects_and_the_same_refusals(client: Client, namespace: str) -> None:
    objects = []
    for number, labels in enumerate(LABELS):
        metadata = {"name": f"m{number}", "namespace": namespace, "labels": labels}
        objects.append(client.create(MAPS, {"metadata": metadata}))
    differences = []
    for text in selectors():
        server: list[str] | str | None
        try:
            listed = client.list(MAPS, namespace=namespace, labels=text)
            server = sorted(obj["metadata"]["name"] for obj in listed if obj["metadata"]["name"].startswith("m"))
        except ApiError as error:
            server = None if error.code == 400 else str(error)
        try:
            selector = parse_selector(text)
            ours = sorted(obj["metadata"]["name"] for obj in objects if selector.matches(obj))
        except SelectorError:
            ours = None
        if ours != server:
            differences.append((text, ours, server))
    assert differences == [], "\n".join(map(str, differences))
