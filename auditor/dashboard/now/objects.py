"""One object, asked for when somebody looks at a finding of it."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from auditor.checks.writers import Writer, find_owners, read_writers
from auditor.cluster import Client, Resource
from auditor.cluster.access import dig_list, dig_text
from auditor.cluster.discovery import read_crd
from auditor.cluster.resource import CRDS, NAMESPACES
from auditor.dashboard.access.entrance import MayGet
from auditor.dashboard.answers.line import FindingLine
from auditor.dashboard.answers.now import ChangeLine, ObjectNow, WriterLine, look_at_nothing
from auditor.dashboard.now.mutated import find_changes
from auditor.dashboard.now.showing import Shown, find_nearest
from auditor.dashboard.remembered import Remembered
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.patch import split_pointer
from auditor.errors import AuditorError, ForbiddenError, NotFoundError
from auditor.intake.kinds import POLICIES
from auditor.intake.live.reading import read_live_policy
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.stored import ask_stored
from auditor.json import JsonObject
from auditor.model.policy import Kind
from auditor.model.request import GroupVersionResource, Request
from auditor.model.settings import Check
from auditor.model.world import World

log = logging.getLogger(__name__)

SECONDS: Final = 30.0
"""How long it is remembered that no cluster answers: a visitor waits for that once, not on each page."""
PATIENCE: Final = 5.0
"""Seconds for one question: a page is waited for."""
REPLACED: Final = "It is another object of the same name by now."
SENSITIVE: Final = "The rule is sensitive: what stands there is not shown."
UNSURE: Final = "What stands there is not shown: whether the rule is sensitive cannot be found out."
NEVER: Final = datetime.min.replace(tzinfo=UTC)
MOST: Final = 50
"""Names of what stands beside a missing field."""
OF_POLICIES: Final = frozenset((Check.BYPASS, Check.MUTATION))
"""Their rules are called POLICY/RULE."""


class Objects:
    def __init__(self, connect: Callable[[], Client], *, clock: Callable[[], float]) -> None:
        """`connect` raises AuditorError where no cluster answers, or another one."""
        self._connect = connect
        self._connected: Client | None = None
        self._client: Remembered[str, Client | str] = Remembered(seconds=SECONDS, most=1, clock=clock)

    def look(self, may_get: MayGet | None, finding: FindingLine, uid: str) -> ObjectNow:
        if may_get is None:
            return look_at_nothing(finding, uid)
        client = self._client.get("", self._try)
        if isinstance(client, str):
            return ObjectNow(said=client)
        try:
            return _Looking(client, may_get, finding, uid, datetime.now(UTC)).look()
        except AuditorError as error:
            return ObjectNow(said=_tell(error))

    def _try(self) -> Client | str:
        try:
            if self._connected is None:
                self._connected = self._connect()
            return self._connected
        except AuditorError as error:  # with `link` alone: others are refused when they start
            return f"The cluster cannot be asked: {error}"


class _Looking:
    def __init__(self, client: Client, may_get: MayGet, finding: FindingLine, uid: str, now: datetime) -> None:
        self._client, self._may_get, self._finding, self._uid, self._now = client, may_get, finding, uid, now
        group, _, version = finding.api_version.rpartition("/")
        # A namespace is in itself, as requests have it, but its path knows nothing of that.
        self._namespace = "" if (group, finding.resource) == ("", NAMESPACES.plural) else finding.namespace
        self._resource = Resource(group, version, finding.resource, finding.kind, namespaced=bool(self._namespace))

    def look(self) -> ObjectNow:
        finding = self._finding
        if not self._may_get(self._resource, self._namespace, finding.name):
            return ObjectNow(said=f"To see it you need the right to get {self._resource.name} yourself.")
        try:
            thing = self._get(self._resource, finding.name, self._namespace)
        except NotFoundError:
            return ObjectNow(said="The object is not there any more.")
        said = [] if dig_text(thing, "metadata", "uid") == self._uid else [REPLACED]
        namespace = self._find_namespace()
        asked = self._ask(thing, namespace)
        try:
            nearest, part, there = find_nearest(thing, finding.path)
        except ValueError:  # what a rule of somebody calls a path need not be one
            nearest, part, there = "", thing, False
        policy, hidden = self._find_policy()
        value = Shown(asked).write(part, finding.path) if finding.path and there and not hidden else None
        if hidden and there:
            said.append(hidden)
        changes, unchanged = self._find_changes(policy, thing, namespace)
        return ObjectNow(
            said=" ".join(said),
            seen=True,
            value=value,
            beside=tuple(sorted(map(str, part)))[:MOST] if not there and isinstance(part, dict) else (),
            nearest=nearest,
            missing=not there,
            writers=_find_writers(thing, finding.path),
            changes=changes,
            unchanged=unchanged,
        )

    def _get(self, resource: Resource, name: str, namespace: str = "") -> JsonObject:
        return self._client.get(resource, name, namespace=namespace, timeout=PATIENCE)

    def _ask(self, thing: JsonObject, namespace: JsonObject | None) -> Request:
        resource = self._resource
        return ask_stored(
            thing,
            GroupVersionResource(resource.group, resource.version, resource.plural),
            namespaced=resource.namespaced,
            world=World(),
            namespace_object=namespace,
            time=self._now,
        )

    def _find_namespace(self) -> JsonObject | None:
        """None: it cannot be read, or there is none. What needs it is an error."""
        try:
            return self._get(NAMESPACES, self._finding.namespace) if self._finding.namespace else None
        except AuditorError:
            return None

    def _find_policy(self) -> tuple[JsonObject | None, str]:
        """The policy of ours behind the finding, and why values are not to be shown."""
        name, rule = _name_rule(self._finding)
        if not name:
            return None, ""
        try:
            policy = self._get(POLICIES, name)
        except AuditorError:
            return None, UNSURE
        rules = [
            each for each in dig_list(policy, "spec", "rules") if isinstance(each, dict) and each.get("name") == rule
        ]
        # Of a mutation there is none of that name, and those of what it changes are not known by it.
        sensitive = any(each.get("sensitive") is True for each in rules or dig_list(policy, "spec", "rules"))
        return policy, SENSITIVE if sensitive else ""

    def _find_changes(
        self, policy: JsonObject | None, thing: JsonObject, namespace: JsonObject | None
    ) -> tuple[tuple[ChangeLine, ...], str]:
        if policy is None or not dig_list(policy, "spec", "mutate"):
            return (), ""
        name = dig_text(policy, "metadata", "name")
        if not self._may_get(POLICIES, "", name):
            return (), f"To see it you need the right to get the policy {name} yourself."
        if any(each.get("sensitive") is True for each in dig_list(policy, "spec", "rules")):
            return (), "A rule of the policy is sensitive."
        try:
            crd = read_crd(self._get(CRDS, self._resource.name))
            compiled, mistakes = read_live_policy(policy, LiveSchemas({crd.name: crd}))
            if compiled is None:
                return (), f"The policy is not in force: {mistakes[0] if mistakes else 'it cannot be read'}"
            wanted = _wanted_version(compiled, self._resource)
            if wanted != self._resource.version:
                thing = self._get(replace(self._resource, version=wanted), self._finding.name, self._namespace)
            return find_changes(compiled, thing, crd, namespace, self._now)
        except AuditorError as error:
            return (), _tell(error)


def _name_rule(finding: FindingLine) -> tuple[str, str]:
    """Of a policy of ours; empty: it is about none."""
    if finding.policy_kind == Kind.POLICY:
        return finding.policy, finding.rule
    if finding.policy_kind == Kind.CHECK and finding.policy in OF_POLICIES:
        policy, _, rule = finding.rule.partition("/")
        return policy, rule
    return "", ""


def _wanted_version(policy: CompiledPolicy, resource: Resource) -> str:
    """That which it names of this kind; any: that of the object."""
    for match in policy.policy.matches:
        for rule in match.rules:
            if resource.group in rule.groups and "*" not in rule.versions and resource.version not in rule.versions:
                return min(rule.versions)
    return resource.version


def _find_writers(thing: JsonObject, path: str) -> tuple[WriterLine, ...]:
    """Of what is there; of what is missing, of what it is missing from."""
    writers = read_writers(thing)
    try:
        tokens = tuple(split_pointer(path))
    except ValueError:
        tokens = ()
    found = find_owners(writers, tokens, thing) if tokens else writers
    while not found and tokens:
        tokens = tokens[:-1]
        found = find_owners(writers, tokens, thing) if tokens else writers
    return tuple(map(_tell_writer, sorted(found, key=lambda each: each.time or NEVER, reverse=True)))


def _tell_writer(writer: Writer) -> WriterLine:
    return WriterLine(
        manager=writer.manager, operation=writer.operation, subresource=writer.subresource, at=writer.time
    )


def _tell(error: AuditorError) -> str:
    if isinstance(error, ForbiddenError):
        return "The dashboard itself may not read it: it lacks the right."
    # It may name hosts: who runs the dashboard finds it in the log.
    log.warning("dashboard: an object cannot be read: %s", error)
    return "The cluster cannot be asked now."
