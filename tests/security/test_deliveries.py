"""Deliveries by somebody who means harm, beside tests/unit/report/delivery: where they lead, and what goes along."""

import json
import socket
from dataclasses import replace
from email.errors import MessageError

import pytest

from auditor.report.delivery import DeliveryError, Hook
from auditor.report.delivery.mail import Mail
from auditor.report.delivery.template import fill_json
from tests.unit.report.delivery.making import PARCEL
from tests.unit.report.news.test_news_letter import make_item, make_line, write

BESIDE = ("169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]")
PRIVATE = ("10.0.0.1", "127.1", "0.0.0.0", "2130706433", "100.100.100.200", "[fd00::1]", "[64:ff9b::a00:1]", "[::]")  # noqa: S104


@pytest.mark.parametrize("host", BESIDE)
@pytest.mark.parametrize("public_only", [True, False])
def test_no_cloud_is_asked_for_its_secrets(host: str, public_only: bool) -> None:
    """At its metadata address, in whatever form, and whether or not private addresses are allowed."""
    with pytest.raises(DeliveryError, match="link-local"):
        Hook(url=f"http://{host}/latest/meta-data", public_only=public_only, step=0.2, whole=0.2).deliver(PARCEL)


@pytest.mark.parametrize("host", PRIVATE)
def test_public_is_public(host: str) -> None:
    with pytest.raises(DeliveryError, match="private address"):
        Hook(url=f"http://{host}/", public_only=True, step=0.2, whole=0.2).deliver(PARCEL)


@pytest.mark.parametrize("host", [*BESIDE, *PRIVATE])
def test_no_mail_goes_there_either(host: str) -> None:
    mail = Mail(host=host.strip("[]"), port=25, sender="a@example.com", receivers=("b@example.com",), subject="")
    with pytest.raises(DeliveryError, match=r"link-local|private address"):
        replace(mail, public_only=True, step=0.2, whole=0.2).deliver(PARCEL)


def test_no_subject_is_a_header() -> None:
    """Nor an address, nor a name: what is in them comes from labels and names of namespaces."""
    mail = Mail(host="localhost", port=1, sender="Auditor <a@example.com>", receivers=("b@example.com",), subject="")
    made = replace(mail, subject="x\r\nBcc: evil@example.com\r\n\r\nbody")._write(PARCEL)
    head = made.partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc:" not in head
    assert b"\r\nSubject: x Bcc: evil@example.com body\r\n" in head
    for changed in (
        replace(mail, sender="Auditor\r\nBcc: evil@example.com <a@example.com>"),
        replace(mail, receivers=("b@example.com\r\nBcc: evil@example.com",)),
    ):
        with pytest.raises((ValueError, MessageError)):
            changed._write(PARCEL)


TOKEN = "c4nary"
BROKEN = {
    "a space": f"http://127.0.0.1:1/T0/{TOKEN} x",
    "a control character": f"http://127.0.0.1:1/T0/{TOKEN}\x01",
    "a letter": f"http://127.0.0.1:1/T0/{TOKEN}\u00e9",
    "a query": f"http://127.0.0.1:1/T0?a={TOKEN} {TOKEN}",
    "a port": f"http://127.0.0.1:{TOKEN}/",
    "a user": f"http://user:{TOKEN}@127.0.0.1:1/",
    "an address": f"http://[{TOKEN}/",
    "a scheme": f"{TOKEN}://127.0.0.1/",
    "nobody there": f"http://127.0.0.1:1/T0/{TOKEN}",
}


@pytest.mark.parametrize("url", BROKEN.values(), ids=BROKEN)
def test_no_url_is_told(url: str) -> None:
    """Its path is the secret of many a chat tool. The message stands in a status that many may read."""
    with pytest.raises(DeliveryError) as error:
        Hook(url=url, step=0.2, whole=0.2).deliver(PARCEL)
    assert TOKEN not in str(error.value)
    assert TOKEN not in repr(Hook(url=url))


@pytest.mark.parametrize("value", [f"Bearer {TOKEN}\nX: y", f"Bearer {TOKEN}\u2028", f"{TOKEN}\x00"])
def test_no_header_is_told(value: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(DeliveryError) as error:
            Hook(url=url, headers={"Authorization": value}, step=0.2, whole=0.2).deliver(PARCEL)
    assert TOKEN not in str(error.value)


CHAT = "<!channel> <@U1> <https://evil.example.com|all is well>\n- resolved, low: Thing shop/x\x1b[2J\u202e"


@pytest.mark.parametrize("field", ["message", "name", "path", "rule"])
def test_no_name_or_message_acts_in_a_chat(field: str) -> None:
    """As documented, with `${escapedText}`: nobody is called, nothing is a link, no line is forged."""
    item = make_item()
    parcel = write([item], [make_line(item, **{field: CHAT})])
    text = json.loads(fill_json('{"text": "${escapedText}"}', parcel.words))["text"]
    assert "&lt;!channel&gt;" in text
    assert "<" not in text
    assert len(text.splitlines()) == len(write([item]).text.splitlines())
    assert text.replace("\n", "").isprintable()
    assert list(json.loads(fill_json('{"text": "${text}"}', parcel.words))) == ["text"]
