"""A control plane as an object: start it, use it, stop it."""

import contextlib
import hashlib
import json
import os
import re
import secrets
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psutil

from auditor.errors import SandboxError, StartError, UsageError
from auditor.sandbox import assets
from auditor.sandbox import record as records
from auditor.sandbox.api import Api
from auditor.sandbox.components import HOST, load_authority
from auditor.sandbox.kubeconfig import Credentials, write_kubeconfig
from auditor.sandbox.launch import await_ready, move_in, spawn_supervisor
from auditor.sandbox.progress import Progress, Silent
from auditor.sandbox.record import STOP_TIMEOUT, Record

POLL = 0.02
TOKEN_SECONDS = 365 * 24 * 3600  # as long as the certificates of the sandbox


class Sandbox:
    """`with Sandbox.start() as sandbox: ...` runs a control plane that ends with the block, or with this process."""

    def __init__(self, record: Record, *, child: bool = False) -> None:
        self.record = record
        self._child = child  # whether we are the supervisor's parent, who has to take note of its end

    @classmethod
    def start(
        cls,
        name: str | None = None,
        *,
        version: str | None = None,
        controllers: bool = True,
        persist: bool = False,
        detached: bool = False,
        owner: int | None = None,
        port: int | None = None,
        api_server_arguments: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Self:
        """Ready for use when it returns. Bound to this process, or to `owner`, unless it is detached."""
        progress = progress or Silent()
        name = check_name(name or f"temporary-{os.getpid()}-{time.monotonic_ns() % 1_000_000}")
        programs = assets.obtain(progress, version=version, controllers=controllers)
        directory = records.directory_of(name)
        lock, last = move_in(directory)
        try:
            if last is not None and _order(programs.version) < _order(last.version):
                raise UsageError(
                    f"the data of the sandbox {name} was written by Kubernetes {last.version}, "
                    f"which {programs.version} may not read. "
                    f"Remove it with: auditor sandbox down --name {name} --delete"
                )
            record = Record(
                directory=directory,
                run=secrets.token_hex(4),
                version=programs.version,
                programs={program: str(path) for program, path in programs.programs.items()},
                persist=persist or last is not None,  # only those that persist leave a record
                controllers=controllers,
                wanted_port=port,
                api_server_arguments=tuple(api_server_arguments),
                owner=None if detached else owner or os.getpid(),
                port=last.port if last else 0,  # kubeconfigs made earlier go on working, if it is still free
            )
            progress.begin(f"Starting etcd, API server and controllers of Kubernetes {programs.version}")
            try:
                record.write()
                supervisor, log = spawn_supervisor(record, lock)
            except BaseException as error:  # Ctrl-C, too
                records.retire(directory, last)
                if isinstance(error, OSError):
                    raise StartError(f"the sandbox cannot be made in {directory}: {error.strerror}") from error
                raise
        finally:
            os.close(lock)
        with log:
            ready = await_ready(record, supervisor, log)
        supervisor.returncode = 0  # it goes on, and Popen is not to warn of that when it is forgotten
        return cls(ready, child=True)

    @classmethod
    def find(cls, name: str) -> Self:
        """The running sandbox of this name; SandboxError says what there is instead."""
        running = {sandbox.record.name: sandbox for sandbox in cls.all() if sandbox.running}
        if check_name(name) in running:
            return running[name]
        others = f" Running: {', '.join(running)}." if running else ""
        raise SandboxError(f"no sandbox {name} is running.{others} Start it with: auditor sandbox up --name {name}")

    @classmethod
    def all(cls) -> list[Self]:
        """Those that run, and those that were stopped and keep their data."""
        records.sweep()
        found = (Record.read(directory) for directory in records.directories())
        return [cls(record) for record in found if record is not None]

    @property
    def running(self) -> bool:
        return self.record.phase == "ready"

    @property
    def kubeconfig(self) -> Path:
        return self.record.directory / "kubeconfig"

    @property
    def environment(self) -> dict[str, str]:
        """Of this process, with the sandbox as the cluster that every Kubernetes client will use."""
        elsewhere = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
        no_proxy = f"{elsewhere},{HOST}" if elsewhere else HOST
        return {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            # kubectl would keep what it learns of this cluster in the user's home, by address, and so believe it of
            # the next one at that address.
            "KUBECACHEDIR": str(self.record.directory / "cache"),
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
        }

    def kubectl_command(self, arguments: Sequence[str]) -> list[str]:
        return [self.record.programs["kubectl"], *arguments]

    def kubectl(
        self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.kubectl_command(arguments),
            env={**self.environment, "KUBECONFIG": str(kubeconfig or self.kubeconfig)},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise SandboxError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done

    def user_kubeconfig(self, user: str, groups: Sequence[str] = ()) -> Path:
        """For any user: what it may do is up to the RBAC objects in the sandbox."""
        authority = load_authority(self.record.directory / "pki")
        try:
            pair = authority.issue(user, organizations=groups, client=True)
        except ValueError as error:
            raise UsageError(f"{user!r}: {error}. A user or group of a certificate has 1 to 64 characters.") from error
        return self._write_kubeconfig(["user", user, *groups], Credentials(user, pair=pair))

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/serviceaccounts/{quote(name, safe='')}/token"
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        answer = Api(self.record.url, self.record.directory / "pki").create(path, body)
        credentials = Credentials(f"system:serviceaccount:{namespace}:{name}", token=answer["status"]["token"])
        return self._write_kubeconfig(["account", namespace, name], credentials)

    def _write_kubeconfig(self, identity: Sequence[str], credentials: Credentials) -> Path:
        """One file for each identity: a path that was given out goes on meaning whom it meant."""
        directory = self.record.directory
        stem = re.sub("[^A-Za-z0-9._-]", "_", "-".join(identity[:3]))[:80]
        digest = hashlib.sha256(json.dumps(list(identity)).encode()).hexdigest()[:8]
        path = directory / f"{stem}-{digest}.kubeconfig"
        write_kubeconfig(path, self.record.url, (directory / "pki" / "ca.crt").read_bytes(), credentials)
        return path

    def stop(self, *, delete: bool = False) -> None:
        """Nothing of it is left, but for the data of one that persists (`delete` removes that, too)."""
        if lock := self._end_supervisor():
            try:
                if current := self._current():
                    records.kill_remains(current.directory)
                    records.retire(current.directory, None if delete else current)
            finally:
                os.close(lock)
        if self._child:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.record.processes["supervisor"], 0)
            self._child = False

    def _end_supervisor(self) -> int | None:
        """The lock of the folder, as soon as the supervisor has ended; None where this sandbox is there no more."""
        directory = self.record.directory
        deadline = time.monotonic() + STOP_TIMEOUT * 2
        supervisor = None
        with contextlib.suppress(FileNotFoundError):
            while (lock := records.claim_existing(directory)) is None:
                supervisor = supervisor or records.find_supervisor(directory)
                if self._current() is None:  # asked after we looked, so what we found is not that of a later one
                    return None
                with contextlib.suppress(psutil.NoSuchProcess):
                    if supervisor and time.monotonic() < deadline:
                        supervisor.terminate()
                    elif supervisor:
                        supervisor.kill()
                time.sleep(POLL)
            return lock
        return None

    def _current(self) -> Record | None:
        """What is known of it now; None where it is there no more, or where a later one has its name."""
        record = Record.read(self.record.directory)
        return record if record is not None and record.run == self.record.run else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def check_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", name):
        raise UsageError(f"{name!r} cannot name a sandbox: use up to 63 lower-case letters, digits, '-' and '.'")
    return name


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
