"""By e-mail: a text, and the report attached. To all of the receivers in one go, or to nobody."""

import contextlib
import functools
import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum
from typing import Final

from auditor.report.delivery.address import connect
from auditor.report.delivery.limits import STEP, WHOLE, cut_off
from auditor.report.delivery.parcel import DeliveryError, Parcel


class _Line(smtplib.SMTP):
    """Over a connection that others make."""

    def __init__(
        self, connect: Callable[[smtplib.SMTP], socket.socket], host: str, port: int, *, timeout: float
    ) -> None:
        self._connect = connect
        super().__init__(host, port, timeout=timeout)

    def _get_socket(self, *_: object) -> socket.socket:
        return self._connect(self)


class Security(StrEnum):
    STARTTLS = "StartTLS"
    TLS = "TLS"
    NONE = "None"


PORTS: Final[Mapping[Security, int]] = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    host: str
    port: int
    sender: str
    receivers: tuple[str, ...]
    subject: str
    security: Security = Security.STARTTLS
    user: str = ""
    """Empty: nobody logs in."""
    password: str = field(default="", repr=False)
    ca: str = ""
    """In PEM; empty: those of the system."""
    public_only: bool = False
    """Whether private addresses are refused."""
    step: float = STEP
    whole: float = WHOLE

    def deliver(self, parcel: Parcel) -> str:
        try:
            message = self._write(parcel)
            with contextlib.ExitStack() as stack:
                smtp = self._open(stack)
                if self.security is Security.STARTTLS:
                    # Where it is not offered this raises: nobody between us and the server can talk us out of it.
                    smtp.starttls(context=self._trust())
                if self.user:
                    smtp.login(self.user, self.password)
                told = self._send(smtp, message)
                # It has the message: however badly the farewell goes, it is not sent again.
                with contextlib.suppress(OSError, smtplib.SMTPException):
                    smtp.quit()
                return told
        except smtplib.SMTPException as error:
            raise self._fail(_explain(error)) from error
        except ssl.SSLCertVerificationError as error:
            raise self._fail(f"its certificate is not trusted: {error.verify_message}") from error
        except TimeoutError as error:
            raise self._fail("it does not answer in time") from error
        except OSError as error:
            raise self._fail(error.strerror or str(error)) from error
        except (ValueError, MessageError) as error:
            raise self._fail(f"an address is none that can be written to: {error}") from error

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.ca or None)

    def _open(self, stack: contextlib.ExitStack) -> smtplib.SMTP:
        connect = functools.partial(self._connect, stack)
        return stack.enter_context(contextlib.closing(_Line(connect, self.host, self.port, timeout=self.step)))

    def _connect(self, stack: contextlib.ExitStack, smtp: smtplib.SMTP) -> socket.socket:
        where = f"{self.host}:{self.port}"
        sock = connect(self.host, self.port, where=where, step=self.step, public_only=self.public_only)
        # Before its greeting is read: a server may drip that, too.
        stack.enter_context(cut_off(lambda: smtp.sock, self.whole))
        return self._trust().wrap_socket(sock, server_hostname=self.host) if self.security is Security.TLS else sock

    def _send(self, smtp: smtplib.SMTP, message: bytes) -> str:
        """One that is refused for now keeps the others waiting, or they would get it again with it. One that is refused
        for good does not."""
        smtp.ehlo_or_helo_if_needed()
        self._insist(smtp.mail(_part(self.sender)[1]))
        refused = []
        for receiver in self.receivers:
            code, said = smtp.rcpt(receiver)
            if 500 <= code < 600:
                refused.append(f"{receiver} is refused: {code} {_show(said)}")
            else:
                self._insist((code, said), receiver)
        if len(refused) == len(self.receivers):
            raise self._fail("; ".join(refused))
        try:
            answer = smtp.data(message)
        except smtplib.SMTPDataError as error:
            raise self._fail(_explain(error)) from error
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            raise self._fail("the connection ends before it says that it has the message", uncertain=True) from error
        self._insist(answer)
        return "; ".join(refused)

    def _insist(self, answer: tuple[int, bytes], receiver: str = "") -> None:
        code, said = answer
        if not 200 <= code < 300:
            raise self._fail(f"{f'{receiver}: ' if receiver else ''}it answers {code} {_show(said)}")

    def _fail(self, said: str, *, uncertain: bool = False) -> DeliveryError:
        return DeliveryError(f"{self.host}:{self.port}: {said}", uncertain=uncertain)

    def _write(self, parcel: Parcel) -> bytes:
        message = EmailMessage()
        name, address = _part(self.sender)
        message["From"] = str(Address(display_name=name, addr_spec=address)) if name else address
        message["To"] = ", ".join(self.receivers)
        message["Subject"] = " ".join(self.subject.split())
        message["Date"] = format_datetime(parcel.at)
        # The same in each attempt: servers and readers take two of one for one.
        message["Message-ID"] = f"<{parcel.key}@{address.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # so that nobody on holiday answers it (RFC 3834)
        message.set_content(parcel.text)
        for sheet in parcel.sheets:
            main, _, sub = sheet.media.partition("/")
            file = f"{parcel.series}-{parcel.at:%Y-%m-%d}.{sheet.ending}"
            message.add_attachment(sheet.content, maintype=main, subtype=sub, filename=file, cte="base64")
        return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


def _part(sender: str) -> tuple[str, str]:
    """Name and address. A comma in a name means nothing here: there is one sender."""
    name, _, address = sender.rpartition("<")
    return (name.strip(), address.rstrip("> ")) if name else ("", address.strip("> "))


def _explain(error: smtplib.SMTPException) -> str:
    """Never what was said to it: a password may be among that."""
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"{error}".rstrip(".") + ", and nothing is sent without"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"it refuses user or password: {error.smtp_code} {_show(error.smtp_error)}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it answers {error.smtp_code} {_show(error.smtp_error)}"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "it closes the connection, or does not answer in time"
    return type(error).__name__


def _show(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:200]
