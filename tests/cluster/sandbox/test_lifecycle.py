"""Sandboxes that come and go, and above all those that are killed: nothing is left, and the next command says why."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from auditor.errors import StartError
from auditor.sandbox import Sandbox, assets
from auditor.sandbox.assets import PROGRAMS
from auditor.sandbox.progress import Silent

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="session")
def programs() -> Path:
    """Where the binaries are, for tests with a cache or a state folder of their own."""
    return assets.obtain(Silent()).programs["kube-apiserver"].parent


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Path) -> Iterator[Path]:
    """A state folder of its own, so that `list` and `down --all` see nothing of others."""
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(programs))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    yield tmp_path / "auditor"
    for sandbox in Sandbox.all():
        sandbox.stop(delete=True)


def auditor(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "auditor", *arguments], capture_output=True, text=True, check=False)


def begin(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "auditor", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def await_that(condition: Callable[[], Any], what: str) -> Any:
    """Processes end when they end: asks again, at most for 30 s."""
    deadline = time.monotonic() + 30
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within 30 s: {what}"
        psutil.cpu_percent(0.05)
    return result


def processes_in(place: Path) -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(place) in word for word in command):
            found.append(" ".join(command)[:100])
    return found


def assert_nothing_left(place: Path) -> None:
    await_that(lambda: not processes_in(place), "its processes end")
    await_that(lambda: not list((place / "sandboxes").glob("*")), "its files are removed")


def only_record(place: Path) -> dict[str, Any]:
    def read() -> dict[str, Any] | None:
        for path in (place / "sandboxes").glob("*/sandbox.json"):
            record: dict[str, Any] = {**json.loads(path.read_text()), "name": path.parent.name}
            if record["phase"] == "ready":
                return record
        return None

    record: dict[str, Any] = await_that(read, "the sandbox is ready")
    return record


def test_up_status_list_kubectl_down(place: Path) -> None:
    up = auditor("sandbox", "up", "--name", "dev")
    assert up.returncode == 0, up.stderr
    assert "The sandbox dev is up: Kubernetes" in up.stdout
    again = auditor("sandbox", "up", "--name", "dev")
    assert (again.returncode, "was up already" in again.stdout) == (0, True)
    facts = json.loads(auditor("sandbox", "status", "--name", "dev", "-o", "json").stdout)
    assert set(facts["processes"]) == {"supervisor", *PROGRAMS} - {"kubectl"}
    assert oct(Path(facts["kubeconfig"]).stat().st_mode & 0o777) == "0o600"
    listed = auditor("sandbox", "list").stdout.splitlines()
    assert listed[1].split()[:2] == ["dev", "ready"]
    answer = auditor("sandbox", "kubectl", "--name", "dev", "get", "namespace", "default", "-o", "name")
    assert (answer.returncode, answer.stdout) == (0, "namespace/default\n")
    path = auditor("sandbox", "kubeconfig", "--name", "dev", "--user", "jane", "--group", "devs").stdout.strip()
    whoami = auditor("sandbox", "kubectl", "--name", "dev", "--kubeconfig", path, "auth", "whoami")
    assert "jane" in whoami.stdout
    missing = auditor("sandbox", "kubeconfig", "--name", "dev", "--serviceaccount", "default/nobody")
    assert (missing.returncode, missing.stderr) == (2, 'auditor: serviceaccounts "nobody" not found\n')
    down = auditor("sandbox", "down", "--name", "dev")
    assert (down.returncode, down.stdout, down.stderr) == (0, "The sandbox dev is stopped and removed.\n", "")
    assert_nothing_left(place)
    assert not list((place / "notices").glob("*"))


def test_what_is_not_there_is_said() -> None:
    for command in (("status",), ("kubectl", "get", "ns"), ("exec", "--name", "default", "true"), ("down",)):
        answer = auditor("sandbox", *command)
        assert answer.returncode == 2
        assert "no sandbox default" in answer.stderr
    assert auditor("sandbox", "list", "-o", "json").stdout == "[]\n"
    assert auditor("sandbox", "down", "--all").returncode == 0
    assert "cannot name a sandbox" in auditor("sandbox", "up", "--name", "../../etc").stderr


def test_exec_ends_with_its_command_and_passes_its_exit_code(place: Path) -> None:
    script = 'kubectl="$(dirname "$KUBEBUILDER_ASSETS/x")/kubectl"; "$kubectl" get --raw /readyz && exit 7'
    answer = auditor("sandbox", "exec", "--no-controllers", "--", "sh", "-c", script)
    assert (answer.returncode, answer.stdout) == (7, "ok")
    assert_nothing_left(place)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_exec_that_is_interrupted_leaves_nothing(place: Path, number: signal.Signals) -> None:
    process = begin("sandbox", "exec", "--no-controllers", "--", "sh", "-c", "echo started; exec sleep 1000")
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        os.killpg(process.pid, number)
        assert process.wait(30) == 128 + number
    assert_nothing_left(place)
    assert auditor("sandbox", "list").stderr.startswith("No sandboxes")


def test_owner_is_killed(place: Path) -> None:
    with begin("sandbox", "exec", "--", "sleep", "1000") as process:
        record = only_record(place)
        process.kill()
        process.wait()
        assert_nothing_left(place)
        with contextlib.suppress(ProcessLookupError):  # it may not have begun yet
            os.killpg(process.pid, signal.SIGKILL)  # the command itself is the user's: no sandbox ends it
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", record["port"]), timeout=1)
    told = auditor("sandbox", "list").stderr
    assert f"The sandbox {record['name']} was stopped, because the process that it belonged to ({process.pid})" in told
    assert "stopped" not in auditor("sandbox", "list").stderr  # said once


@pytest.mark.parametrize(
    ("victim", "said"),
    [
        ("etcd", "has ended: etcd was killed by signal 9 (SIGKILL)."),
        ("kube-apiserver", "has ended: kube-apiserver was killed by signal 9 (SIGKILL)."),
        ("supervisor", "has ended, because its supervisor was killed"),
    ],
)
def test_part_is_killed(place: Path, victim: str, said: str) -> None:
    assert auditor("sandbox", "up").returncode == 0
    os.kill(only_record(place)["processes"][victim], signal.SIGKILL)
    if victim != "supervisor":
        assert_nothing_left(place)
    answer = auditor("sandbox", "status")
    assert answer.returncode == 2
    assert f"The sandbox default {said}" in answer.stderr
    assert "no sandbox default is running" in answer.stderr
    assert_nothing_left(place)


def test_commands_that_look_while_one_comes_and_goes_see_nothing_wrong(place: Path) -> None:
    """Each of them asks each folder whether anybody lives there: that neither hinders the others nor misleads them."""
    with begin("sandbox", "up") as up:
        looks = [begin("sandbox", "list", "-o", "json") for _ in range(10)]
        told = "".join(look.communicate()[1] for look in looks)
        assert up.wait() == 0
    with begin("sandbox", "down") as down:
        looks = [begin("sandbox", "list", "-o", "json") for _ in range(10)]
        told += "".join(look.communicate()[1] for look in looks)
        assert down.wait() == 0
    assert told == ""
    assert_nothing_left(place)


def test_down_while_it_starts(place: Path) -> None:
    with begin("sandbox", "up") as up:
        await_that(lambda: (place / "sandboxes" / "default" / "sandbox.json").exists(), "it has begun")
        down = auditor("sandbox", "down")
        said = up.communicate()[1]
    assert (down.returncode, down.stderr) == (0, "")
    assert up.returncode == 2
    assert "Traceback" not in said
    assert "internal error" not in said
    assert_nothing_left(place)


def test_supervisor_that_does_not_answer(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.sandbox.sandbox.STOP_TIMEOUT", 0.05)
    with Sandbox.start(controllers=False) as sandbox:
        os.kill(sandbox.record.processes["supervisor"], signal.SIGSTOP)
    assert_nothing_left(place)


def test_stop_means_this_sandbox_and_no_later_one(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Sandbox.start("same", controllers=False)
    os.kill(first.record.processes["etcd"], signal.SIGKILL)
    assert_nothing_left(place)
    with Sandbox.start("same", controllers=False) as second:
        first.stop(delete=True)
        assert second.kubectl("get", "--raw=/readyz").stdout == "ok"
        monkeypatch.setenv("XDG_STATE_HOME", str(place / "elsewhere"))  # the sandbox stays where it is
        assert second.kubeconfig.exists()
    assert not second.kubeconfig.parent.exists()


def test_folder_of_the_user_has_no_part_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is what lies in it imported, nor are relative paths lost; and nothing is left in the home."""
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    home.mkdir()
    for module in ("psutil", "signal", "auditor"):
        (here / f"{module}.py").write_text("raise SystemExit('imported')")
    (here / "bin").symlink_to(os.environ["KUBEBUILDER_ASSETS"])
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KUBEBUILDER_ASSETS", "bin")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    with Sandbox.start(controllers=False) as sandbox:
        assert (sandbox.record.directory / "supervisor.log").read_text() == ""
        sandbox.kubectl("get", "namespaces")
    assert not list(home.rglob("*"))


