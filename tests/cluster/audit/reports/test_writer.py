"""The writer of reports on the real API server, with its garbage collector."""

import threading
import time
from datetime import UTC, datetime

import pytest

from auditor.audit.reports.writer import WORKERS
from auditor.cluster import Client, Resource, Settings, WriteOptions, connect
from auditor.cluster.resource import NAMESPACES
from auditor.errors import ForbiddenError
from auditor.json import JsonObject
from auditor.model.finding import Result
from auditor.model.settings import ReportApi, ReportSettings
from auditor.model.subject import Subject
from auditor.report.crs import build, content_of_report, name_of
from auditor.sandbox import Sandbox
from tests.cluster.audit.reports.conftest import (
    CLUSTER_REPORTS,
    CONFIG_MAPS,
    KIND,
    POLICY_REPORTS,
    REPORTS,
    World,
    make_finding,
    until,
)

ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)

POLICIES = Resource(
    "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False
)
POLICY_BINDINGS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    namespaced=False,
)


def written(world: World, space: str, name: str = "one") -> Subject:
    """An object with a report."""
    subject = world.create(CONFIG_MAPS, name, space)
    world.say(subject, make_finding())
    until(lambda: world.report(subject))
    return subject


def version(world: World, subject: Subject) -> str:
    report = world.report(subject)
    assert report is not None
    found: str = report["metadata"]["resourceVersion"]
    return found


def test_written_and_deleted(started: World, space: str) -> None:
    subject = written(started, space)
    report = started.report(subject)
    assert report is not None
    assert report["results"][0]["message"] == "too few"
    assert report["scope"]["uid"] == subject.uid
    assert [entry["manager"] for entry in report["metadata"]["managedFields"]] == ["auditor-watch"]
    until(lambda: started.writer.status.present >= 1)
    started.say(subject)
    until(lambda: started.report(subject) is None)
    started.settle()
    status = started.writer.status
    assert (status.written, status.deleted, status.failed) == (1, 1, 0)
    until(lambda: not started.writer.trouble)
    assert started.metric("written_total", api="openreports") == 1
    assert started.metric("deleted_total", api="openreports") == 1


def test_of_an_object_in_no_namespace(started: World, space: str) -> None:
    uid = str(started.client.get(NAMESPACES, space)["metadata"]["uid"])
    subject = Subject("v1", "Namespace", "namespaces", "", space, uid)
    started.say(subject, make_finding())
    until(lambda: started.report(subject, CLUSTER_REPORTS))
    started.say(subject)
    until(lambda: not started.report(subject, CLUSTER_REPORTS))


def test_within_a_second(started: World, space: str) -> None:
    subject = written(started, space)
    begun = time.monotonic()
    started.say(subject, make_finding(message="other"))
    until(lambda: (started.report(subject) or {})["results"][0]["message"] == "other")
    assert time.monotonic() - begun < 1


def test_deleting_the_object_removes_its_report(started: World, space: str) -> None:
    """By the cluster's own garbage collector: the writer has ended."""
    subject = written(started, space)
    started.writer.stop()
    started.client.delete(CONFIG_MAPS, "one", namespace=space)
    # The collector finds new kinds every 30 s.
    until(lambda: started.report(subject) is None, 50)


@pytest.mark.parametrize("api", [ReportApi.OPENREPORTS, ReportApi.WGPOLICY])
def test_what_is_read_back_is_what_was_written(started: World, space: str, api: ReportApi) -> None:
    odd = (
        "".join(map(chr, [*range(0x300), *range(0x2000, 0x2070), 0xD800, 0xFEFF, 0xFFFE, 0x1F600])) + " : # - {}\n\ttab"
    )
    findings = [make_finding(odd[i::7], odd[i : i + 90], result) for i, result in enumerate([*Result] * 20)]
    started.reports = ReportSettings(api=api, passes=True, max_findings=90)
    subject = started.create(CONFIG_MAPS, "odd", space)
    started.say(subject, *findings)
    resource = REPORTS if api is ReportApi.OPENREPORTS else POLICY_REPORTS
    until(lambda: started.report(subject, resource))
    found = started.report(subject, resource)
    assert found is not None
    built = build(subject, findings, settings=started.reports, at=datetime.now(UTC))
    assert built is not None
    assert content_of_report(found) == content_of_report(built)
    until(lambda: not started.writer.trouble)


