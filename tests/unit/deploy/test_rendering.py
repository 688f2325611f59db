"""What Helm makes of the chart: for many values, by the rules that hold for all of them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from auditor.json import JsonObject
from tests import programs
from tests.unit.deploy.generated import ROOT, render
from tests.unit.deploy.values import CHART

POSTGRES = ("--set", "database.existingSecret=postgres")
DASHBOARD = ("--set", "dashboard.enabled=true,dashboard.publicUrl=https://auditor.example.com")
MONITORING = "metrics.serviceMonitor=true,metrics.podMonitor=true,alerts.enabled=true,grafana.dashboards=true"
EVERYWHERE = ("--set-json", 'commonLabels={"team": "platform"}', "--set-json", 'commonAnnotations={"note": "ours"}')
MATRIX = {
    "default": (),
    "postgres": (*POSTGRES, *DASHBOARD, "--set", "watcher.replicas=2"),
    "shared": (
        *POSTGRES,
        *DASHBOARD,
        "--set",
        "watcher.share=true,watcher.replicas=3,database.authoritySecret=corporate",
    ),
    "sidecar": (*DASHBOARD, "--set", "dashboard.tlsSecret=tls,dashboard.access=proxy,dashboard.proxySecret=proxy"),
    "ingress": (*DASHBOARD, "--set", "dashboard.ingress.enabled=true,dashboard.ingress.tlsSecret=tls"),
    "webhook alone": ("--set", "watcher.enabled=false"),
    "watcher alone": ("--set", "webhook.enabled=false"),
    "cert-manager": ("--set", "certificates.mode=cert-manager"),
    "issuer": ("--set", "certificates.mode=cert-manager,certificates.certManager.issuerRef.name=corporate"),
    "secret": ("--set", "certificates.mode=secret,certificates.existingSecret=tls"),
    "scaled": ("--set", "webhook.autoscaling.enabled=true,webhook.clientAuthoritiesSecret=clients"),
    "host network": ("--set", "webhook.hostNetwork=true,webhook.port=9443"),
    "openshift": ("--set", "openshift=true"),
    "monitoring": ("--set", MONITORING, "--set-json", 'networkPolicy.metricsFrom=[{"namespaceSelector": {}}]'),
    "isolated": ("--set", "networkPolicy.egress.enabled=true", *DASHBOARD),
    "labels": (*EVERYWHERE, *DASHBOARD, "--set", MONITORING, "--set", "watcher.persistence.keep=false"),
    "nothing kept": ("--set", "crds.keep=false,reportCrds.keep=false,crds.install=false"),
    "without extras": (
        "--set",
        "networkPolicy.enabled=false,apiPriority.enabled=false,webhook.podDisruptionBudget=false",
    ),
    "rights by others": ("--set", "rbac.create=false,webhook.owner=ClusterRole/ours"),
    "renamed": ("--set", "nameOverride=policy-auditor", *DASHBOARD),
}
CLUSTER_WIDE = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "FlowSchema",
    "PriorityLevelConfiguration",
}


@pytest.fixture(scope="module", params=MATRIX, ids=str)
def things(request: pytest.FixtureRequest) -> list[JsonObject]:
    """Rendered as for a namespace of another name: nothing may rest on that of the default."""
    text = render(*MATRIX[request.param], "--namespace", "policies")
    return [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]


@pytest.fixture(scope="module")
def default() -> list[JsonObject]:
    return [each for each in yaml.load_all(render(), yaml.CSafeLoader) if each]


def pods(things: list[JsonObject]) -> Iterator[tuple[str, JsonObject]]:
    for each in things:
        if each["kind"] == "Deployment":
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]
        elif each["kind"] == "Pod":
            yield each["metadata"]["name"], each["spec"]


def find(things: list[JsonObject], kind: str, name: str) -> JsonObject:
    (found,) = [each for each in things if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def test_every_object_says_whose_it_is(things: list[JsonObject]) -> None:
    names = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in things]
    assert len(set(names)) == len(names)
    for each in things:
        metadata = each["metadata"]
        assert metadata["labels"]["app.kubernetes.io/part-of"] == "auditor", metadata
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "Helm", metadata
        assert metadata.get("namespace") == (None if each["kind"] in CLUSTER_WIDE else "policies"), metadata
        assert "helm.sh/hook" not in metadata.get("annotations", {}) or each["kind"] == "Pod", "a hook may never finish"


def test_labels_and_annotations_for_all_reach_all() -> None:
    text = render(*MATRIX["labels"])
    for each in filter(None, yaml.load_all(text, yaml.CSafeLoader)):
        spread = [each["metadata"]]
        if each["kind"] == "Deployment":
            spread.append(each["spec"]["template"]["metadata"])
        for metadata in spread:
            assert metadata["labels"]["team"] == "platform", metadata
            assert metadata["annotations"]["note"] == "ours", metadata


def test_pods_keep_to_the_restricted_level(things: list[JsonObject]) -> None:
    """As Kubernetes defines it. The API server itself is asked in tests/cluster/deploy."""
    for name, spec in pods(things):
        assert not (spec.get("hostNetwork") and "webhook" not in name)
        assert not spec.get("hostPID")
        assert not spec.get("hostIPC")
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        assert all(each.keys() & {"emptyDir", "secret", "persistentVolumeClaim"} for each in spec.get("volumes", []))
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_containers_say_what_they_need(things: list[JsonObject]) -> None:
    for name, spec in pods(things):
        for container in spec["containers"]:
            resources = container["resources"]
            assert resources["requests"].keys() == {"cpu", "memory"}, name
            assert "memory" in resources["limits"], name
            assert container["image"].startswith("auditor:"), name
            if name.endswith("-test"):
                continue
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
            ports = {each["name"] for each in container["ports"]}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["httpGet"]["port"] in ports
            mounted = {each["name"] for each in container["volumeMounts"]}
            assert mounted <= {each["name"] for each in spec["volumes"]}
            assert "/tmp" in {each["mountPath"] for each in container["volumeMounts"]}


def test_what_is_named_is_there(things: list[JsonObject]) -> None:
    accounts = {each["metadata"]["name"] for each in things if each["kind"] == "ServiceAccount"}
    for _, spec in pods(things):
        assert spec.get("serviceAccountName", next(iter(accounts))) in accounts
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in things if each["kind"] == "Deployment"]
    for each in things:
        if each["kind"] == "Service":
            chosen = [one for one in labels if each["spec"]["selector"].items() <= one.items()]
            assert len(chosen) == 1, each["metadata"]["name"]
        if each["kind"] in ("ClusterRoleBinding", "RoleBinding"):
            kind = each["roleRef"]["kind"]
            assert find(things, kind, each["roleRef"]["name"])
            assert {subject["name"] for subject in each["subjects"]} <= accounts
            assert {subject["namespace"] for subject in each["subjects"]} == {"policies"}
        if each["kind"] in ("NetworkPolicy", "PodDisruptionBudget"):
            chosen = each["spec"].get("podSelector") or each["spec"]["selector"]
            assert any(chosen["matchLabels"].items() <= one.items() for one in labels), each["metadata"]["name"]


def test_arguments_are_those_of_the_program(things: list[JsonObject]) -> None:
    """Each option is known, and takes that value; nothing is run."""
    from auditor.cli.frame import auditor

    for name, spec in pods(things):
        for container in spec["containers"]:
            if name.endswith("-test"):
                continue
            with auditor.make_context("auditor", list(container["args"])) as context:
                words = [*context._protected_args, *context.args]
                command = auditor.get_command(context, words[0])
                assert command is not None
                options = {
                    option for parameter in command.params for option in parameter.opts + parameter.secondary_opts
                }
                assert {word.partition("=")[0] for word in words[1:]} <= options, words


def test_no_memory_of_what_runs_in_what_upgrades_write(default: list[JsonObject]) -> None:
    """A Lease or certificates that an upgrade writes over would be taken from those who hold them."""
    for each in default:
        if each["kind"] in ("Lease", "Secret"):
            assert each.keys() <= {"apiVersion", "kind", "metadata", "type"}


def test_the_webhook_is_owned_by_what_goes_with_the_release(default: list[JsonObject]) -> None:
    arguments = find(default, "Deployment", "auditor-webhook")["spec"]["template"]["spec"]["containers"][0]["args"]
    (owner,) = [each.partition("=")[2] for each in arguments if each.startswith("--owner=")]
    kind, _, name = owner.partition("/")
    assert "helm.sh/resource-policy" not in find(default, kind, name)["metadata"].get("annotations", {})


def test_the_end_is_waited_for(default: list[JsonObject]) -> None:
    """As long as the program says that it may take: drain, what is in hand, and two seconds to begin and end."""
    from auditor.audit.service import AT_MOST
    from auditor.webhooks.serving.settings import AFTERMATH

    wanted = {"auditor-webhook": 4 + AFTERMATH + 2, "auditor-watch": AT_MOST + 2}
    for name, spec in pods(default):
        if name in wanted:
            assert spec["terminationGracePeriodSeconds"] >= wanted[name], name


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ("webhook.replica=3", "additional properties 'replica' not allowed"),
        ("webhook.replicas=many", "webhook/replicas"),
        ("image.digest=latest", "image/digest"),
        ("certificates.mode=magic", "certificates/mode"),
        ("watcher.replicas=2", "several watchers need PostgreSQL"),
        ("watcher.share=true", "several watchers need PostgreSQL"),
        ("dashboard.enabled=true", "dashboard.publicUrl: as browsers see it"),
        ("dashboard.enabled=true,watcher.enabled=false,dashboard.publicUrl=https://x", "it needs watcher.enabled"),
        ("dashboard.enabled=true,dashboard.access=proxy,dashboard.publicUrl=https://x", "dashboard.proxySecret"),
        ("certificates.mode=secret", "certificates.existingSecret"),
        ("rbac.create=false", "webhook.owner: without rbac.create"),
        ("certificates.existingSecret=tls", "it counts with certificates.mode=secret alone"),
        ("certificates.certManager.issuerRef.name=corporate", "it counts with certificates.mode=cert-manager alone"),
        ("certificates.certManager.duration=90d", "certManager/duration"),
        ("database.dashboardSecret=reader", "so they need database.existingSecret"),
        ("watcher.reportsVolume.emptyDir.medium=Memory", "reportsVolume: it is for PostgreSQL"),
        ("database.existingSecret=db,watcher.persistence.existingClaim=disk", "existingClaim: it is for SQLite"),
        ("dashboard.enabled=true,dashboard.nodeSelector.disk=ssd", "in the watcher's: set watcher.nodeSelector"),
        ("dashboard.enabled=true,dashboard.priorityClassName=high", "set watcher.priorityClassName"),
        ("dashboard.enabled=true,dashboard.serviceAccount.annotations.role=a", "set watcher.serviceAccount"),
        ("webhook.port=8081", "8081 is the operations port"),
        ("webhook.autoscaling.enabled=true,webhook.autoscaling.minReplicas=9", "minReplicas is more than maxReplicas"),
        ("webhook.autoscaling.enabled=true,webhook.resources.requests.cpu=null", "requests.cpu, which is not there"),
        ("imagePullSecrets={registry}", "imagePullSecrets/0"),
        ("webhook.extraArgs={5}", "webhook/extraArgs/0"),
        ("networkPolicy.metricsFrom={monitoring}", "networkPolicy/metricsFrom/0"),
        ("webhook.nodeSelector.gpu=true", "webhook/nodeSelector/gpu"),
        ("webhook.resources.limits.memory=lots", "webhook/resources/limits/memory"),
        ("commonLabels.cost=12", "commonLabels/cost"),
        (r"commonLabels.app\.kubernetes\.io/name=mine", "commonLabels/app.kubernetes.io~1name"),
        (r"watcher.podLabels.app\.kubernetes\.io/component=mine", "watcher/podLabels/app.kubernetes.io"),
        ("listen=127.0.0.1", "listen"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(values: str, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        render("--set", values)


def test_values_of_a_component_go_before_those_of_all() -> None:
    values = ("--set", "priorityClassName=all,webhook.priorityClassName=own,nodeSelector.disk=ssd")
    rendered = [each for each in yaml.load_all(render(*values), yaml.CSafeLoader) if each]
    found = dict(pods(rendered))
    assert found["auditor-webhook"]["priorityClassName"] == "own"
    assert found["auditor-watch"]["priorityClassName"] == "all"
    assert found["auditor-webhook"]["nodeSelector"] == found["auditor-watch"]["nodeSelector"] == {"disk": "ssd"}


def read_things(*values: str) -> list[JsonObject]:
    return [each for each in yaml.load_all(render(*values), yaml.CSafeLoader) if each]


def test_a_value_is_no_yaml() -> None:
    """What ends an entry, or begins a comment, is part of the value."""
    values = (
        "clusterName=prod: east #1",
        "webhook.breakGlassGroup=oidc: admins",
        "watcher.persistence.existingClaim=12",
    )
    options = [word for each in values for word in ("--set-string", each)]
    found = dict(pods(read_things(*options, *DASHBOARD)))
    webhook, watch, dashboard = found["auditor-webhook"]["containers"] + found["auditor-watch"]["containers"]
    assert "--break-glass-group=oidc: admins" in webhook["args"]
    assert "--cluster-name=prod: east #1" in watch["args"]
    assert "--cluster-name=prod: east #1" in dashboard["args"]
    assert {"persistentVolumeClaim": {"claimName": "12"}, "name": "data"} in found["auditor-watch"]["volumes"]


def test_the_authority_of_the_database_is_where_its_client_looks() -> None:
    """Of watcher and dashboard: libpq knows it by PGSSLROOTCERT."""
    found = dict(pods(read_things(*MATRIX["shared"])))
    for spec in (found["auditor-watch"], found["auditor-dashboard"]):
        (container,) = spec["containers"]
        (path,) = [each["value"] for each in container["env"] if each["name"] == "PGSSLROOTCERT"]
        folders = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
        name = folders[path.rpartition("/")[0]]
        (volume,) = [each for each in spec["volumes"] if each["name"] == name]
        assert volume["secret"] == {"secretName": "corporate", "items": [{"key": "ca.crt", "path": "ca.crt"}]}


def test_a_cluster_without_ipv4() -> None:
    """All ports of all containers are at addresses of IPv6."""
    found = dict(pods(read_things("--set", "listen=[::]", *DASHBOARD)))
    listens = {
        word
        for spec in found.values()
        for container in spec["containers"]
        for word in container["args"]
        if word.startswith(("--listen", "--operations"))
    }
    assert listens == {"--listen=[::]:8443", "--listen=[::]:8084"} | {f"--operations=[::]:808{n}" for n in (1, 2, 3)}


@pytest.mark.parametrize("database", [(), POSTGRES])
def test_each_program_is_read_by_prometheus(database: tuple[str, ...]) -> None:
    """Each monitor comes to a port that a container has, and the NetworkPolicies let it in."""
    things = read_things(*DASHBOARD, *database, *MATRIX["monitoring"])
    templates = [each["spec"]["template"] for each in things if each["kind"] == "Deployment"]
    reached = set()
    for monitor in things:
        if monitor["kind"] not in ("PodMonitor", "ServiceMonitor"):
            continue
        selector = monitor["spec"]["selector"]["matchLabels"].items()
        (endpoint,) = monitor["spec"].get("endpoints") or monitor["spec"]["podMetricsEndpoints"]
        port = endpoint["port"]
        if monitor["kind"] == "ServiceMonitor":
            (service,) = [
                each for each in things if each["kind"] == "Service" and selector <= each["metadata"]["labels"].items()
            ]
            (port,) = [each["targetPort"] for each in service["spec"]["ports"] if each["name"] == port]
            selector = service["spec"]["selector"].items()
        (pod,) = [each for each in templates if selector <= each["metadata"]["labels"].items()]
        ((program, number),) = [
            (container["name"], each["containerPort"])
            for container in pod["spec"]["containers"]
            for each in container["ports"]
            if each["name"] == port
        ]
        ports = {
            each["port"]
            for policy in things
            if policy["kind"] == "NetworkPolicy"
            and policy["spec"]["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
            for rule in policy["spec"]["ingress"]
            if {"namespaceSelector": {}} in rule.get("from", [])
            for each in rule["ports"]
        }
        assert number in ports, monitor["metadata"]["name"]
        reached.add((monitor["kind"], program))
    programs = ("webhook", "watch", "dashboard")
    assert reached == {(kind, program) for kind in ("PodMonitor", "ServiceMonitor") for program in programs}


@pytest.mark.parametrize(
    ("values", "port"),
    [("openshift=true", 5353), ("webhook.hostNetwork=true", 8081), ("database.existingSecret=postgres", 5432)],
)
def test_pods_may_go_where_they_have_to(values: str, port: int) -> None:
    def read_ports(*more: str) -> set[int]:
        things = read_things("--set", "networkPolicy.egress.enabled=true", *more)
        spec = find(things, "NetworkPolicy", "auditor-watch")["spec"]
        return {each["port"] for rule in spec["egress"] for each in rule.get("ports", [])}

    assert read_ports() == {53, 443, 6443}
    assert port in read_ports("--set", values)


def test_a_chart_around_it_may_leave_it_out() -> None:
    """With `condition: auditor.enabled`, and is handed `global`."""
    assert read_things("--set", "enabled=true,global.registry=example")


def test_an_image_by_its_digest() -> None:
    digest = "sha256:" + "0" * 64
    rendered = [each for each in yaml.load_all(render("--set", f"image.digest={digest}"), yaml.CSafeLoader) if each]
    images = {one["image"] for _, spec in pods(rendered) for one in spec["containers"]}
    assert images == {f"auditor@{digest}"}


def test_dashboards_and_alerts_are_those_of_the_files() -> None:
    rendered = [each for each in yaml.load_all(render(*MATRIX["monitoring"]), yaml.CSafeLoader) if each]
    rules = find(rendered, "PrometheusRule", "auditor")["spec"]["groups"]
    assert rules == yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())["groups"]
    shown = {key for each in rendered if each["kind"] == "ConfigMap" for key in each["data"]}
    assert shown == {path.name for path in (CHART / "files" / "dashboards").glob("*.json")}


def test_alerts_are_those_of_what_runs() -> None:
    """Of a part that is not there an alert would never end: absent() is how it is told that one is gone."""
    rendered = render("--set", "alerts.enabled=true,webhook.enabled=false,alerts.runbooks=https://docs/x")
    rule = find([each for each in yaml.safe_load_all(rendered) if each], "PrometheusRule", "auditor")
    text = str(rule["spec"])
    assert "auditor_webhook_ready" not in text
    assert "https://docs/x/Auditor" in text


@pytest.mark.parametrize("values", [(), MATRIX["labels"], MATRIX["postgres"]], ids=["default", "labels", "postgres"])
def test_helm_has_nothing_against_it(values: tuple[str, ...]) -> None:
    command = [str(programs.helm()), "lint", "--strict", str(CHART), *values]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_our_own_packs_have_nothing_against_it(tmp_path: Path) -> None:
    """Neither against what lies in deploy, nor against what Helm makes of it."""
    (tmp_path / "rendered.yaml").write_text(render(*MATRIX["postgres"]))
    command = [sys.executable, "-m", "auditor", "scan", str(ROOT / "deploy"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "deploy/chart: a Helm chart is not read" in done.stdout + done.stderr
    assert "not read:" not in done.stdout + done.stderr
