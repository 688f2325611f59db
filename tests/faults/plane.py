"""A control plane of which every part may be killed: a sandbox ends when one of its own does."""

import dataclasses
from pathlib import Path

import psutil

from auditor.sandbox import assets
from auditor.sandbox.components import Plan, api_server_command, controllers_command, etcd_command, write_credentials
from auditor.sandbox.progress import Silent
from tests.cluster.history.conftest import make_server
from tests.faults.part import Part, free_port


class Plane:
    def __init__(self, folder: Path) -> None:
        folder.mkdir()
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

    def end(self) -> None:
        for each in reversed(self.parts):
            each.end(5)


class Postgres:
    """Its processes, beside the server of the tests of the history."""

    def __init__(self, folder: Path) -> None:
        self.server = make_server(folder)
        self._pid = folder / "data" / "postmaster.pid"

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