def test_unchanged_is_not_written(started: World, space: str) -> None:
    subject = written(started, space)
    before = version(started, subject)
    for _ in range(5):
        started.say(subject, make_finding())
        started.settle()
    assert version(started, subject) == before
    assert started.writer.status.written == 1


def test_a_new_writer_finds_what_is_there(started: World, space: str) -> None:
    subjects = [written(started, space, f"a{i}") for i in range(3)]
    before = [version(started, each) for each in subjects]
    started.writer.stop()
    again = World(started.client)
    for each in subjects:
        again.say(each, make_finding())
    again.writer.start()
    try:
        written(again, space, "new")  # which shows that it writes by now
        again.settle()
        assert again.writer.status.written == 1
        assert [version(again, each) for each in subjects] == before
    finally:
        again.writer.stop()
        again.informers.stop()


def test_rapid_changes_are_few_writes(started: World, space: str) -> None:
    subject = written(started, space)
    started.settle()
    before = started.writer.status.written
    pause = threading.Event()
    begun = time.monotonic()
    for i in range(100):
        started.say(subject, make_finding(message=f"change {i}"))
        pause.wait(max(0.0, begun + (i + 1) / 100 - time.monotonic()))
    until(lambda: (started.report(subject) or {})["results"][0]["message"] == "change 99")
    spent = time.monotonic() - begun
    assert 2 <= started.writer.status.written - before <= 1 + spent * 5


@pytest.mark.parametrize(
    "edit",
    [
        {"results": [{"policy": "p", "message": "lies"}]},
        {"results": None},
        {"summary": {"pass": 7}},
        {"scope": {"name": "lies"}},
        {"metadata": {"labels": None}},
        {"metadata": {"annotations": {"auditor.dev/kind": "lies"}}},
        {"metadata": {"ownerReferences": None}},
        None,
    ],
    ids=str,
)
def test_edited_and_deleted_by_others(started: World, space: str, edit: JsonObject | None) -> None:
    """None: deleted."""
    subject = written(started, space)
    right = started.report(subject)
    assert right is not None
    started.settle()
    if edit is None:
        started.client.delete(REPORTS, name_of(subject.uid), namespace=space)
        assert not started.report(subject)
    else:
        edited = started.client.patch_merge(REPORTS, name_of(subject.uid), edit, namespace=space)
        assert content_of_report(edited) != content_of_report(right)
    until(lambda: (now := started.report(subject)) and content_of_report(now) == content_of_report(right), 5)
    started.settle()
    assert started.writer.status.written == 2


def test_what_others_add_is_no_reason_to_write(started: World, space: str) -> None:
    subject = written(started, space)
    added = {
        "metadata": {"labels": {"team": "a"}, "annotations": {"b": "c"}},
        "configuration": {"limits": {"maxResults": 1}},
    }
    started.client.patch_merge(REPORTS, name_of(subject.uid), added, namespace=space)
    after = version(started, subject)
    started.say(subject, make_finding())
    started.settle()
    assert version(started, subject) == after
    assert started.writer.status.written == 1


def test_reports_of_others_are_never_touched(started: World, space: str) -> None:
    def put(name: str, **labels: str) -> None:
        body = {
            "apiVersion": "openreports.io/v1alpha1",
            "kind": "Report",
            "metadata": {"name": name, "namespace": space, "labels": labels},
            "scope": {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "namespace": space, "uid": "u"},
            "results": [{"policy": "theirs", "source": "kyverno"}],
        }
        started.client.create(REPORTS, body, options=WriteOptions(field_manager="other"))

    uid = "99999999-2222-3333-4444-555555555555"
    put(uid, **{"app.kubernetes.io/managed-by": "kyverno"})
    put("anything", **{"app.kubernetes.io/managed-by": "auditor"})
    put("auditor-summary.of", **{"app.kubernetes.io/managed-by": "auditor"})
    put(f"auditor-{uid}", **{"app.kubernetes.io/managed-by": "kyverno"})
    ours = f"auditor-{uid[:-1]}6"
    put(ours, **{"app.kubernetes.io/managed-by": "auditor"})
    theirs = started.all() - {f"{space}/{ours}"}
    started.writer.sweep()
    until(lambda: f"{space}/{ours}" not in started.all())  # nothing stands behind it
    assert started.all() == theirs
    started.reports = ReportSettings(api=ReportApi.NONE)
    started.writer.refresh()
    subject = written_when_back(started, space)
    assert started.all() == theirs | {f"{space}/{name_of(subject.uid)}"}