def test_damaged_authority_of_one_that_persists(place: Path) -> None:
    Sandbox.start("kept", controllers=False, persist=True).stop()
    (place / "sandboxes" / "kept" / "pki" / "ca.key").write_text("")
    with pytest.raises(StartError, match=r"ca\.key: not a private key .* auditor sandbox down --delete"):
        Sandbox.start("kept", controllers=False)


def test_half_started_one_is_cleaned_up_by_the_next_command(place: Path) -> None:
    with begin("sandbox", "up") as process:
        directory = place / "sandboxes" / "default"
        await_that(lambda: (directory / "etcd").exists(), "etcd has started")
        supervisor = json.loads((directory / "sandbox.json").read_text())["processes"]["supervisor"]
        process.kill()
        os.kill(supervisor, signal.SIGKILL)
        process.wait()
    answer = auditor("sandbox", "list")
    assert "The sandbox default did not finish starting" in answer.stderr
    assert_nothing_left(place)


def test_data_persists_and_kubeconfigs_go_on_working(place: Path) -> None:
    assert auditor("sandbox", "up", "--persist").returncode == 0
    jane = auditor("sandbox", "kubeconfig", "--user", "jane").stdout.strip()
    assert auditor("sandbox", "kubectl", "create", "namespace", "kept").returncode == 0
    assert "its data is kept" in auditor("sandbox", "down").stdout
    assert not processes_in(place)
    assert auditor("sandbox", "list").stdout.splitlines()[1].split()[:2] == ["default", "stopped"]
    assert "no sandbox default is running" in auditor("sandbox", "status").stderr
    assert auditor("sandbox", "up").returncode == 0
    assert auditor("sandbox", "kubectl", "get", "namespace", "kept").returncode == 0
    whoami = auditor("sandbox", "kubectl", "--kubeconfig", jane, "auth", "whoami")
    assert "jane" in whoami.stdout, whoami.stderr
    os.kill(only_record(place)["processes"]["supervisor"], signal.SIGKILL)
    assert "Its data is kept." in auditor("sandbox", "list").stderr
    assert auditor("sandbox", "up").returncode == 0
    assert auditor("sandbox", "kubectl", "get", "namespace", "kept").returncode == 0
    assert auditor("sandbox", "down", "--delete").returncode == 0
    assert_nothing_left(place)


