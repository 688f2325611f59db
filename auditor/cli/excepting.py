"""`auditor except`: a PolicyException for a finding of an object, with a reason and an end."""

import re
import sys
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import click

from auditor.cli.cluster import Cluster, cluster_options
from auditor.cli.named import Sought, namespace_of, namespace_option, read_names, seek
from auditor.errors import AlreadyExistsError, ClusterError, ForbiddenError, NotFoundError, UsageError
from auditor.json import JsonObject

if TYPE_CHECKING:
    from auditor.cluster import Client
    from auditor.model.policy import Policy

_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}
_LONGEST_NAME: Final = 253
"""Of an object in Kubernetes."""
_NO_NAME: Final = re.compile(r"[^a-z0-9.-]+")


@click.command("except")
@click.argument("thing", metavar="KIND/NAME")
@click.argument("rule", metavar="POLICY[/RULE]")
@click.option("--reason", default="", metavar="TEXT", help="Why the rule cannot be kept, and what is done instead.")
@click.option(
    "--expires",
    default="",
    metavar="WHEN",
    help="When it ends: 30d, 12h or 2w from now, 2027-03-31 (with that day, in UTC) or 2027-03-31T12:00:00Z.",
)
@click.option("--owner", default="", metavar="NAME", help="Who answers for it. Default: who you are to the API server.")
@click.option("--name", default="", metavar="NAME", help="Of the PolicyException. Default: made of object and rule.")
@namespace_option
@click.option("--dry-run", is_flag=True, help="Print it as YAML, for a repository of manifests, and write nothing.")
@click.option(
    "--auditor-namespace",
    default="auditor-system",
    show_default=True,
    metavar="NAME",
    help="Ours: where exceptions for objects count that are in no namespace.",
)
@cluster_options
def command(
    *,
    thing: str,
    rule: str,
    reason: str,
    expires: str,
    owner: str,
    name: str,
    namespace: str,
    dry_run: bool,
    auditor_namespace: str,
    cluster: Cluster,
) -> int:
    """Excuse one object from one rule of a policy, or from all of its rules, until a day that has to be named.

    Reason and end are asked for at a terminal where they are not given. The exception is refused here if it could not
    work: a policy that allows none in that namespace, a rule that there is not, an end too far ahead.

    Exit code 0: it is written, or printed; 2: a mistake, or it could not work; 3: the cluster could not be asked, or
    refused.
    """
    from auditor.cluster.discovery import Discovery
    from auditor.intake.kinds import EXCEPTIONS

    named = read_names([thing])
    if not named[0].name:
        raise UsageError(f"{thing}: write KIND/NAME: an exception of this command is for one object")
    client = cluster.connect("except")
    with client.transport:
        found = seek(Discovery(client), named, namespace=namespace_of(client, namespace))[0]
        stored = client.get(found.resource, found.name, namespace=found.namespace)
        place = find_place(found, auditor_namespace)
        policy_name, _, rule_name = rule.partition("/")
        policy = _find_policy(client, policy_name)
        _check_rule(policy, rule_name)
        _check_namespace(client, policy, place)
        end = _read_end(client, expires or _ask("When does it end (30d, 2027-03-31)", "--expires"))
        why = reason or _ask("Why can the rule not be kept, and what is done instead", "--reason")
        manifest = _make(found, place, policy_name, rule_name, reason=why, end=end, name=name)
        manifest["spec"]["owner"] = owner or _find_user(client)
        _check_manifest(manifest)
        _look_for_finding(client, stored, policy_name, rule_name)
        if dry_run:
            import yaml

            click.echo(yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=120), nl=False)
            return 0
        try:
            client.create(EXCEPTIONS, manifest)
        except AlreadyExistsError as error:
            told = f"there is a PolicyException {manifest['metadata']['name']} in {place} already"
            raise UsageError(f"{told}: give another --name, or delete that one first") from error
    click.echo(
        f"policyexception/{manifest['metadata']['name']} created in {place}: {thing} is excused from {rule} "
        f"until {manifest['spec']['expires']}"
    )
    return 0


def find_place(found: Sought, auditor_namespace: str) -> str:
    """Where an exception for it counts. A Namespace is in itself: so the API server says, and so it is judged."""
    if (found.resource.group, found.resource.plural) == ("", "namespaces"):
        return found.name
    return found.namespace or auditor_namespace


def _find_policy(client: "Client", name: str) -> "Policy":
    from auditor.engine.read import read_policy
    from auditor.intake.kinds import POLICIES

    try:
        return read_policy(client.get(POLICIES, name))
    except NotFoundError as error:
        raise UsageError(
            f"there is no Policy {name} in this cluster. Native policies and the built-in checks know no exceptions: "
            "their bindings, and AuditConfig, say what they are about"
        ) from error


def _check_rule(policy: "Policy", rule: str) -> None:
    rules = [each.name for each in policy.rules]
    if rule and rule not in rules:
        raise UsageError(f"policy {policy.name} has no rule {rule}: there are {', '.join(rules) or 'none'}")


