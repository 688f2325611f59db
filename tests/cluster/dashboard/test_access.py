"""Rights as a real API server knows them: by tokens, by a session that holds one, and through a proxy."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from auditor.cluster import Settings, connect
from auditor.dashboard.access import Entrance, ProxyEntrance, Rights, Secret, TokenEntrance, Tokens
from auditor.dashboard.access.proxy import GROUPS_HEADER, SECRET_HEADER, USER_HEADER
from auditor.dashboard.access.rights import SECONDS
from auditor.dashboard.access.sessions import Sessions
from auditor.dashboard.app import Source, make_app
from auditor.sandbox import Sandbox
from tests.unit.dashboard.visits import ORIGIN, open_source
from tests.unit.dashboard.world import TEAMS, WIDE, make_url, make_world

MINE, THEIRS = TEAMS
FOREIGN = (THEIRS, WIDE)
FROM_US = {"Origin": "http://localhost"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    url = make_url(tmp_path_factory.mktemp("history"))
    make_world(url)
    source = open_source(url)
    yield source
    source.database.close()


@pytest.fixture(scope="module")
def cluster(control_plane: Sandbox) -> Sandbox:
    """Other workers of the same run may make the same things at the same time."""
    for name in TEAMS:
        control_plane.kubectl("create", "namespace", name, check=False)
    for name, resources in {"d-reports": "reports", "d-all": "reports,clusterreports"}.items():
        rules = [{"apiGroups": ["openreports.io"], "resources": resources.split(","), "verbs": ["list"]}]
        what = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
        role = {**what, "metadata": {"name": name}, "rules": rules}
        control_plane.kubectl("apply", "-f", "-", stdin=json.dumps(role))
    return control_plane


Account = Callable[..., str]


@pytest.fixture
def account(cluster: Sandbox, namespace: str) -> Account:
    """Gives a token of an account with these bindings."""

    def make(name: str, *, role: str = "", within: str = "", audience: str = "") -> str:
        cluster.kubectl("create", "serviceaccount", name, "-n", namespace)
        if role:
            where = ("rolebinding", "-n", within) if within else ("clusterrolebinding",)
            binding = f"{namespace}-{name}"
            cluster.kubectl(
                "create", where[0], binding, f"--clusterrole={role}", f"--serviceaccount={namespace}:{name}", *where[1:]
            )
        meant = (f"--audience={audience}",) if audience else ()
        return cluster.kubectl("create", "token", name, "-n", namespace, *meant).stdout.strip()

    return make


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_rights(cluster: Sandbox, clock: Clock) -> tuple[Rights, Tokens]:
    client = connect(Settings(kubeconfig=str(cluster.kubeconfig)))
    return Rights(client, clock=clock), Tokens(client, clock=clock)


@pytest.fixture
def browser(cluster: Sandbox, source: Source, clock: Clock) -> FlaskClient:
    rights, tokens = make_rights(cluster, clock)
    return _visit(source, TokenEntrance(tokens, rights, Sessions(clock, secure=False)))


def _visit(source: Source, entrance: Entrance) -> FlaskClient:
    return make_app(source, entrance, ORIGIN).test_client()


def look(browser: FlaskClient, headers: Mapping[str, str], path: str = "/api/v1/findings?limit=500") -> tuple[int, str]:
    answer = browser.get(path, headers=dict(headers))
    return answer.status_code, answer.get_data(as_text=True)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_right_in_a_namespace_shows_that_namespace(browser: FlaskClient, account: Account) -> None:
    status, text = look(browser, bearer(account("team", role="d-reports", within=MINE)))
    assert status == 200
    assert MINE in text
    assert not any(word in text for word in FOREIGN)


def test_a_right_everywhere_shows_all(browser: FlaskClient, account: Account) -> None:
    status, text = look(browser, bearer(account("all", role="d-all")))
    assert status == 200
    assert all(word in text for word in (MINE, *FOREIGN))


def test_what_is_in_no_namespace_needs_the_right_for_that(browser: FlaskClient, account: Account) -> None:
    _, text = look(browser, bearer(account("namespaces", role="d-reports")))
    assert MINE in text
    assert THEIRS in text
    assert WIDE not in text


def test_without_a_right_nothing_is_shown(browser: FlaskClient, account: Account) -> None:
    status, text = look(browser, bearer(account("nobody")))
    assert status == 403
    assert not any(word in text for word in (MINE, *FOREIGN))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "\x7f", "x" * 20_000])
def test_a_wrong_token_shows_nothing(token: str, browser: FlaskClient) -> None:
    assert look(browser, bearer(token))[0] == 401
    assert look(browser, {"Authorization": f"Basic {token}"})[0] == 401


def test_a_token_for_somebody_else_is_none(cluster: Sandbox, source: Source, clock: Clock, account: Account) -> None:
    _, tokens = make_rights(cluster, clock)
    assert tokens.user_of(account("other", role="d-all", audience="vault")) is None
    client = connect(Settings(kubeconfig=str(cluster.kubeconfig)))
    meant = Tokens(client, clock=clock, audiences=("vault",))
    user = meant.user_of(cluster.kubectl("create", "token", "default", "-n", MINE, "--audience=vault").stdout.strip())
    assert user is not None
    assert user.name == f"system:serviceaccount:{MINE}:default"
    assert meant.user_of(cluster.kubectl("create", "token", "default", "-n", MINE).stdout.strip()) is None


def test_a_right_that_was_taken_away_shows_nothing_after_half_a_minute(
    browser: FlaskClient, account: Account, cluster: Sandbox, clock: Clock, namespace: str
) -> None:
    headers = bearer(account("fired", role="d-reports", within=MINE))
    assert look(browser, headers)[0] == 200
    cluster.kubectl("delete", "rolebinding", f"{namespace}-fired", "-n", MINE)
    clock.now += SECONDS
    assert look(browser, headers)[0] == 403


def test_an_account_that_was_deleted_is_out_after_half_a_minute(
    browser: FlaskClient, account: Account, cluster: Sandbox, clock: Clock, namespace: str
) -> None:
    headers = bearer(account("gone", role="d-all"))
    assert look(browser, headers)[0] == 200
    cluster.kubectl("delete", "serviceaccount", "gone", "-n", namespace)
    # The API server itself remembers a token for 10 s.
    patience = time.monotonic() + 30
    while look(browser, headers)[0] == 200 and time.monotonic() < patience:
        clock.now += SECONDS
        threading.Event().wait(0.5)
    assert look(browser, headers)[0] == 401


def test_a_login_lasts_until_the_logout(browser: FlaskClient, account: Account) -> None:
    token = account("person", role="d-reports", within=MINE)
    assert look(browser, {}, "/")[0] == 401
    assert browser.post("/login", data={"token": "wrong"}, headers=FROM_US).status_code == 401
    assert browser.post("/login", data={"token": token}).status_code == 403  # a form of somebody else's
    answer = browser.post("/login", data={"token": token}, headers=FROM_US)
    assert answer.status_code == 303
    assert token not in str(answer.headers)
    status, text = look(browser, {}, "/")
    assert status == 200
    assert MINE in text
    assert token not in text
    assert browser.post("/logout", data={"form": "wrong"}, headers=FROM_US).status_code == 403
    form = text.partition('name="form" value="')[2].partition('"')[0]
    assert browser.post("/logout", data={"form": form}, headers=FROM_US).status_code == 303
    assert look(browser, {}, "/")[0] == 401


def test_where_the_api_server_is_away_nothing_is_shown(source: Source, clock: Clock, tmp_path: Path) -> None:
    nowhere = tmp_path / "kubeconfig"
    nowhere.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
        "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:9'}}]\n"
        "contexts: [{name: a, context: {cluster: a, user: a}}]\nusers: [{name: a, user: {token: x}}]\n"
    )
    client = connect(Settings(kubeconfig=str(nowhere)))
    entrance = TokenEntrance(Tokens(client, clock=clock), Rights(client, clock=clock), Sessions(clock, secure=False))
    status, text = look(_visit(source, entrance), bearer("some-token"))
    assert status == 503
    assert "127.0.0.1" not in text
    assert not any(word in text for word in (MINE, *FOREIGN))


class TestProxy:
    PROOF = "a secret between the proxy and us"

    @pytest.fixture
    def proxied(self, cluster: Sandbox, source: Source, clock: Clock, tmp_path: Path, namespace: str) -> FlaskClient:
        (tmp_path / "secret").write_text(self.PROOF)
        for what, who in {"user": "jane@example.com", "group": "team-mine"}.items():
            cluster.kubectl(
                "create", "rolebinding", f"{namespace}-{what}", "--clusterrole=d-reports", f"--{what}={who}", "-n", MINE
            )
        rights, _ = make_rights(cluster, clock)
        return _visit(source, ProxyEntrance(Secret.of_file(tmp_path / "secret"), rights))

    def test_it_says_who_asks(self, proxied: FlaskClient) -> None:
        for told in ({USER_HEADER: "jane@example.com"}, {USER_HEADER: "joe", GROUPS_HEADER: "x, team-mine"}):
            status, text = look(proxied, {SECRET_HEADER: self.PROOF, **told})
            assert status == 200
            assert MINE in text
            assert not any(word in text for word in FOREIGN)

    def test_others_have_no_right(self, proxied: FlaskClient) -> None:
        assert look(proxied, {SECRET_HEADER: self.PROOF, USER_HEADER: "joe"})[0] == 403

    def test_nobody_else_may_say_so(self, proxied: FlaskClient) -> None:
        for proof in ({}, {SECRET_HEADER: "wrong"}, {SECRET_HEADER: ""}):
            assert look(proxied, {USER_HEADER: "jane@example.com", **proof})[0] == 401

    def test_no_proxy_makes_administrators(self, proxied: FlaskClient) -> None:
        mighty = {USER_HEADER: "joe", GROUPS_HEADER: "system:masters"}
        assert look(proxied, {SECRET_HEADER: self.PROOF, **mighty})[0] == 403
        account = {USER_HEADER: "system:admin"}
        assert look(proxied, {SECRET_HEADER: self.PROOF, **account})[0] == 401

    def test_it_has_to_say_it_once(self, proxied: FlaskClient) -> None:
        twice = [(SECRET_HEADER, self.PROOF), (USER_HEADER, "jane@example.com"), (USER_HEADER, "joe")]
        assert proxied.get("/", headers=twice).status_code == 401
        assert look(proxied, {SECRET_HEADER: self.PROOF})[0] == 401
