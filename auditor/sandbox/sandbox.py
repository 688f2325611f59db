"""A control plane as an object: start it, use it, stop it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from auditor.errors import SandboxError, StartError, UsageError
from auditor.sandbox import assets
from auditor.sandbox import record as records
from auditor.sandbox.api import Api
from auditor.sandbox.components import load_authority
from auditor.sandbox.kubeconfig import Credentials, write_kubeconfig
from auditor.sandbox.progress import Progress, Silent
from auditor.sandbox.record import Owner, Record
from auditor.sandbox.supervisor import STOP_TIMEOUT

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
        records.sweep()
        directory = records.directory_of(name)
        lock = records.claim(directory)
        if lock is None:
            raise StartError(f"the sandbox {name} is running already. Stop it with: auditor sandbox down --name {name}")
        try:
            last = Record.read(directory)  # of one that persists and was stopped
            if last is not None and _order(programs.version) < _order(last.version):
                raise UsageError(
                    f"the data of the sandbox {name} was written by Kubernetes {last.version}, "
                    f"which {programs.version} may not read. "
                    f"Remove it with: auditor sandbox down --name {name} --delete"
                )
            record = Record(
                name=name,
                version=programs.version,
                programs={program: str(path) for program, path in programs.programs.items()},
                persist=persist or last is not None,
                controllers=controllers,
                wanted_port=port,
                api_server_arguments=tuple(api_server_arguments),
                owner=None if detached else Owner.of(owner or os.getpid()),
                port=last.port if last else 0,  # kubeconfigs made earlier go on working, if it is still free
            )
            progress.begin(f"Starting etcd, API server and controllers of Kubernetes {programs.version}")
            try:
                record.write()
                supervisor = _spawn_supervisor(record, lock)
            except OSError as error:
                records.retire(directory, last)
                raise StartError(f"the sandbox cannot be made in {directory}: {error.strerror}") from error
        finally:
            os.close(lock)
        ready = _await_ready(record, supervisor)
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
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

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
        return self._write_kubeconfig(f"user-{user}", Credentials(user, pair=pair))

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        answer = Api(self.record.url, self.record.directory / "pki").create(path, body)
        credentials = Credentials(f"system:serviceaccount:{namespace}:{name}", token=answer["status"]["token"])
        return self._write_kubeconfig(f"account-{namespace}-{name}", credentials)

    def _write_kubeconfig(self, stem: str, credentials: Credentials) -> Path:
        directory = self.record.directory
        path = directory / f"{re.sub('[^A-Za-z0-9._-]', '_', stem)}.kubeconfig"
        write_kubeconfig(path, self.record.url, (directory / "pki" / "ca.crt").read_bytes(), credentials)
        return path

    def stop(self, *, delete: bool = False) -> None:
        """Nothing of it is left, but for the data of one that persists (`delete` removes that, too)."""
        directory = self.record.directory
        deadline = time.monotonic() + STOP_TIMEOUT * 2
        while (lock := records.claim(directory)) is None:
            supervisor = (Record.read(directory) or self.record).processes.get("supervisor")
            if supervisor:
                number = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL
                with contextlib.suppress(ProcessLookupError):
                    os.kill(supervisor, number)
            time.sleep(POLL)
        try:
            records.kill_remains(directory)
            if delete or not self.record.persist:
                records.retire(directory, None)
        finally:
            os.close(lock)
        if self._child:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.record.processes["supervisor"], 0)
            self._child = False

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


def _spawn_supervisor(record: Record, lock: int) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C reaches the owner alone; the lock is its from the first moment."""
    with (record.directory / "supervisor.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "auditor.sandbox.supervisor", str(record.directory)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[lock],
            start_new_session=True,
        )


def _await_ready(record: Record, supervisor: subprocess.Popen[bytes]) -> Record:
    try:
        while supervisor.poll() is None:
            current = Record.read(record.directory)
            if current is not None and current.phase == "ready":
                return current
            time.sleep(POLL)
    except BaseException:
        supervisor.terminate()
        supervisor.wait()
        records.take_notice(record.name)  # it would tell the next command what this one knows already
        raise
    notice = records.take_notice(record.name)
    if notice is None:  # a defect of ours: the traceback is in its log
        log = record.directory / "supervisor.log"
        notice = f"did not start: its supervisor failed:\n{log.read_text(errors='replace')[-2000:]}"
        records.sweep()
        records.take_notice(record.name)
    raise StartError(f"the sandbox {record.name} {notice}")
