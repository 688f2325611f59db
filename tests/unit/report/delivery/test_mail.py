"""With a real server on loopback."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage

import pytest

from auditor.report.delivery import DeliveryError, Mail, Security
from tests.unit.report.delivery.making import DUE, PARCEL
from tests.unit.report.delivery.receivers import HOST, MailServer, Trust, closed_port, parts_of

PASSWORD = "s3cret"
TO = ("a@example.com", "b@example.com")


@pytest.fixture
def server(trust: Trust) -> Iterator[MailServer]:
    with MailServer(trust, user="auditor", password=PASSWORD) as server:
        yield server


@pytest.fixture
def mail(server: MailServer, trust: Trust) -> Mail:
    return Mail(
        host=HOST,
        port=server.port,
        sender="Auditor, the <auditor@example.com>",
        receivers=TO,
        subject="Compliance: 97.5 % in Bäume",
        user="auditor",
        password=PASSWORD,
        ca=trust.ca,
        step=2.0,
    )


def test_it_arrives(mail: Mail, server: MailServer) -> None:
    assert mail.deliver(PARCEL) == ""
    (letter,) = server.letters
    assert (letter.sender, letter.receivers, letter.user) == ("auditor@example.com", TO, "auditor")
    assert letter.encrypted
    message = letter.message
    assert isinstance(message, EmailMessage)
    assert message["Subject"] == "Compliance: 97.5 % in Bäume"
    assert message["To"] == "a@example.com, b@example.com"
    assert message["From"].addresses[0].display_name == "Auditor, the"
    assert message["Message-ID"] == "<5f0c@example.com>"
    assert message["Date"].datetime == DUE
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == PARCEL.text.splitlines()
    assert parts_of(letter) == {
        "weekly-payments-2026-11-02.html": "<p>Bäume</p>".encode(),
        "weekly-payments-2026-11-02.json": b'{"percent": 97.5}',
    }


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_private_addresses(mail: Mail, server: MailServer, security: Security) -> None:
    with pytest.raises(DeliveryError, match=f"{HOST}:{server.port}: it has a private address"):
        replace(mail, security=security, public_only=True).deliver(PARCEL)
    assert not server.letters


def test_lines_that_begin_with_a_dot(mail: Mail, server: MailServer) -> None:
    mail.deliver(replace(PARCEL, text=".\n..x\n.y"))
    message = server.letters[0].message
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == [".", "..x", ".y"]


def test_nothing_is_said_before_it_is_encrypted(mail: Mail, server: MailServer) -> None:
    mail.deliver(PARCEL)
    assert {line.split()[0].upper() for line in server.lines} == {"EHLO", "STARTTLS"}


def test_no_downgrade(mail: Mail, server: MailServer) -> None:
    server.day.starttls = False
    with pytest.raises(DeliveryError, match="STARTTLS"):
        mail.deliver(PARCEL)
    assert not server.letters
    assert not any(line.upper().startswith(("AUTH", "MAIL")) for line in server.lines)


def test_a_server_that_nobody_vouches_for(mail: Mail, server: MailServer) -> None:
    with pytest.raises(DeliveryError, match="certificate is not trusted"):
        replace(mail, ca="").deliver(PARCEL)
    assert not server.letters


def test_tls_from_the_start(mail: Mail, trust: Trust) -> None:
    with MailServer(trust, tls=True) as server:
        replace(mail, port=server.port, security=Security.TLS, user="").deliver(PARCEL)
        assert server.letters[0].encrypted
    with pytest.raises(DeliveryError, match="not trusted"), MailServer(trust, tls=True) as server:
        replace(mail, port=server.port, security=Security.TLS, user="", ca="").deliver(PARCEL)


def test_without_encryption(mail: Mail) -> None:
    with MailServer() as server:
        replace(mail, port=server.port, security=Security.NONE, user="").deliver(PARCEL)
        assert not server.letters[0].encrypted


def test_a_wrong_password_is_told_and_not_shown(mail: Mail, server: MailServer) -> None:
    wrong = replace(mail, password=PASSWORD[::-1])
    with pytest.raises(DeliveryError, match="refuses user or password: 535") as told:
        wrong.deliver(PARCEL)
    assert PASSWORD[::-1] not in str(told.value)
    assert PASSWORD not in repr(mail)


def test_one_refused_for_now_keeps_all_waiting(mail: Mail, server: MailServer) -> None:
    server.day.refused = {"b@example.com": b"451 greylisted"}
    with pytest.raises(DeliveryError, match=r"b@example\.com: it answers 451 greylisted"):
        mail.deliver(PARCEL)
    assert not server.letters


def test_one_refused_for_good_is_told(mail: Mail, server: MailServer) -> None:
    server.day.refused = {"b@example.com": b"550 no such user"}
    assert mail.deliver(PARCEL) == "b@example.com is refused: 550 no such user"
    assert server.letters[0].receivers == ("a@example.com",)


def test_all_refused(mail: Mail, server: MailServer) -> None:
    server.day.refused = dict.fromkeys(TO, b"550 no such user")
    with pytest.raises(DeliveryError, match=r"a@example\.com is refused"):
        mail.deliver(PARCEL)
    assert not server.letters


def test_refused_as_a_whole(mail: Mail, server: MailServer) -> None:
    server.day.after_data = b"552 too large"
    with pytest.raises(DeliveryError, match="552 too large") as told:
        mail.deliver(PARCEL)
    assert not told.value.uncertain


def test_cut_off_before_the_answer(mail: Mail, server: MailServer) -> None:
    server.day.after_data = None
    with pytest.raises(DeliveryError, match="before it says that it has the message") as told:
        mail.deliver(PARCEL)
    assert told.value.uncertain
    assert server.letters[0].message["Message-ID"] == "<5f0c@example.com>"


def test_a_bad_farewell_does_not_matter(mail: Mail, server: MailServer) -> None:
    server.day.at_quit = b"421 overloaded"
    assert mail.deliver(PARCEL) == ""
    server.day.at_quit = None
    assert mail.deliver(PARCEL) == ""
    assert len(server.letters) == 2


def test_nobody_there(mail: Mail) -> None:
    with pytest.raises(DeliveryError, match="refused") as told:
        replace(mail, port=closed_port()).deliver(PARCEL)
    assert not told.value.uncertain


def test_busy(mail: Mail, server: MailServer) -> None:
    server.day.greeting = b"421 busy"
    with pytest.raises(DeliveryError, match="421 busy"):
        mail.deliver(PARCEL)


def test_silence_has_an_end(mail: Mail, server: MailServer) -> None:
    server.day.silent = True
    with pytest.raises(DeliveryError, match="in time"):
        replace(mail, step=0.05).deliver(PARCEL)


def test_a_greeting_that_drips_is_cut_off(mail: Mail) -> None:
    """Each of its bytes comes in time, and it has no end."""
    over = threading.Event()
    with socket.create_server((HOST, 0)) as listening:

        def drip() -> None:
            sock, _ = listening.accept()
            with sock, contextlib.suppress(OSError):
                while not over.wait(0.02):
                    sock.sendall(b"2")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(DeliveryError, match="it answers 222"):
            replace(mail, port=listening.getsockname()[1], whole=0.2).deliver(PARCEL)
        assert time.monotonic() - begun < 20  # it would go on for 8,192 bytes
        over.set()
        thread.join()
