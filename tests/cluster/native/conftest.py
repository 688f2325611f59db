"""The real API server with things to ask about, for all tests of this folder."""

import contextlib
from collections.abc import Iterator

import pytest

from auditor.sandbox import Sandbox
from tests.cluster.native.asker import NAMESPACE, Asker, install_crd, make_crd


@pytest.fixture(scope="session")
def asker(control_plane: Sandbox) -> Iterator[Asker]:
    with contextlib.closing(Asker(control_plane)) as asker:
        install_crd(asker, make_crd({"type": "object", "x-kubernetes-preserve-unknown-fields": True}))
        namespace = {"metadata": {"name": NAMESPACE, "labels": {"env": "prod"}}}
        asker.ask("POST", "/api/v1/namespaces", namespace)
        yield asker