def written_when_back(world: World, space: str) -> Subject:
    world.settle()
    world.reports = ReportSettings()
    world.writer.refresh()
    return written(world, space, "later")


def test_cut_at_the_limit(started: World, space: str, caplog: pytest.LogCaptureFixture) -> None:
    started.reports = ReportSettings(max_findings=3)
    subject = started.create(CONFIG_MAPS, "one", space)
    started.say(subject, *[make_finding(f"r{i}") for i in range(10)])
    until(lambda: started.report(subject))
    until(lambda: started.writer.status.cut == 1)
    report = started.report(subject)
    assert report is not None
    assert len(report["results"]) == 4
    assert report["summary"]["fail"] == 10
    assert started.metric("cut") == 1
    assert "no room for 7 findings" in caplog.text
    started.reports = ReportSettings()
    started.writer.refresh()
    until(lambda: len((started.report(subject) or {})["results"]) == 10)
    until(lambda: started.writer.status.cut == 0)


def test_no_more_than_there_is_room_for(started: World, space: str, caplog: pytest.LogCaptureFixture) -> None:
    first = written(started, space)
    present = started.writer.status.present
    started.reports = ReportSettings(max_reports=present + 1)
    started.writer.refresh()
    second = written(started, space, "second")
    third = started.create(CONFIG_MAPS, "third", space)
    started.say(third, make_finding("r"))
    until(lambda: started.writer.status.beyond == 1)
    assert started.report(third) is None
    assert started.metric("beyond_limit") == 1
    assert "no room for" in caplog.text
    started.say(second, make_finding("another"))  # what is there is kept true
    until(lambda: (started.report(second) or {})["results"][0]["rule"] == "another")
    started.say(first)
    until(lambda: started.report(third))
    until(lambda: started.writer.status.beyond == 0)
    started.reports = ReportSettings()


def test_switch_of_the_api(started: World, space: str) -> None:
    subject = written(started, space)
    for api, resource, other in (
        (ReportApi.WGPOLICY, POLICY_REPORTS, REPORTS),
        (ReportApi.OPENREPORTS, REPORTS, POLICY_REPORTS),
    ):
        started.reports = ReportSettings(api=api)
        until(lambda r=resource: started.report(subject, r))  # type: ignore[misc]
        until(lambda o=other: not started.report(subject, o))  # type: ignore[misc]
    started.reports = ReportSettings(api=ReportApi.NONE)
    until(lambda: not started.report(subject))
    assert not started.report(subject, POLICY_REPORTS)
    started.reports = ReportSettings()
    until(lambda: started.report(subject))


def test_switched_while_it_was_down(started: World, space: str) -> None:
    subject = written(started, space)
    started.writer.stop()
    again = World(started.client)
    again.reports = ReportSettings(api=ReportApi.WGPOLICY)
    again.unsettled.add(KIND)
    again.writer.start()
    try:
        until(lambda: again.writer.status.present >= 1)
        again.settle()
        assert again.report(subject)  # nobody knows yet what will stand in its place
        again.say(subject, make_finding())
        until(lambda: again.report(subject, POLICY_REPORTS))
        until(lambda: not again.report(subject))
    finally:
        again.writer.stop()
        again.informers.stop()


def test_garbage_goes_once_its_kind_is_settled(started: World, space: str) -> None:
    subject = written(started, space)
    started.writer.stop()
    again = World(started.client)
    again.unsettled.add(KIND)
    again.writer.start()
    try:
        until(lambda: again.writer.status.present >= 1)
        again.say(subject)  # it is right now, but others of its kind are not known yet
        again.settle()
        assert again.report(subject)
        again.unsettled.clear()
        again.writer.sweep()
        until(lambda: not again.report(subject))
    finally:
        again.writer.stop()
        again.informers.stop()


def test_a_namesake(started: World, space: str) -> None:
    """Deleted and made again: the report of the first goes, the second has its own."""
    old = written(started, space)
    started.client.delete(CONFIG_MAPS, "one", namespace=space)
    new = started.create(CONFIG_MAPS, "one", space)
    started.say(new, make_finding())
    started.writer.mark(KIND, f"{space}/one", old.uid)
    until(lambda: started.report(new))
    until(lambda: not started.report(old))


def test_without_the_lease_nothing_is_written(started: World, space: str) -> None:
    first = written(started, space)
    started.lost = True
    second = started.create(CONFIG_MAPS, "two", space)
    started.say(second, make_finding())
    started.say(first)
    started.settle()
    assert started.report(first)
    assert not started.report(second)
    assert started.writer.status.failed == 0


