"""A real PostgreSQL for the tests: on loopback, in a folder of its own, by the user nobody if this is root."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def find_program(name: str) -> str | None:
    """On PATH, or where Debian has it."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, FOLDERS)]))


class Server:
    def __init__(self, folder: Path, *, port: int = 0) -> None:
        """Port 0: any that is free now, and that somebody else may have while the server is down."""
        self._data = folder / "data"
        self._folder = folder
        # It refuses to run as root.
        self._user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
        with socket.socket() as free:
            free.bind(("127.0.0.1", port))
            self.port = free.getsockname()[1]

    def make(self) -> None:
        self._folder.mkdir()
        if self._user:
            shutil.chown(self._folder, "nobody", "nogroup")
        options = ["--auth=trust", "--username=auditor", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self._run("initdb", "--pgdata", str(self._data), *options)

    def start(self) -> None:
        # Few connections are enough; the socket lies in our folder, where nobody else looks.
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self._folder}"
            " -c shared_buffers=16MB"
        )
        log = str(self._folder / "log")
        self._run("pg_ctl", "--pgdata", str(self._data), "--log", log, "--options", options, "--wait", "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "--pgdata", str(self._data), "--mode", mode, "--wait", "stop")

    @property
    def running(self) -> bool:
        return (self._data / "postmaster.pid").exists()

    def url(self, database: str) -> str:
        return f"postgresql://auditor@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *arguments: str) -> None:
        found = find_program(program)
        assert found, program
        command = [*self._user, found, *arguments]
        # Without pipes: the server would inherit them, and the end of pg_ctl would not be the end of its output.
        with (self._folder / f"{program}.log").open("ab") as log:
            subprocess.run(command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=60)
