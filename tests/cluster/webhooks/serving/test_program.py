"""The program as somebody who starts it sees it: mistakes, readiness, certificates of others, its end."""

import json
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from auditor.certs import Authority
from auditor.sandbox import Sandbox
from tests.cluster.webhooks.serving.conftest import NAMESPACE, free_port
from tests.cluster.webhooks.serving.running import Program, wait


def fail(*options: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "auditor", "webhook", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stderr


def test_ports_that_are_taken_are_told_before_anything_is_started(cluster: Sandbox) -> None:
    kubeconfig = ("--kubeconfig", str(cluster.kubeconfig))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, text = fail(*kubeconfig, "--listen", address)
        assert (code, "Address already in use" in text) == (2, True), text
        code, text = fail(*kubeconfig, "--listen", "127.0.0.1:0", "--operations", address)
        assert (code, "Address already in use" in text) == (2, True), text


def test_without_an_api_server_it_lives_and_is_not_ready(tmp_path: Path, cluster: Sandbox) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    text = cluster.kubeconfig.read_text()
    kubeconfig.write_text(text.replace(cluster.record.url, f"https://127.0.0.1:{free_port()}"))
    program = Program(kubeconfig, "--drain", "0", port=free_port())
    try:
        wait(lambda: program.get("/healthz") == (200, "ok\n"))
        status, said = program.get("/readyz")
        assert status == 503
        assert "[-] policies: not read yet" in said
        assert "[-] certificates: " in said
        assert "auditor_webhook_ready 0.0" in program.get("/metrics")[1]
    finally:
        assert program.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_is_not_ready_first_and_ends_then(cluster: Sandbox, number: int) -> None:
    program = Program(cluster.kubeconfig, "--drain", "1", port=free_port())
    try:
        program.wait_ready()
        program.process.send_signal(number)
        wait(lambda: program.get("/readyz")[0] == 503)
        assert "[-] running: it is ending" in program.get("/readyz")[1]
        assert "[+] admission port" in program.get("/readyz")[1]
        assert program.process.wait(10) == 0
    finally:
        program.stop()
    assert "Traceback" not in program.text


def test_the_lease_is_given_back(cluster: Sandbox) -> None:
    lease = ("get", "lease", "auditor-webhook", "-n", NAMESPACE, "-o", "jsonpath={.spec.holderIdentity}")
    program = Program(cluster.kubeconfig, "--drain", "0.5", port=free_port())
    try:
        wait(lambda: bool(cluster.kubectl(*lease).stdout))
        program.wait_line("leads now")
    finally:
        program.stop()
    assert cluster.kubectl(*lease).stdout == ""


def test_certificates_of_others_and_clients_that_have_to_show_theirs(cluster: Sandbox, tmp_path: Path) -> None:
    authority = Authority.create("somebody else's")
    pair = authority.issue("webhook", hosts=["127.0.0.1"], server=True)
    (tmp_path / "tls.crt").write_bytes(pair.certificate_pem)
    (tmp_path / "tls.key").write_bytes(pair.key_pem)
    (tmp_path / "ca.crt").write_bytes(authority.pair.certificate_pem)
    files = ("--certificates", str(tmp_path), "--no-duties", "--drain", "0")
    program = Program(cluster.kubeconfig, *files, "--client-authorities", str(tmp_path / "ca.crt"), port=free_port())
    try:
        program.wait_ready()
    finally:
        program.stop()
    # One that API servers would not trust by the name that they call is not ready, and says why.
    program = Program(cluster.kubeconfig, *files, url="https://elsewhere.example.com", port=free_port())
    try:
        told = "API servers would not trust it as elsewhere.example.com"
        wait(lambda: told in program.get("/readyz")[1], why=lambda: program.get("/readyz")[1] + program.text)
    finally:
        program.stop()


def test_each_worker_has_its_operations_port_and_logs_are_json(cluster: Sandbox) -> None:
    command = [sys.executable, "-m", "auditor", "-v", "--log-format", "json", "webhook", "--kubeconfig"]
    port = free_port()
    listening = ("--listen", "127.0.0.1:0", "--operations", f"127.0.0.1:{port}", "--url", "https://127.0.0.1:1")
    more = ("--workers", "2", "--drain", "0", "--no-duties")
    process = subprocess.Popen(
        [*command, str(cluster.kubeconfig), *listening, *more], stderr=subprocess.PIPE, text=True
    )
    try:
        for each in (port, port + 1):
            wait(partial(answers, each))
    finally:
        process.terminate()
        _, text = process.communicate(timeout=20)
    assert process.returncode == 0
    lines = [json.loads(line) for line in text.splitlines()]
    assert {line["logger"] for line in lines} >= {"gunicorn.error", "auditor.webhooks.serving.application"}


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as sock:
            sock.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            return b"200 OK" in sock.recv(1000)
    except OSError:
        return False