def test_several_side_by_side(place: Path) -> None:
    with (
        Sandbox.start("one", controllers=False) as one,
        Sandbox.start("two", controllers=False, api_server_arguments=["--max-requests-inflight=7"]) as two,
    ):
        one.kubectl("create", "namespace", "only-in-one")
        assert "NotFound" in two.kubectl("get", "namespace", "only-in-one", check=False).stderr
        assert {s.record.name for s in Sandbox.all()} == {"one", "two"}
        with pytest.raises(StartError, match="the sandbox one is running already"):
            Sandbox.start("one")
        config = two.kubectl("get", "--raw", "/metrics").stdout
        assert "apiserver" in config
    assert_nothing_left(place)


def test_port_in_use(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        answer = auditor("sandbox", "up", "--port", str(port))
    assert answer.returncode == 2
    assert f"port {port} on 127.0.0.1 cannot be used: Address already in use." in answer.stderr
    assert_nothing_left(place)
    assert auditor("sandbox", "list").stderr.startswith("No sandboxes")  # it was said already


def test_wrong_flag_of_the_api_server_is_told_in_its_own_words(place: Path) -> None:
    answer = auditor("sandbox", "up", "--api-server-arg=--no-such-flag=1")
    assert answer.returncode == 2
    assert "kube-apiserver has ended with exit code 1" in answer.stderr
    assert "unknown flag: --no-such-flag" in answer.stderr
    assert_nothing_left(place)


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="a small disk is mounted, as root on Linux")
@pytest.mark.parametrize("size", ["16k", "8m"])
def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: str) -> None:
    """On the first there is no room for a certificate, on the second none for etcd's log."""
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", small], check=True)
    try:
        monkeypatch.setenv("XDG_STATE_HOME", str(small))
        answer = auditor("sandbox", "up")
        assert answer.returncode == 2
        assert "full" in answer.stderr or "No space left on device" in answer.stderr
        assert "Traceback" not in answer.stderr
        assert not processes_in(small)
    finally:
        subprocess.run(["umount", small], check=True)


def test_without_a_controller_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Path) -> None:
    """The folder of envtest, as it is: three programs."""
    folder = tmp_path / "envtest"
    folder.mkdir()
    for name in assets.ENVTEST:
        (folder / name).symlink_to(programs / name)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(folder))
    with Sandbox.start(controllers=False) as sandbox:
        assert set(sandbox.record.processes) == {"supervisor", "etcd", "kube-apiserver"}
        sandbox.kubectl("create", "namespace", "x")
        (folder / "kubectl").unlink()  # or a cache that was cleared while it runs
        answer = auditor("sandbox", "kubectl", "--name", sandbox.record.name, "version")
        assert (answer.returncode, "Get it again with: auditor sandbox build" in answer.stderr) == (2, True)


@pytest.mark.parametrize(("name", "said"), [("file", "Not a directory"), ("x" * 300, "File name too long")])
def test_state_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / name))
    for command in ("up", "list"):
        answer = auditor("sandbox", command)
        assert answer.returncode == 2
        assert said in answer.stderr
        assert "internal error" not in answer.stderr
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_proxies_of_the_environment_are_for_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Sandbox.start(controllers=False) as sandbox:
        assert sandbox.kubectl("get", "--raw=/readyz").stdout == "ok"


def test_nothing_of_ours_is_needed_to_run_the_programs(programs: Path) -> None:
    """The cache has the form of envtest's folder, so other tools can use it."""
    assert {p.name for p in programs.iterdir()} >= set(PROGRAMS)
    kubectl = shutil.which("kubectl", path=str(programs))
    assert kubectl is not None
