"""Deliveries by somebody who means harm, beside tests/unit/report/delivery: where they lead, and what goes along."""

from dataclasses import replace
from email.errors import MessageError

import pytest

from auditor.report.delivery import DeliveryError, Hook
from auditor.report.delivery.mail import Mail
from tests.unit.report.delivery.making import PARCEL

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
