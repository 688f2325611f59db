"""From a delivery as it stands in the spec to a way that can be gone, with the secrets that it names."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from auditor.cluster.access import dig, dig_list, dig_object, dig_text
from auditor.errors import ForbiddenError, NotFoundError
from auditor.json import JsonObject
from auditor.report.delivery import DeliveryError, Folder, Hook, Mail, Parcel, Security, Way
from auditor.report.delivery.mail import PORTS
from auditor.report.delivery.template import fill


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    read_secret: Callable[[str], JsonObject]
    """By name, from our own namespace: whoever may write a schedule cannot reach the secrets of others."""
    root: Path
    """Below it files are written."""
    public_only: bool = False

    def find_way(self, delivery: JsonObject, parcel: Parcel) -> Way:
        """Raises DeliveryError if a secret is not there, ClusterError if it cannot be read."""
        if "file" in delivery:
            file = dig_object(delivery, "file")
            directory = fill(dig_text(file, "directory"), parcel.words)
            return Folder(root=self.root, directory=directory, keep=dig(file, "keep", default=52))
        if "email" in delivery:
            return self._write_mail(dig_object(delivery, "email"), parcel)
        return self._call(dig_object(delivery, "webhook"))

    def _write_mail(self, email: JsonObject, parcel: Parcel) -> Mail:
        security = Security(dig_text(email, "security") or Security.STARTTLS)
        secret = dig_text(email, "credentials", "secret")
        if secret and security is Security.NONE:
            raise DeliveryError("a password is not sent over a connection that everybody can read")
        return Mail(
            host=dig_text(email, "host"),
            port=dig(email, "port", default=PORTS[security]),
            security=security,
            sender=fill(dig_text(email, "from"), parcel.words),
            receivers=tuple(fill(each, parcel.words) for each in dig_list(email, "to")),
            subject=fill(dig_text(email, "subject") or "${subject}", parcel.words),
            user=self._find(secret, "username").decode() if secret else "",
            password=self._find(secret, "password").decode() if secret else "",
            ca=dig_text(email, "caBundle"),
            public_only=self.public_only,
        )

    def _call(self, hook: JsonObject) -> Hook:
        headers = {dig_text(each, "name"): self._read(each, "value", "valueFrom") for each in dig_list(hook, "headers")}
        if any(mark in value for value in headers.values() for mark in "\r\n"):
            raise DeliveryError("the value of a header has several lines")
        signing = dig_object(hook, "signing")
        return Hook(
            url=self._read(hook, "url", "urlFrom"),
            headers=headers,
            body=dig_text(hook, "body"),
            content_type=dig_text(hook, "contentType") or "application/json",
            key=self._find(dig_text(signing, "secret"), dig_text(signing, "key")) if signing else b"",
            ca=dig_text(hook, "caBundle"),
            public_only=self.public_only,
        )

    def _read(self, thing: Mapping[str, object], plain: str, secret: str) -> str:
        if plain in thing:
            return dig_text(thing, plain)
        # A line break at the end came with the file that it was made from.
        found = self._find(dig_text(thing, secret, "secret"), dig_text(thing, secret, "key"))
        return found.decode().rstrip("\r\n")

    def _find(self, name: str, key: str) -> bytes:
        try:
            text = dig(self.read_secret(name), "data", key)
        except NotFoundError as error:
            raise DeliveryError(f"there is no Secret {name} in the auditor's own namespace") from error
        except ForbiddenError as error:
            raise DeliveryError(f"the Secret {name} may not be read: the watcher needs get on it") from error
        try:
            found = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
            found.decode()
        except (binascii.Error, ValueError) as error:
            raise DeliveryError(f"{key} of the Secret {name} is no text") from error
        if not found:
            raise DeliveryError(f"the Secret {name} has no {key}, or an empty one")
        return found
