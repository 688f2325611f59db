"""A part of a kubeconfig that knows where it stands, so that every complaint names file, entry, field and remedy."""

import base64
import binascii
import os
from dataclasses import dataclass, field
from pathlib import Path

from auditor.errors import ConnectionConfigError
from auditor.json import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Section:
    """Values are read by their type; what is missing or null is empty. Fields hold secrets and are never shown."""

    place: str
    """The file, and the entry in it: `/home/a/.kube/config: user "alice"`."""
    fields: JsonObject = field(repr=False)
    directory: Path
    """Relative paths start here: the folder of the file that holds this entry."""
    prefix: str = ""
    """`exec.` for what is nested in the entry."""
    advice: str = "Correct the path, or fetch the kubeconfig anew"
    """Where a file that is named here cannot be read."""

    def error(self, name: str, problem: str) -> ConnectionConfigError:
        return ConnectionConfigError(f"{self.locate(name)}: {problem}")

    def locate(self, name: str) -> str:
        return f"{self.place}: {self.prefix}{name}"

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        if value is None or isinstance(value, str):
            return value or ""
        hint = "" if isinstance(value, dict | list) else ". Put it in quotes"  # kubectl refuses it, too
        raise self.error(name, f"this must be a text, and is {_kind(value)}{hint}")

    def flag(self, name: str) -> bool:
        value = self.fields.get(name)
        if value is None or isinstance(value, bool):
            return value is True
        raise self.error(name, f"this must be true or false, and is {_kind(value)}")

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.fields.get(name)
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise self.error(name, "this must be a list of texts")

    def sections(self, name: str) -> "tuple[Section, ...]":
        """Of a list of objects."""
        value = self.fields.get(name)
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return tuple(
                Section(self.place, item, self.directory, f"{self.prefix}{name}[{index}].")
                for index, item in enumerate(value)
            )
        raise self.error(name, "this must be a list of objects")

    def section(self, name: str) -> "Section | None":
        value = self.fields.get(name)
        if value is None:
            return None
        if isinstance(value, dict):
            return Section(self.place, value, self.directory, f"{self.prefix}{name}.")
        raise self.error(name, f"this must be an object, and is {_kind(value)}")

    def path(self, name: str) -> Path | None:
        text = self.text(name)
        return self.directory / text if text else None

    def data(self, name: str) -> bytes:
        """What was written in base64."""
        try:
            return base64.b64decode("".join(self.text(name).split()), validate=True)
        except (binascii.Error, ValueError):
            raise self.error(name, "this is not base64. Write it with `base64 -w0 FILE`") from None


def explain_unreadable(error: OSError) -> str:
    """What to do about a file, without Python's words."""
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case NotADirectoryError():
            return "there is no such folder"
        case PermissionError():
            return f"the user {os.getuid()} may not read it"
        case IsADirectoryError():
            return "this is a folder, not a file"
    return f"it cannot be read: {error.strerror or error}"


def _kind(value: Json) -> str:
    return {dict: "an object", list: "a list", str: "a text", bool: "true or false"}.get(type(value), "a number")
