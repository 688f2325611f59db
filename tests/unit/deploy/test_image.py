"""The Dockerfile: what can be known of an image without building it, and its steps without a container."""

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from fnmatch import fnmatch
from pathlib import Path

import pytest

from auditor import __version__
from tests.unit.deploy.generated import ROOT, render

FILE = ROOT / "deploy" / "Dockerfile"


def read_instructions() -> list[tuple[str, str]]:
    """Without comments, which may also stand between the lines of one; continued lines are one."""
    lines = [line for line in FILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest.strip()) for line in text.splitlines() if line for word, rest in [line.split(None, 1)]]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for word, rest in read_instructions():
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest))
    return found


def test_it_is_made_of_a_base_that_can_be_pinned() -> None:
    (base,) = [rest for word, rest in read_instructions() if word == "ARG" and rest.startswith("BASE=")]
    assert re.fullmatch(r"BASE=docker\.io/library/python:3\.\d+-slim-[a-z]+", base)
    assert [each[0][1].split(" AS ")[0] for each in stages()] == ["${BASE}", "${BASE}"]


def test_nobody_is_root_and_nothing_is_a_shell() -> None:
    last = stages()[-1]
    assert ("USER", "65532:65532") in last
    assert not any(word == "RUN" for word, _ in last)
    assert [json.loads(rest) for word, rest in last if word in ("ENTRYPOINT", "CMD")] == [["auditor"], ["--help"]]
    assert set(re.findall(r"runAsUser: (\d+)", render())) == {"65532"}


def test_the_authorities_that_everybody_trusts_are_found() -> None:
    """By all OpenSSLs in it: that of psycopg's wheel looks at a place of its own, which is not there."""
    assert ("ENV", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt") in stages()[-1]


def test_what_is_copied_is_let_in() -> None:
    """And nothing else: neither the checkout nor anything secret beside it."""
    sources = [
        each
        for stage in stages()
        for word, rest in stage
        if word == "COPY" and "--from" not in rest
        for each in rest.split()[:-1]
    ]
    ignored = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().split("\n")
    rules = [each for each in ignored if each and not each.startswith("#")]
    assert rules[0] == "*"
    assert sorted(rules[1:]) == sorted(f"!{each}" for each in sources)
    assert (ROOT / "deploy" / "requirements.lock").is_file()
    assert any(fnmatch(f"dist/auditor-{__version__}-py3-none-any.whl", each) for each in sources)


def test_the_ports_are_those_of_the_chart() -> None:
    (exposed,) = [rest for word, rest in stages()[-1] if word == "EXPOSE"]
    values = ("--set", "dashboard.enabled=true,dashboard.publicUrl=https://x")
    assert set(exposed.split()) == set(re.findall(r"containerPort: (\d+)", render(*values)))


class Operations(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as there
        pass


def test_its_health_is_that_of_the_operations_port() -> None:
    (health,) = [rest.partition("CMD ")[2] for word, rest in stages()[-1] if word == "HEALTHCHECK"]
    program, option, code = json.loads(health)
    assert (program, option) == ("python", "-c")
    assert "(8081, 8082, 8084)" in code

    def check(port: int) -> int:
        command = [sys.executable, option, code.replace("(8081, 8082, 8084)", f"(1, {port})")]
        return subprocess.run(command, check=False).returncode

    with http.server.HTTPServer(("127.0.0.1", 0), Operations) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert check(server.server_port) == 0
        server.shutdown()
    assert check(2) == 1


@pytest.mark.install
@pytest.mark.timeout(600)
def test_its_steps_make_a_program_that_runs(tmp_path: Path) -> None:
    """The only RUN, on this computer: /opt and /build are folders of the test."""
    build, opt = tmp_path / "build", tmp_path / "opt"
    build.mkdir()
    wheel = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(build)]
    subprocess.run(wheel, cwd=ROOT, check=True, capture_output=True)
    (build / "requirements.lock").write_text((ROOT / "deploy" / "requirements.lock").read_text())
    (step,) = [rest for stage in stages() for word, rest in stage if word == "RUN"]
    step = step.replace("/build/", f"{build}/").replace("/opt/", f"{opt}/")
    step = re.sub(r"(?<=\s)python -m|^python -m", f"{sys.executable} -m", step)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "PIP_QUIET": "1"}
    subprocess.run(["bash", "-euc", step], env=environment, check=True)
    program = opt / "auditor" / "bin" / "auditor"
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    said = subprocess.run([program, "--version"], env=bare, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert __version__ in said.stdout
    packs = subprocess.run([program, "packs", "list"], env=bare, cwd=tmp_path, check=True, capture_output=True)
    assert packs.stdout
    assert {int(each.lstat().st_mtime) for each in opt.rglob("*")} == {1700000000}
