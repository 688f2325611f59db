"""The processes of a control plane: their credentials and command lines."""

from dataclasses import dataclass
from pathlib import Path

from auditor.certs import Authority, Pair, write_private
from auditor.errors import StartError
from auditor.sandbox.assets import CONTROLLERS, Assets
from auditor.sandbox.kubeconfig import Credentials, write_kubeconfig

HOST = "127.0.0.1"
ADMIN = "auditor-sandbox-admin"
SERVICE_RANGE = "10.0.0.0/24"
# What is useful without nodes. No workload controllers: their pods could never run, so nothing would become ready.
RUNNING_CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
    "resourcequota-controller",
    "validatingadmissionpolicy-status-controller",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides the command lines."""

    directory: Path
    assets: Assets
    etcd_port: int
    port: int
    durable: bool
    controllers: bool
    api_server_arguments: tuple[str, ...] = ()

    @property
    def pki(self) -> Path:
        return self.directory / "pki"

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    @property
    def controllers_kubeconfig(self) -> Path:
        return self.directory / "controllers.kubeconfig"


def write_credentials(plan: Plan) -> None:
    """A sandbox that persists keeps its authority, so that kubeconfigs made earlier go on working."""
    plan.pki.mkdir(mode=0o700, exist_ok=True)
    authority = load_authority(plan.pki) if (plan.pki / "ca.key").exists() else Authority.create("auditor sandbox")
    authority.pair.write(plan.pki, "ca")
    names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", HOST, "10.0.0.1"]
    authority.issue("kube-apiserver", hosts=names, server=True).write(plan.pki, "apiserver")
    authority.issue("etcd", hosts=["localhost", HOST], server=True, client=True).write(plan.pki, "etcd")
    if not (plan.pki / "tokens.key").exists():
        tokens = Authority.create("service account tokens").pair
        write_private(plan.pki / "tokens.pub", tokens.public_key_pem)
        write_private(plan.pki / "tokens.key", tokens.key_pem)
    admin = authority.issue(ADMIN, organizations=["system:masters"], client=True)
    admin.write(plan.pki, "admin")
    manager = authority.issue("system:kube-controller-manager", client=True)
    trusted = authority.pair.certificate_pem
    write_kubeconfig(plan.kubeconfig, plan.url, trusted, Credentials(ADMIN, pair=admin))
    write_kubeconfig(plan.controllers_kubeconfig, plan.url, trusted, Credentials("controllers", pair=manager))


def load_authority(pki: Path) -> Authority:
    try:
        return Authority(Pair.read(pki / "ca.crt", pki / "ca.key"))
    except ValueError as error:
        raise StartError(f"its files are damaged: {error}. Remove it with: auditor sandbox down --delete") from error


def etcd_command(plan: Plan) -> list[str]:
    pki = plan.pki
    url = f"https://{HOST}:{plan.etcd_port}"
    return [
        str(plan.assets.programs["etcd"]),
        f"--data-dir={plan.directory / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls=https://{HOST}:0",  # a single member has no peers; the address is free, nobody asks for it
        *(f"--{peer}cert-file={pki / 'etcd.crt'}" for peer in ("", "peer-")),
        *(f"--{peer}key-file={pki / 'etcd.key'}" for peer in ("", "peer-")),
        *(f"--{peer}trusted-ca-file={pki / 'ca.crt'}" for peer in ("", "peer-")),
        *(f"--{peer}client-cert-auth" for peer in ("", "peer-")),
        "--log-level=warn",
        # Without --persist nobody will ever read this disk again: an etcd that waits for it is only slower.
        *([] if plan.durable else ["--unsafe-no-fsync"]),
    ]


def api_server_command(plan: Plan) -> list[str]:
    pki = plan.pki
    return [
        str(plan.assets.programs["kube-apiserver"]),
        f"--etcd-servers=https://{HOST}:{plan.etcd_port}",
        f"--etcd-cafile={pki / 'ca.crt'}",
        f"--etcd-certfile={pki / 'etcd.crt'}",
        f"--etcd-keyfile={pki / 'etcd.key'}",
        f"--bind-address={HOST}",
        f"--secure-port={plan.port}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki / 'tokens.pub'}",
        f"--service-account-signing-key-file={pki / 'tokens.key'}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--endpoint-reconciler-type=none",  # a loopback address may not be an endpoint
        "--allow-privileged",
        "--profiling=false",
        *plan.api_server_arguments,
    ]


def controllers_command(plan: Plan) -> list[str]:
    return [
        str(plan.assets.programs[CONTROLLERS]),
        f"--kubeconfig={plan.controllers_kubeconfig}",
        f"--controllers={','.join(RUNNING_CONTROLLERS)}",
        f"--root-ca-file={plan.pki / 'ca.crt'}",
        f"--service-account-private-key-file={plan.pki / 'tokens.key'}",
        "--use-service-account-credentials",  # each with its own rights, as in any cluster
        "--secure-port=0",
        "--leader-elect=false",
        "--profiling=false",
    ]
