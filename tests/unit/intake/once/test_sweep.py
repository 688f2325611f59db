"""One look at a cluster: what is kept of it, and what is said of what could not be read."""

import functools
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from auditor.cluster import Client
from auditor.errors import (
    AuditorError,
    ClusterError,
    ForbiddenError,
    MalformedError,
    ServerTroubleError,
    UnauthorizedError,
    UnreachableError,
)
from auditor.intake.coverage import EXAMPLES, UnreadKindError
from auditor.intake.found import Scan
from auditor.intake.once.basis import read_ground, rules_of_cluster
from auditor.intake.once.sweep import scan_cluster
from auditor.json import JsonObject
from tests.unit.intake.files import MATCH, NOW, crd, policy, thing
from tests.unit.intake.once.cluster import Lists, make_ground, prepare, rename

SMALL = policy("small", [{"jq": ".spec.size < 5"}, {"cel": "request.userInfo.username == 'jane'"}])
KINDS = [crd(), rename(crd(), "Gadget"), rename(crd(), "Gizmo")]
ALL = policy("all", [{"cel": "object.spec.size < 5"}],
             match={"resourceRules": [{**MATCH["resourceRules"][0], "resources": ["*"]}]})  # fmt: skip


class Text(str):  # noqa: SLOT000 - it has to be referable weakly
    """In an object, so that it can be counted while it is alive: plain dicts know no weak references."""


def test_no_body_outlives_its_page(tmp_path: Path) -> None:
    alive: weakref.WeakSet[Text] = weakref.WeakSet()
    most = 0

    def things() -> Iterator[JsonObject]:
        nonlocal most
        for i in range(1000):
            text = Text(f"{i} {'x' * 1000}")
            alive.add(text)
            most = max(most, len(alive))
            yield thing(f"t{i}", size=9 if i % 400 == 0 else 1, text=text)
            del text

    basis, scan = prepare(tmp_path, make_ground(Lists({"things.example.com": things})), [SMALL])
    scan_cluster(basis, scan)
    assert most <= 3  # of those 1,000; a real list has a page of them
    assert not alive
    assert scan.objects == 1000
    assert len(scan.judged) == 3  # those with something to tell
    assert scan.counts["pass"] == 997
    (gap,) = scan.coverage.gaps
    assert (gap.objects, len(gap.examples)) == (1000, EXAMPLES)


def run(tmp_path: Path, errors: dict[str, Exception | type[BaseException]], read: int = 2) -> tuple[Scan, Lists]:
    """A scan of three kinds, of which some fail after some objects."""

    def failing(name: str) -> Iterator[JsonObject]:
        for i in range(read):
            yield {**thing(f"{name}{i}", size=i * 9), "kind": name.capitalize()}
        if name in errors:
            raise errors[name]

    lists = Lists({f"{name}s.example.com": functools.partial(failing, name) for name in ("thing", "gadget", "gizmo")})
    basis, scan = prepare(tmp_path, make_ground(lists, KINDS), [ALL])
    lists.asked.clear()
    try:
        scan_cluster(basis, scan)
    except KeyboardInterrupt:
        scan.warnings.append("interrupted")
    return scan, lists


FORBIDDEN = ForbiddenError(
    "list gizmos", code=403, message='gizmos.example.com is forbidden: User "system:serviceaccount:a:b" cannot list it'
)


@pytest.mark.parametrize(
    ("error", "read", "told"),
    [
        (FORBIDDEN, 0, ('gizmos.example.com: forbidden: User "system:serviceaccount:a:b" cannot list it. To grant it: '
                       "kubectl create clusterrole auditor-read-gizmos.example.com --verb=get,list,watch "
                       "--resource=gizmos.example.com && kubectl create clusterrolebinding "
                       "auditor-read-gizmos.example.com --clusterrole=auditor-read-gizmos.example.com "
                       "--serviceaccount=a:b")),
        (ServerTroubleError("list gizmos", code=500, message="conversion webhook failed"), 2,
         ("gizmos.example.com: the list broke off after 2 objects: the API server answered 500: "
          "conversion webhook failed")),
        (MalformedError("no list"), 0, "gizmos.example.com: no list"),
    ],
)  # fmt: skip
def test_a_kind_that_cannot_be_read(tmp_path: Path, error: Exception, read: int, told: str) -> None:
    scan, lists = run(tmp_path, {"gizmo": error}, read)
    assert [str(each) for each in scan.unreadable] == [told]
    assert scan.incomplete
    assert len(lists.asked) == 3
    assert scan.objects == 3 * read
    kinds = {each.kind: (each.present, each.evaluated) for each in scan.coverage.kinds}
    assert kinds == dict.fromkeys(("Thing", "Gadget", "Gizmo"), (read, read))


