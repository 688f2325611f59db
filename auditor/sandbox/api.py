"""Just enough of a client for the sandbox itself: is the server ready, and a token for a service account."""

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from auditor.errors import SandboxError


class Api:
    """As the administrator of the sandbox."""

    def __init__(self, url: str, pki: Path) -> None:
        self._url = url
        context = ssl.create_default_context(cafile=pki / "ca.crt")
        context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        # No proxy: the server is on this computer, whatever the environment says of the world outside.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    def answers(self, path: str) -> bool:
        try:
            with self._opener.open(self._url + path, timeout=2):
                return True
        except OSError:
            return False

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        data = json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers, method="POST")  # noqa: S310 our own https URL
        try:
            with self._opener.open(request, timeout=10) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            raise SandboxError(_message(error)) from error
        except OSError as error:
            raise SandboxError(f"the API server of the sandbox does not answer: {error}") from error
        return answer if isinstance(answer, dict) else {}


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError):
        return str(error)
