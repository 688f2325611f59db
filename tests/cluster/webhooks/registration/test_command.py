"""`auditor registration`: the plan is what kubectl can apply, then nothing differs; taken back, nothing is left."""

import secrets

import pytest
import yaml
from click.testing import CliRunner, Result

from auditor.cli.registration import command
from auditor.cluster import Client
from auditor.cluster.discovery import Kinds
from auditor.errors import NotFoundError
from auditor.intake.kinds import POLICIES
from auditor.sandbox import Sandbox
from auditor.webhooks.registration.drift import MANAGER
from auditor.webhooks.registration.writing import CONFIGURATIONS


def run(sandbox: Sandbox, *arguments: str) -> Result:
    found = CliRunner().invoke(command, [*arguments, "--kubeconfig", str(sandbox.kubeconfig)])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def test_planned_applied_and_removed(sandbox: Sandbox, client: Client, kinds: Kinds) -> None:
    name = f"auditor-{secrets.token_hex(3)}"
    mine = ("--name", name, "--url", "https://127.0.0.1:1", "--namespace", "default")
    rule = {"apiGroups": [f"{name}.example.com"], "apiVersions": ["*"], "resources": ["things"], "operations": ["*"]}
    spec = {"match": {"resourceRules": [rule]}, "rules": [{"name": "r", "cel": "true"}], "enforcement": "Deny"}
    policy = {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": name}, "spec": spec}
    client.create(POLICIES, policy)
    try:
        shown = run(sandbox, "plan", *mine)
        assert f"+++ ValidatingWebhookConfiguration {name}" in shown.output
        assert "fail-10s.validate.auditor.dev" in shown.output
        assert "crds.validate.auditor.dev" not in shown.output
        assert "crds.validate.auditor.dev" in run(sandbox, "plan", *mine, "--crd-impact").output

        planned = run(sandbox, "plan", *mine, "-o", "yaml").stdout
        assert [each["kind"] for each in yaml.safe_load_all(planned)] == list(CONFIGURATIONS)
        sandbox.kubectl("apply", "--server-side", f"--field-manager={MANAGER}", "-f", "-", stdin=planned)
        assert "all is registered as it has to be" in run(sandbox, "plan", *mine).output

        seen = run(sandbox, "remove", *mine, "--dry-run").output
        assert f"would remove: ValidatingWebhookConfiguration {name}" in seen
        for resource in CONFIGURATIONS.values():
            client.get(resource, name)
        assert f"removed: ValidatingWebhookConfiguration {name}" in run(sandbox, "remove", *mine).output
        for resource in CONFIGURATIONS.values():
            with pytest.raises(NotFoundError):
                client.get(resource, name)
        assert "nothing was registered" in run(sandbox, "remove", *mine).output
        late = run(sandbox, "remove", *mine, "--owner", "ClusterRole/uninstalled").output
        assert "note: ClusterRole/uninstalled is not there: a webhook that still runs would register again" in late
    finally:
        client.delete(POLICIES, name)
