"""A Secret that somebody edited, emptied or deleted; and one that is not ours."""

import base64
from collections.abc import Callable

import pytest

from auditor.certs import Action, Authority, Trust, read_data
from auditor.certs.bundle import is_issued_by
from auditor.cluster import Client, Settings, connect
from auditor.cluster.resource import SECRETS
from auditor.errors import ForbiddenError, NotFoundError, UsageError
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from auditor.webhooks.certificates.own import (
    DEFAULT_NAME,
    MARK,
    SecretKeeper,
    SecretSettings,
    decode_data,
    make_material,
)
from tests.cluster.certs.conftest import HOST, Clock, Replica


@pytest.fixture
def first(replica: Replica) -> SecretKeeper:
    """Has written the Secret."""
    keeper = replica()
    keeper.refresh()
    return keeper


class Hand:
    """Edits the Secret as a person with kubectl does."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client, self.namespace = client, namespace

    def read(self) -> dict[str, bytes]:
        return decode_data(self.secret())

    def secret(self) -> JsonObject:
        return self.client.get(SECRETS, DEFAULT_NAME, namespace=self.namespace)

    def write(self, **parts: bytes | None) -> None:
        """tls_key for tls.key; None removes it."""
        data = {k.replace("_", "."): None if v is None else base64.b64encode(v).decode() for k, v in parts.items()}
        self.client.patch_merge(SECRETS, DEFAULT_NAME, {"data": data}, namespace=self.namespace)

    def create(self, data: dict[str, bytes], *, metadata: JsonObject | None = None, **fields: object) -> None:
        meta = {"name": DEFAULT_NAME, "namespace": self.namespace} | (metadata or {})
        encoded = {k: base64.b64encode(v).decode() for k, v in data.items()}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": encoded}
        self.client.create(SECRETS, secret | fields)

    def delete(self) -> None:
        self.client.delete(SECRETS, DEFAULT_NAME, namespace=self.namespace)


@pytest.fixture
def hand(client: Client, namespace: str) -> Hand:
    return Hand(client, namespace)


@pytest.mark.parametrize(
    "content", [b"garbage", b"", Authority.create("x").pair.key_pem], ids=["garbage", "empty", "other"]
)
@pytest.mark.parametrize("part", ["tls_crt", "tls_key"])
def test_serving_certificate_is_issued_again_by_the_same_authority(
    first: SecretKeeper, replica: Replica, hand: Hand, part: str, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    before = hand.read()
    hand.write(**{part: content})
    restarted = replica()
    restarted.refresh()
    assert [s.action for s in restarted.taken] == [Action.ISSUE]
    after = hand.read()
    assert read_data(after).faults == ()
    assert after["ca.crt"] == before["ca.crt"]
    name = part.replace("_", ".")
    assert after.get(f"replaced.{name}", b"") == content
    assert f"is broken and is repaired, as far as possible without failing requests: {name}: " in caplog.text


@pytest.mark.parametrize(
    "broken", [{"tls_key": b"x"}, {"ca_crt": b"x"}, {"ca_key": b"x"}, {"ca_crt": b"", "ca_key": b"", "tls_key": b"x"}]
)
def test_replica_that_remembers_writes_back_what_was(
    first: SecretKeeper, hand: Hand, broken: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    before, material = hand.read(), first.material
    hand.write(**broken)
    first.refresh()
    assert {k: v for k, v in hand.read().items() if not k.startswith("replaced.")} == before
    assert first.material == material
    assert first.taken == []
    assert "from what this replica remembers" in caplog.text
    caplog.clear()
    first.refresh()
    assert caplog.records == []


def test_deleted_secret_is_written_back_and_says_how_to_rotate(
    first: SecretKeeper, replica: Replica, hand: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    before = hand.read()
    hand.delete()
    first.refresh()
    assert hand.read() == before
    assert "auditor certs rotate" in caplog.text
    other = replica()
    other.refresh()
    assert other.material == first.material


def test_deleted_secret_with_nobody_who_remembers_begins_anew(
    first: SecretKeeper, replica: Replica, hand: Hand
) -> None:
    hand.delete()
    restarted = replica()
    restarted.refresh()
    assert [s.action for s in restarted.taken] == [Action.START]


def test_lost_key_of_the_authority_brings_the_next_one_without_a_gap(
    first: SecretKeeper, replica: Replica, hand: Hand, clock: Clock
) -> None:
    before = hand.read()
    hand.write(ca_key=b"garbage")
    answers = [Trust.MISSING]
    restarted = replica(trust=lambda *_: answers[0])
    restarted.refresh()
    assert [s.action for s in restarted.taken] == [Action.ADD]
    data = hand.read()
    assert data["tls.crt"] == before["tls.crt"]
    assert before["ca.crt"] in data["ca.crt"]
    assert data["replaced.ca.key"] == b"garbage"
    restarted.refresh()
    assert restarted.taken == []  # it waits, and writes nothing meanwhile
    assert hand.read() == data
    answers[0] = Trust.HELD
    restarted.refresh()
    assert [s.action for s in restarted.taken] == [Action.SWITCH]
    assert restarted.bundle
    assert restarted.bundle.serving
    assert not any(is_issued_by(restarted.bundle.serving.certificate, r.certificate) for r in restarted.bundle.retired)
    assert hand.read()["ca.crt"] == data["ca.crt"]


def test_what_others_keep_in_the_secret_stays(first: SecretKeeper, hand: Hand) -> None:
    hand.write(notes=b"call Jane", tls_key=b"broken")
    hand.client.patch_merge(SECRETS, DEFAULT_NAME, {"metadata": {"labels": {"team": "a"}}}, namespace=hand.namespace)
    first.refresh()
    assert hand.read()["notes"] == b"call Jane"
    assert hand.secret()["metadata"]["labels"]["team"] == "a"


def test_empty_secret_of_a_chart_is_filled_and_marked(replica: Replica, hand: Hand) -> None:
    hand.create({}, type="Opaque", metadata={"labels": {"helm.sh/chart": "auditor"}})
    keeper = replica()
    keeper.refresh()
    assert hand.secret()["metadata"]["labels"] == {"helm.sh/chart": "auditor", MARK: "webhook"}
    assert read_data(hand.read()).faults == ()


OTHERS = Authority.create("others").issue("web", hosts=["web"], server=True)
TLS = {"tls.crt": OTHERS.certificate_pem, "tls.key": OTHERS.key_pem}


@pytest.mark.parametrize(
    ("data", "fields", "said"),
    [
        (TLS, {"type": "kubernetes.io/tls"}, f"not written, and it is left as it is.*{MARK}=webhook"),
        ({"password": b"x"}, {}, "not written, and it is left as it is"),
        ({}, {"immutable": True}, "is immutable"),
        (
            TLS,
            {"metadata": {"annotations": {"cert-manager.io/certificate-name": "door"}, "labels": {MARK: "webhook"}}},
            r"is kept by cert-manager \(certificate door\)",
        ),
    ],
    ids=["TLS of others", "password", "immutable", "cert-manager"],
)
def test_secret_of_others_is_refused_and_left_alone(
    replica: Replica, hand: Hand, data: dict[str, bytes], fields: JsonObject, said: str
) -> None:
    hand.create(data, **fields)
    before = hand.secret()
    with pytest.raises(UsageError, match=said):
        replica().refresh()
    assert hand.secret() == before


def test_whole_secret_without_our_label_is_taken_as_ours(first: SecretKeeper, replica: Replica, hand: Hand) -> None:
    """Restored from a backup that keeps no labels."""
    data = hand.read()
    hand.delete()
    hand.create(data)
    restarted = replica()
    restarted.refresh()
    assert restarted.material == first.material


@pytest.mark.parametrize("change", [lambda s: s | {"data": {"tls.crt": "", "tls.key": ""}}])
def test_emptied_secret_is_filled_again(
    first: SecretKeeper, hand: Hand, change: Callable[[JsonObject], JsonObject]
) -> None:
    before = hand.read()
    hand.client.update(SECRETS, change(hand.secret()))
    first.refresh()
    assert hand.read() == before


def test_missing_namespace_is_named(client: Client, clock: Clock) -> None:
    keeper = SecretKeeper(client, SecretSettings(namespace="no-such", hosts=(HOST,)), clock=clock)
    with pytest.raises(NotFoundError, match=r'namespaces "no-such" not found'):
        keeper.refresh()


def test_right_that_is_missing_leaves_in_force_what_was(
    control_plane: Sandbox, namespace: str, first: SecretKeeper, clock: Clock
) -> None:
    nobody = connect(Settings(kubeconfig=str(control_plane.user_kubeconfig("jane"))))
    keeper = SecretKeeper(nobody, SecretSettings(namespace=namespace, hosts=(HOST,)), clock=clock)
    keeper.bundle = first.bundle
    with pytest.raises(ForbiddenError, match="cannot get resource"):
        keeper.refresh()
    assert keeper.material == first.material
    nobody.transport.close()


def test_material_is_nothing_without_a_certificate(first: SecretKeeper) -> None:
    assert first.bundle
    assert make_material(type(first.bundle)(current=first.bundle.current)) is None


def test_owner_takes_the_secret_with_it(client: Client, namespace: str, clock: Clock) -> None:
    """By the garbage collector, once the owner is gone; here, that the reference is there."""
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "installation", "uid": "1-2-3"}
    SecretKeeper(client, SecretSettings(namespace=namespace, hosts=(HOST,), owner=owner), clock=clock).refresh()
    secrets = client.list(SECRETS, namespace=namespace)
    found = [s["metadata"] for s in secrets if s["metadata"]["name"] == DEFAULT_NAME]
    assert [m.get("ownerReferences") for m in found] in ([[owner]], [])  # it may have gone already
