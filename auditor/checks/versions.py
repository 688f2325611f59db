"""Versions on their way out that are still in use: by writers, and in what is stored."""

from typing import Final

from auditor.checks.notes import Notes
from auditor.checks.stored import KindFacts, Stored
from auditor.checks.times import show_time
from auditor.checks.writers import Writer, read_writers, version_of

BUILT_IN: Final = "the kind is built in: its versions are the API server's own"


def find_old_writers(stored: Stored, notes: Notes) -> None:
    facts = stored.facts
    if facts is None:
        notes.skip(BUILT_IN)
        return
    entries = ((stored.request.object or {}).get("metadata") or {}).get("managedFields") or ()
    if all(facts.served.get(version_of(entry)) is False for entry in entries):
        return
    writers = read_writers(stored.request.object)
    for writer in writers:
        if facts.served.get(writer.version) is not False and not _has_moved(writer, writers, facts):
            _tell(writer, facts, notes)


def _has_moved(writer: Writer, writers: list[Writer], facts: KindFacts) -> bool:
    """What it wrote last was in a good version; the entry of the old one stays while it has a field left."""
    later = (
        each
        for each in writers
        if each.manager == writer.manager and facts.served.get(each.version) is False and each.time is not None
    )
    return any(writer.time is None or each.time >= writer.time for each in later if each.time is not None)


def _tell(writer: Writer, facts: KindFacts, notes: Notes) -> None:
    known = writer.version in facts.served
    rule, what = ("deprecated", "is deprecated") if known else ("unserved", "is not served any more")
    good = facts.storage_version
    if facts.served.get(good) is not False:  # to be left as well
        good = next((version for version, deprecated in facts.served.items() if not deprecated), "")
    to = f" to {good}" if good else ""
    until = f" until {show_time(writer.time)}" if writer.time else ""
    notes.fail(
        rule,
        f"{writer} wrote this object as {writer.version or 'a version without a name'}{until}, which {what}",
        distinct=f"{writer.manager}:{writer.version}",
        remediation=f"Bring {writer.manager or 'the writer'}{to}, and let it write the object anew.",
    )


def find_debt(facts: KindFacts, notes: Notes) -> None:
    """Of the CRD itself: some of its objects may still be stored in another version than the one of today."""
    old = [version for version in facts.stored_versions if version != facts.storage_version]
    if not old:
        return
    notes.fail(
        "stored-versions",
        f"objects of {facts.name} may still be stored as {', '.join(old)}: status.storedVersions lists more than the"
        f" storage version {facts.storage_version}, and none of these versions may be taken out of the CRD",
        path="/status/storedVersions",
        remediation=f"Run `auditor convert --migrate-storage {facts.name}`: it writes these objects anew.",
    )
