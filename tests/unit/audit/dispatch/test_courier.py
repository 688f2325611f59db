import base64
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.audit.dispatch.courier import Courier
from auditor.errors import NotFoundError
from auditor.json import JsonObject
from auditor.report.delivery import DeliveryError, Folder, Hook, Mail, Security
from tests.unit.crds.cases import BASES
from tests.unit.report.delivery.making import PARCEL

SECRETS = {
    "mail": {"username": "auditor", "password": "s3cret"},
    "chat": {
        "url": "https://chat.example.com/s3cret\n",
        "authorization": "Bearer t0ken",
        "signing": "k3y",
        "empty": "",
    },
}
DELIVERIES = {each["name"]: each for each in BASES["reportschedule"]["spec"]["deliveries"]}
WORDS = {**PARCEL.words, "audience": "payments", "schedule": "weekly"}


def read(name: str) -> JsonObject:
    if name not in SECRETS:
        raise NotFoundError(f"get secrets auditor-system/{name}", code=404)
    return {"data": {key: base64.b64encode(value.encode()).decode() for key, value in SECRETS[name].items()}}


def find(delivery: JsonObject) -> Folder | Mail | Hook:
    courier = Courier(read_secret=read, root=Path("/reports"), public_only=True)
    way = courier.find_way(delivery, replace(PARCEL, words=WORDS))
    assert isinstance(way, Folder | Mail | Hook)
    return way


def test_a_folder() -> None:
    assert find(DELIVERIES["archive"]) == Folder(root=Path("/reports"), directory="weekly/payments", keep=12)


def test_mail() -> None:
    mail = find(DELIVERIES["mail"])
    assert isinstance(mail, Mail)
    assert (mail.host, mail.port, mail.security) == ("mail.example.com", 587, Security.STARTTLS)
    assert mail.receivers == ("payments-leads@example.com", "compliance@example.com")
    assert mail.subject == "Compliance of payments: 97.5"
    assert (mail.user, mail.password) == ("auditor", "s3cret")


@pytest.mark.parametrize(("security", "port"), [("TLS", 465), ("StartTLS", 587), ("None", 25)])
def test_ports(security: str, port: int) -> None:
    mail = find({"name": "a", "email": {"host": "m", "from": "a@b", "to": ["c@d"], "security": security}})
    assert isinstance(mail, Mail)
    assert (mail.port, mail.user) == (port, "")


def test_a_webhook() -> None:
    hook = find(DELIVERIES["chat"])
    assert isinstance(hook, Hook)
    assert hook.url == "https://chat.example.com/s3cret"
    assert hook.headers == {"X-Source": "auditor", "Authorization": "Bearer t0ken"}
    assert (hook.key, hook.public_only) == (b"k3y", True)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"secret": "gone", "key": "url"}, "there is no Secret gone in the auditor's own namespace"),
        ({"secret": "chat", "key": "gone"}, "the Secret chat has no gone"),
        ({"secret": "chat", "key": "empty"}, "has no empty, or an empty one"),
    ],
)
def test_secrets_that_are_not_there(source: JsonObject, says: str) -> None:
    with pytest.raises(DeliveryError, match=says):
        find({"name": "a", "webhook": {"urlFrom": source}})


def test_no_password_for_all_to_read() -> None:
    """Whatever the CRD says: an older one may be installed."""
    email = {"host": "m", "from": "a@b", "to": ["c@d"], "security": "None", "credentials": {"secret": "mail"}}
    with pytest.raises(DeliveryError, match="everybody can read"):
        find({"name": "a", "email": email})