@pytest.mark.parametrize(
    "error", [UnreachableError("connection refused"), UnauthorizedError("list", code=401, message="Unauthorized")]
)
def test_where_nobody_answers_at_all_that_is_said_once(error: ClusterError) -> None:
    def refuse() -> list[JsonObject]:
        raise error

    lists = Lists(dict.fromkeys(("customresourcedefinitions.apiextensions.k8s.io", "namespaces"), refuse))
    with pytest.raises(type(error)):
        read_ground(cast(Client, lists))
    assert len(lists.asked) == 1


@pytest.mark.parametrize(("said", "told"), [("is it up?", "is it up? Rules"), ("no right.", "no right. Rules")])
def test_that_namespaces_are_not_known_is_said_in_whole_sentences(said: str, told: str) -> None:
    def refuse() -> list[JsonObject]:
        raise MalformedError(said)

    lists = Lists({"namespaces": refuse, "customresourcedefinitions.apiextensions.k8s.io": list})
    assert read_ground(cast(Client, lists)).reader.notes == [f"namespaces: {told} that need their labels are errors"]


def test_without_any_policy_the_drift_checks_are_all_that_is_asked() -> None:
    ground = make_ground(Lists())
    assert rules_of_cluster(ground, NOW, empty=True).policies == []
    with pytest.raises(AuditorError, match="by --checks"):
        rules_of_cluster(ground, NOW)


def test_a_server_that_goes_away(tmp_path: Path) -> None:
    """What was found before is told, and nobody asks it for the rest."""
    scan, lists = run(tmp_path, {"gizmo": UnreachableError("connection refused")})
    assert [each.resource for each in scan.unreadable if isinstance(each, UnreadKindError)] == [
        "gizmos.example.com",
        "things.example.com",
    ]
    assert "after 2 objects: connection refused" in str(scan.unreadable[0])
    assert "not asked for" in str(scan.unreadable[1])
    assert lists.asked == ["gadgets.example.com", "gizmos.example.com"]
    assert [judged.subject.name for judged, _ in scan.findings()] == ["gadget1", "gizmo1"]


def test_somebody_loses_patience(tmp_path: Path) -> None:
    scan, _ = run(tmp_path, {"gizmo": KeyboardInterrupt})
    assert scan.warnings == ["interrupted"]
    assert [str(each) for each in scan.unreadable] == [
        f"{name}: interrupted before it was read to the end" for name in ("gizmos.example.com", "things.example.com")
    ]
    assert scan.objects == 4


def test_objects_are_listed_where_they_are_asked_for(tmp_path: Path) -> None:
    def things() -> list[JsonObject]:
        there = thing("there", size=9)
        there["metadata"]["namespace"] = "there"
        return [thing("here", size=9), there]

    lists = Lists({"things.example.com": things})
    ground = make_ground(lists)
    basis, scan = prepare(tmp_path, ground, [SMALL], namespaces=["there"])
    scan_cluster(basis, scan)
    assert [judged.subject.name for judged, _ in scan.findings()] == ["there"]


def test_lookups_that_are_not_known_are_errors(tmp_path: Path) -> None:
    lookups = [{"name": "peers", "resource": {"group": "example.com", "resource": "gadgets"}}]
    asking = policy("asks", [{"jq": "$lookups.peers == []"}], lookups=lookups)
    lists = Lists({"things.example.com": lambda: [thing()]})
    basis, scan = prepare(tmp_path, make_ground(lists, KINDS[:2]), [asking])
    scan_cluster(basis, scan)
    assert scan.counts["error"] == 1
    assert "it is not there" in str(scan.unreadable[0])


def test_progress_tells_how_many_objects_came(tmp_path: Path) -> None:
    told: list[int] = []
    lists = Lists({"things.example.com": lambda: [thing(f"t{i}", size=1) for i in range(3)]})
    basis, scan = prepare(tmp_path, make_ground(lists), [SMALL])
    scan_cluster(basis, scan, progress=told.append)
    assert told == [1, 2, 3]
