"""Kubeconfig files that carry all they need: the authority's certificate and one user's credentials."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from auditor.certs import Pair, write_private


@dataclass(frozen=True, slots=True)
class Credentials:
    user: str
    pair: Pair | None = None
    token: str = ""


def write_kubeconfig(path: Path, url: str, authority: bytes, credentials: Credentials) -> None:
    if credentials.pair is not None:
        secret = {
            "client-certificate-data": _encode(credentials.pair.certificate_pem),
            "client-key-data": _encode(credentials.pair.key_pem),
        }
    else:
        secret = {"token": credentials.token}
    name = "sandbox"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url, "certificate-authority-data": _encode(authority)}}],
        "users": [{"name": credentials.user, "user": secret}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": credentials.user}}],
        "current-context": name,
    }
    write_private(path, json.dumps(config, indent=2).encode())  # JSON is YAML


def _encode(pem: bytes) -> str:
    return base64.b64encode(pem).decode()
