"""In the cluster: the user's own token, which the API server vouches for, in the header or, in a browser, behind a
session. The token is asked about again every half minute: one that was revoked is out then.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from flask import Flask, Request, Response, abort, redirect, render_template, request

from auditor.cluster import Client, Resource
from auditor.cluster.access import dig, dig_list, dig_object, dig_text
from auditor.dashboard.access.entrance import Refused, Visitor
from auditor.dashboard.access.rights import SECONDS, USERS, Rights, User
from auditor.dashboard.access.sessions import Sessions
from auditor.dashboard.remembered import Remembered

REVIEWS: Final = Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False)
LONGEST: Final = 16 * 1024
"""Characters of a token. Those of OIDC with hundreds of groups have 10 KB; headers have no more room."""
HOW: Final = "Log in with a Kubernetes token, or send it as `Authorization: Bearer ...`."


class Tokens:
    def __init__(self, client: Client, *, clock: Callable[[], float], audiences: tuple[str, ...] = ()) -> None:
        """Without audiences: that of the API server."""
        self._client, self._audiences = client, audiences
        # Wrong tokens are remembered, too: who tries them asks us, not the API server.
        self._users: Remembered[bytes, User | None] = Remembered(seconds=SECONDS, most=USERS, clock=clock)

    def user_of(self, token: str) -> User | None:
        """None: it is nobody's. Raises ClusterError where that could not be found out."""
        if not token or len(token) > LONGEST or not token.isascii() or not token.isprintable():
            return None
        return self._users.get(sha256(token.encode()).digest(), lambda: self._ask(token))

    def _ask(self, token: str) -> User | None:
        spec = {"token": token, "audiences": list(self._audiences)}
        review = {"apiVersion": REVIEWS.api_version, "kind": REVIEWS.kind, "spec": spec}
        status = dig_object(self._client.create(REVIEWS, review), "status")
        name = dig_text(status, "user", "username")
        if dig(status, "authenticated") is not True or not name:
            return None
        # An API server that knows nothing of audiences leaves them out: the token may be meant for anybody.
        if self._audiences and not {*self._audiences} & {*dig_list(status, "audiences")}:
            return None
        return User(
            name=name,
            groups=tuple(dig_list(status, "user", "groups")),
            uid=dig_text(status, "user", "uid"),
            extra=tuple((key, tuple(values)) for key, values in sorted(dig_object(status, "user", "extra").items())),
        )


@dataclass(frozen=True, slots=True)
class TokenEntrance:
    tokens: Tokens
    rights: Rights
    sessions: Sessions[str]

    def identify(self, request: Request) -> Visitor:
        form, token = "", _read_bearer(request)
        if token is None:
            found = self.sessions.find(request)
            if found is None:
                raise Refused(HOW)
            form, token = found
        user = self.tokens.user_of(token)
        if user is None:
            raise Refused(f"The token is not, or no longer, valid. {HOW}")
        scope, may_get = self.rights.scope_of(user), self.rights.may_get(user)
        return Visitor(name=user.name, scope=scope, may_get=may_get, session=form)

    def mount(self, app: Flask) -> None:
        app.add_url_rule("/login", "login", self._show_login, methods=["GET"])
        app.add_url_rule("/login", "log_in", self._log_in, methods=["POST"])
        app.add_url_rule("/logout", "log_out", self._log_out, methods=["POST"])

    def _show_login(self) -> str:
        return render_template("login.html", wrong=False)

    def _log_in(self) -> Response | tuple[str, int]:
        token = request.form.get("token", "").strip()
        if self.tokens.user_of(token) is None:
            return render_template("login.html", wrong=True), 401
        response = _to_start()
        self.sessions.begin(token, response)
        return response

    def _log_out(self) -> Response:
        found = self.sessions.find(request)
        if found is not None and not hmac.compare_digest(found[0], request.form.get("form", "")):
            abort(403)
        response = _to_start()
        self.sessions.end(request, response)
        return response


def _to_start() -> Response:
    response = redirect("/", 303)
    assert isinstance(response, Response)  # noqa: S101 - Flask's own, which the types do not say
    return response


def _read_bearer(request: Request) -> str | None:
    """None: there is no such header. One of another scheme is no token, but it is not a cookie's turn either."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
