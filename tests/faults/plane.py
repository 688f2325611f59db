"""A control plane of which every part may be killed: a sandbox ends when one of its own does."""

import dataclasses
import json
import ssl
import urllib.request
from pathlib import Path

import psutil
import psycopg

from auditor.json import JsonObject
from auditor.sandbox import assets
from auditor.sandbox.components import Plan, api_server_command, controllers_command, etcd_command, write_credentials
from auditor.sandbox.progress import Silent
from tests.cluster.history.conftest import make_server
from tests.faults.disk import Disk
from tests.faults.part import HOST, Part, free_port

ETCD_DISK = 1024
"""Megabytes: 128 for its log, and what a world becomes in half an hour."""
DISK = 320
"""Megabytes for PostgreSQL: 40 for an empty one, twice 64 for its log, and what we write."""


class Plane:
    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        # In memory where that is allowed: a busy disk, on which etcd waits for each write, is none of the faults.
        self._disk = Disk.mount(folder / "etcd", megabytes=ETCD_DISK, mode="700")
        found = assets.obtain(Silent())
        self.plan = Plan(
            directory=folder, assets=found, etcd_port=free_port(), port=free_port(), durable=True, controllers=True
        )
        write_credentials(self.plan)
        self.etcd = Part("etcd", etcd_command(self.plan), folder=folder)
        self.api = Part("api-server", api_server_command(self.plan), folder=folder)
        self.controllers = Part("controllers", controllers_command(self.plan), folder=folder)
        self.parts = (self.etcd, self.api, self.controllers)

    def start(self) -> None:
        for each in self.parts:
            each.start()

    def kubeconfig(self, name: str, port: int) -> Path:
        """By another way, which somebody may cut."""
        path = self.plan.directory / f"{name}.kubeconfig"
        elsewhere = dataclasses.replace(self.plan, port=port).url
        path.write_text(self.plan.kubeconfig.read_text().replace(self.plan.url, elsewhere))
        return path

    def ask_etcd(self, path: str, **question: object) -> JsonObject:
        """As etcdctl would."""
        pki = self.plan.pki
        trust = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        trust.load_cert_chain(pki / "etcd.crt", pki / "etcd.key")
        request = urllib.request.Request(
            f"https://{HOST}:{self.plan.etcd_port}/v3/{path}", data=json.dumps(question).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=20, context=trust) as answer:  # noqa: S310
            found: JsonObject = json.load(answer)
        return found

    def end(self) -> None:
        for each in reversed(self.parts):
            each.end(5)
        if self._disk is not None:
            self._disk.end()


class Postgres:
    """Its processes, beside the server of the tests of the history, on a disk of their own where that is allowed."""

    def __init__(self, folder: Path) -> None:
        self.disk = Disk.mount(folder, megabytes=DISK)
        place = folder / "postgres"
        try:
            self.server = make_server(place, port=free_port())
            with psycopg.connect(self.server.url("postgres"), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET max_wal_size = '64MB'")  # it may take a GB, else
                connection.execute("SELECT pg_reload_conf()")
        except BaseException:
            if self.disk is not None:
                self.disk.end()
            raise
        self._pid = place / "data" / "postmaster.pid"

    def tree(self) -> list[psutil.Process]:
        postmaster = psutil.Process(int(self._pid.read_text().split()[0]))
        return [postmaster, *postmaster.children(recursive=True)]

    def kill(self) -> None:
        """All at once, as when the machine loses its power: the next start has to recover."""
        tree = self.tree()
        for each in tree:
            each.kill()
        psutil.wait_procs(tree, timeout=10)

    def start(self) -> None:
        """Does nothing where it runs."""
        if not self.running:
            self.server.start()

    @property
    def running(self) -> bool:
        try:
            return self.tree()[0].is_running()
        except (FileNotFoundError, psutil.NoSuchProcess):
            return False

    def freeze(self) -> None:
        for each in self.tree():
            each.suspend()

    def thaw(self) -> None:
        for each in self.tree():
            each.resume()

    def end(self) -> None:
        if self.running:
            self.thaw()
            self.server.stop("immediate")
        if self.disk is not None:
            self.disk.end()
