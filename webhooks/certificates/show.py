"""Certificates as a person or a program wants to see them, from the parts of a Secret or a directory."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from auditor.certs import Action, Bundle, Lifetimes, Reading, plan, read_authorities, read_data
from auditor.certs.bundle import fingerprint, hosts_of
from auditor.certs.secret import AUTHORITIES, AUTHORITY_KEY, CERTIFICATE, COMING_KEY, KEY
from auditor.errors import InputError
from auditor.json import JsonObject
from auditor.webhooks.certificates.files import check_pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    role: str
    """serving, authority, next authority, retired authority, trusted authority (of somebody else)."""
    certificate: x509.Certificate
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    entries: tuple[Entry, ...]
    faults: tuple[str, ...]
    next: str = ""
    """What happens next and when, where the authority is ours."""


def survey(data: Mapping[str, bytes], now: datetime, times: Lifetimes | None = None) -> Overview:
    """Of our own bundle, or of what somebody else put there: that has no key of an authority."""
    if any(data.get(part) for part in (AUTHORITY_KEY, COMING_KEY)):
        reading = read_data(data)
        entries, faults = _own_entries(reading), [str(fault) for fault in reading.faults]
        upcoming = _say_next(reading.bundle, now, times or Lifetimes())
    else:
        entries, faults = _foreign_entries(data)
        upcoming = ""
    faults += [f"{e.role}: {_when(e.certificate, now)}" for e in entries if _when(e.certificate, now)]
    return Overview(entries=tuple(entries), faults=tuple(faults), next=upcoming)


def as_json(overview: Overview, now: datetime) -> JsonObject:
    return {
        "certificates": [
            {
                "role": entry.role,
                "subject": entry.certificate.subject.rfc4514_string(),
                "issuer": entry.certificate.issuer.rfc4514_string(),
                "serial": serial_of(entry.certificate),
                "sha256": fingerprint(entry.certificate),
                "names": sorted(hosts_of(entry.certificate)),
                "notBefore": entry.certificate.not_valid_before_utc.isoformat(),
                "notAfter": entry.certificate.not_valid_after_utc.isoformat(),
                "daysLeft": days_left(entry.certificate, now),
                "note": entry.note,
            }
            for entry in overview.entries
        ],
        "faults": list(overview.faults),
        "next": overview.next,
    }


def serial_of(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:x}"


def days_left(certificate: x509.Certificate, now: datetime) -> int:
    """Whole days: 0 on the last one, less than 0 afterwards."""
    return (certificate.not_valid_after_utc - now).days


def _own_entries(reading: Reading) -> list[Entry]:
    bundle = reading.bundle
    entries = []
    if bundle.serving is not None:
        entries.append(Entry(role="serving", certificate=bundle.serving.certificate))
    if bundle.current is not None:
        entries.append(Entry(role="authority", certificate=bundle.current.pair.certificate, note="signs"))
    if bundle.coming is not None:
        note = f"waits to sign since {bundle.coming.since:%Y-%m-%d %H:%M:%SZ}"
        entries.append(Entry(role="next authority", certificate=bundle.coming.authority.pair.certificate, note=note))
    for retired in bundle.retired:
        note = f"signs no more since {retired.since:%Y-%m-%d %H:%M:%SZ}" if retired.since else "its key is lost"
        entries.append(Entry(role="retired authority", certificate=retired.certificate, note=note))
    return entries


def _foreign_entries(data: Mapping[str, bytes]) -> tuple[list[Entry], list[str]]:
    entries, faults = [], []
    try:
        leaf = check_pair(data.get(CERTIFICATE, b""), data.get(KEY, b""), CERTIFICATE, KEY)
        entries.append(Entry(role="serving", certificate=leaf, note=f"by {leaf.issuer.rfc4514_string()}"))
    except InputError as error:
        faults.append(str(error))
    authorities, wrong = read_authorities(data.get(AUTHORITIES, b""))
    entries += [Entry(role="trusted authority", certificate=certificate) for certificate in authorities]
    faults += [f"{AUTHORITIES}: {what}" for what in wrong if data.get(AUTHORITIES)]
    return entries, faults


def _say_next(bundle: Bundle, now: datetime, times: Lifetimes) -> str:
    step = plan(bundle, now, times=times, hosts=())
    at = f" ({step.at:%Y-%m-%d %H:%M:%SZ})" if step.at else ""
    return f"{'nothing to do' if step.action is Action.NOTHING else f'{step.action.value}:'} {step.why}{at}"


def _when(certificate: x509.Certificate, now: datetime) -> str:
    if certificate.not_valid_after_utc <= now:
        return f"has expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%SZ}"
    if certificate.not_valid_before_utc > now:
        return f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%SZ}"
    return ""