def test_the_namespace_is_gone(started: World, space: str) -> None:
    subject = Subject(
        "v1", "ConfigMap", "configmaps", "no-such-namespace", "one", "11111111-2222-3333-4444-555555555555"
    )
    started.say(subject, make_finding())
    started.settle()
    assert started.writer.status.failed == 0


def test_a_namespace_that_ends(started: World, client: Client) -> None:
    name = "ends-soon"
    body = {"metadata": {"name": name, "finalizers": ["example.com/wait"]}}
    client.create(NAMESPACES, body)
    subject = started.create(CONFIG_MAPS, "one", name)
    client.delete(NAMESPACES, name)
    started.say(subject, make_finding())
    started.settle()
    assert started.writer.status.failed == 0
    client.patch_merge(NAMESPACES, name, {"metadata": {"finalizers": None}})


def test_stop_writes_what_was_marked(started: World, space: str) -> None:
    written(started, space)
    subject = started.create(CONFIG_MAPS, "two", space)
    started.say(subject, make_finding())
    assert started.writer.stop()
    assert started.report(subject)


def test_the_right_to_write_is_missing(kinds: Client, sandbox: Sandbox, world: World, space: str) -> None:
    """It is said once, not tried for each report; and when it is granted, all are written."""
    user = f"reader-{space}"
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": user},
        "rules": [{"apiGroups": ["openreports.io", "wgpolicyk8s.io"], "resources": ["*"], "verbs": ["list", "watch"]}],
    }
    kinds.create(ROLES, role)
    subject = {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
    reference = {"kind": "ClusterRole", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
    kinds.create(BINDINGS, {"metadata": {"name": user}, "subjects": [subject], "roleRef": reference})
    settings = Settings(kubeconfig=str(sandbox.user_kubeconfig(user, [])), qps=1000, burst=1000)
    with (client := connect(settings)).transport:
        limited = World(client)
        subjects = [world.create(CONFIG_MAPS, f"a{i}", space) for i in range(20)]
        for each in subjects:
            limited.say(each, make_finding())
        limited.writer.start()
        try:
            until(lambda: "cannot patch resource" in limited.writer.trouble)
            assert limited.writer.status.failed <= WORKERS
            assert not [key for key in world.all() if key.startswith(f"{space}/")]
            kinds.patch_json(ROLES, user, [{"op": "add", "path": "/rules/0/verbs/-", "value": "patch"}])
            kinds.patch_json(ROLES, user, [{"op": "add", "path": "/rules/0/verbs/-", "value": "create"}])
            until(lambda: len([key for key in world.all() if key.startswith(f"{space}/")]) == len(subjects), 30)
            until(lambda: not limited.writer.trouble)
        finally:
            limited.writer.stop()
            limited.informers.stop()


def test_one_that_is_refused_holds_up_no_other(started: World, space: str) -> None:
    """By a policy that speaks as RBAC does not."""
    first, second = (started.create(CONFIG_MAPS, name, space) for name in ("refused", "taken"))
    name = f"refuse-{space}"
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": ["openreports.io"], "apiVersions": ["*"], "operations": ["*"], "resources": ["reports"]}
            ]
        },
        "validations": [
            {"expression": "object.scope.name != 'refused'", "message": "it cannot be", "reason": "Forbidden"}
        ],
    }
    started.client.create(POLICIES, {"metadata": {"name": name}, "spec": spec})
    binding = {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}}
    started.client.create(POLICY_BINDINGS, binding)
    probe = {"apiVersion": "openreports.io/v1alpha1", "kind": "Report", "scope": {"name": "refused"}}
    probe["metadata"] = {"name": "probe", "namespace": space}
    until(lambda: refused(started.client, probe))
    started.say(first, make_finding())
    until(lambda: "it cannot be" in started.writer.trouble)
    started.say(second, make_finding())
    until(lambda: started.report(second), 5)
    assert not started.report(first)
    started.client.delete(POLICY_BINDINGS, name)
    started.client.delete(POLICIES, name)
    until(lambda: started.report(first), 40)
    until(lambda: not started.writer.trouble)


def refused(client: Client, report: JsonObject) -> bool:
    try:
        client.create(REPORTS, report, options=WriteOptions(dry_run=True))
    except ForbiddenError:
        return True
    return False