def _check_namespace(client: "Client", policy: "Policy", place: str) -> None:
    """One that a policy does not allow is taken by the API server, and excuses nobody."""
    from auditor.cluster.access import dig_object
    from auditor.cluster.resource import NAMESPACES
    from auditor.engine.match import selects

    if policy.exceptions is None:
        raise UsageError(f"policy {policy.name} allows no exceptions: its spec.exceptions would have to say where")
    try:
        labels = dig_object(client.get(NAMESPACES, place), "metadata", "labels")
    except ForbiddenError:
        click.echo(
            f"note: whether {policy.name} allows exceptions in {place} is not known: its labels are forbidden", err=True
        )
        return
    if not selects(policy.exceptions, {**labels, "kubernetes.io/metadata.name": place}):
        raise UsageError(f"policy {policy.name} allows no exceptions in namespace {place}, as its spec.exceptions says")


def _ask(question: str, option: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"{option} is required: nobody can be asked here")
    return str(click.prompt(question, err=True)).strip()


def _read_end(client: "Client", text: str) -> datetime:
    """Within what AuditConfig allows: one that reaches further excuses nothing until its end is near enough."""
    from auditor.intake.kinds import CONFIGS
    from auditor.intake.live.config import NAME, latest_end, read_settings

    now = datetime.now(UTC)
    end = read_end(text, now)
    if end <= now:
        raise UsageError(f"--expires {text}: lies in the past")
    try:
        config = client.get(CONFIGS, NAME)
    except NotFoundError:
        config = None
    except ForbiddenError:
        return end
    settings = read_settings(config)
    if end > latest_end(settings, now):
        raise UsageError(
            f"--expires {text}: further ahead than the {settings.exception_days} days that AuditConfig default allows"
        )
    return end


def read_end(text: str, now: datetime) -> datetime:
    """Raises UsageError for what is no time."""
    try:
        if match := re.fullmatch(r"(\d+)([hdw])", text):
            return (now + timedelta(**{_UNITS[match[2]]: int(match[1])})).replace(microsecond=0)
        end = datetime.fromisoformat(text)
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return datetime.combine(end, time(23, 59, 59), UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--expires {text}: write 30d, 12h, 2w, 2027-03-31 or 2027-03-31T12:00:00Z") from error
    if end.tzinfo is None:
        raise UsageError(f"--expires {text}: needs a time zone, as in 2027-03-31T12:00:00Z")
    return end.astimezone(UTC)


def _make(found: Sought, place: str, policy: str, rule: str, *, reason: str, end: datetime, name: str) -> JsonObject:
    """Only what it is for: this object, by its name, when it is created or changed."""
    from auditor.cluster.conditions import render_time

    resource = found.resource
    match = {
        "apiGroups": [resource.group],
        "apiVersions": ["*"],
        "resources": [resource.plural],
        "operations": ["CREATE", "UPDATE"],
        "resourceNames": [found.name],
    }
    made = "-".join(part for part in (resource.singular or resource.plural, found.name, policy, rule) if part)
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "PolicyException",
        "metadata": {
            "name": name or _NO_NAME.sub("-", made.lower())[:_LONGEST_NAME].strip("-."),
            "namespace": place,
        },
        "spec": {
            "policies": [policy],
            **({"rules": [rule]} if rule else {}),
            "match": {"resourceRules": [match]},
            "reason": reason,
            "expires": render_time(end),
        },
    }


def _find_user(client: "Client") -> str:
    """As the API server knows whoever asks."""
    from auditor.cluster import Resource
    from auditor.cluster.access import dig_text

    review = Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False)
    asked: JsonObject = {"apiVersion": review.api_version, "kind": review.kind}
    try:
        user = dig_text(client.create(review, asked), "status", "userInfo", "username")
    except ClusterError as error:
        raise UsageError(f"--owner NAME is required: the API server does not say who you are: {error}") from error
    if not user:
        raise UsageError("--owner NAME is required: the API server does not say who you are")
    return user


def _look_for_finding(client: "Client", stored: JsonObject, policy: str, rule: str) -> None:
    """An exception may come before what it is for, but mostly somebody has mistaken the object or the rule then."""
    from auditor.cluster.access import dig_list, dig_text
    from auditor.cluster.resource import Resource
    from auditor.report.crs import FORMS, name_of

    uid, namespace = dig_text(stored, "metadata", "uid"), dig_text(stored, "metadata", "namespace")
    for forms in FORMS.values():
        form = forms[0 if namespace else 1]
        reports = Resource(form.group, form.version, form.plural, form.kind, namespaced=form.namespaced)
        try:
            rows = dig_list(client.get(reports, name_of(uid), namespace=namespace), "results")
        except NotFoundError:
            continue
        except ForbiddenError:
            return
        if any(dig_text(row, "policy") == policy and rule in ("", dig_text(row, "rule")) for row in rows):
            return
    click.echo(f"note: no finding of {policy}{'/' * bool(rule)}{rule} is reported of this object now", err=True)


def _check_manifest(manifest: JsonObject) -> None:
    from auditor.intake.own import check_own

    _, mistakes = check_own(manifest)
    if mistakes:
        raise UsageError("; ".join(f"{each.pointer}: {each.message}" for each in mistakes))
