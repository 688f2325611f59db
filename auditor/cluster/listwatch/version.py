"""Which state of which object: its uid and resourceVersion as one short text, cheap to keep for 100,000 objects."""

from typing import NewType

from auditor.json import JsonObject

Version = NewType("Version", str)
"""`resourceVersion uid`, with a blank between: neither can hold one. Two are equal if they name the same state."""
UNKNOWN = Version("")


def make_version(*, uid: str, resource_version: str) -> Version:
    return Version(f"{resource_version} {uid}")


def version_of(obj: JsonObject) -> Version:
    """Of an object that has metadata; what is missing there is empty."""
    metadata = obj["metadata"]
    return make_version(uid=metadata.get("uid", ""), resource_version=metadata.get("resourceVersion", ""))


def uid_of(version: Version) -> str:
    return version.partition(" ")[2]


def resource_version_of(version: Version) -> str:
    return version.partition(" ")[0]


def is_after(new: str, old: str) -> bool:
    """Whether one resourceVersion is later than another: they are numbers of any size. Others are only told apart."""
    if new.isdecimal() and old.isdecimal():
        new, old = new.lstrip("0"), old.lstrip("0")
        return (len(new), new) > (len(old), old)  # int() refuses very long ones, and is no faster
    return new != old


def is_before(new: str, old: str) -> bool:
    """Certainly earlier: of versions that are no numbers that is never known."""
    return new.isdecimal() and old.isdecimal() and is_after(old, new)
