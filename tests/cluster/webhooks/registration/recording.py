"""A webhook that lets everything pass and writes down what it was asked: which path, of what, in which version."""

import json
import ssl
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from auditor.certs import Authority
from auditor.json import JsonObject
from auditor.webhooks.registration import Address


@dataclass(frozen=True, slots=True)
class Call:
    path: str
    operation: str
    group: str
    version: str
    resource: str
    name: str


class Recorder:
    def __init__(self, directory: Path) -> None:
        self.authority = Authority.create("tests of registration")
        pair = self.authority.issue("webhook", hosts=["127.0.0.1"], server=True)
        certificate, key = pair.write(directory, "webhook")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self.conversions = 0
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = json.dumps(recorder.answer(self.path.partition("?")[0], body)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:  # to no terminal
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:  # the API server hangs up at its end
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> Address:
        return Address(
            url=f"https://127.0.0.1:{self._server.server_port}", authorities=self.authority.pair.certificate_pem
        )

    def answer(self, path: str, review: JsonObject) -> JsonObject:
        request = review["request"]
        if review["kind"] == "ConversionReview":
            with self._lock:
                self.conversions += 1
            converted = [thing | {"apiVersion": request["desiredAPIVersion"]} for thing in request["objects"]]
            response = {"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": converted}
            return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}
        resource = request["resource"]
        full = "/".join(filter(None, (resource["resource"], request.get("subResource"))))
        call = Call(path, request["operation"], resource["group"], resource["version"], full, request.get("name", ""))
        with self._lock:
            self._calls.append(call)
        response = {"uid": request["uid"], "allowed": True}
        return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}

    def take(self) -> list[Call]:
        """All since the last time."""
        with self._lock:
            calls, self._calls = self._calls, []
        return calls

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
