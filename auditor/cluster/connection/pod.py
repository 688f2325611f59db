"""The service account of the pod that we run in, told as a kubeconfig would tell it.

The loader of the `kubernetes` package rereads the token without looking whether it is there or whole, and knows neither
the namespace nor a CA that changes.
"""

import os
from pathlib import Path

from auditor.cluster.connection.section import Section

HOST, PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet puts token, CA and namespace, and renews them about every hour."""


def is_inside() -> bool:
    return bool(os.environ.get(HOST) and os.environ.get(PORT))


def read_sections() -> tuple[Section, Section]:
    """(cluster, user)."""
    host, port = os.environ[HOST], os.environ[PORT]
    cluster = {
        "server": f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        "certificate-authority": "ca.crt",
    }
    place, advice = "the service account of this pod", "Let the pod have one: automountServiceAccountToken: true"
    return (
        Section(place, cluster, SERVICE_ACCOUNT, advice=advice),
        Section(place, {"tokenFile": "token"}, SERVICE_ACCOUNT, advice=advice),
    )


def read_namespace() -> str:
    try:
        return (SERVICE_ACCOUNT / "namespace").read_text().strip() or "default"
    except (OSError, ValueError):
        return "default"
