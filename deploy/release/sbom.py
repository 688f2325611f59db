#!/usr/bin/env python3
"""The software bill of materials of a release: CycloneDX 1.6 as JSON, of what deploy/requirements.lock pins.

The wheel allows ranges; the container image has these versions. The same lock gives the same bytes.
"""

import json
import re
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from version import read_version

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "deploy" / "requirements.lock"
PROJECT = "auditor (pyproject.toml)"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)(?: ; (.*?))?(?: \\)?$")
HASH = re.compile(r"^ +--hash=sha256:([0-9a-f]{64})")
NEEDED_BY = re.compile(r"^ +#(?: via|  )(?: (\S.*))?$")


@dataclass(frozen=True, slots=True)
class Pin:
    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    needed_by: tuple[str, ...]

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{self.name}@{self.version}"


def read_lock(text: str) -> list[Pin]:
    pins: list[Pin] = []
    for line in text.splitlines():
        if match := PINNED.match(line):
            pins.append(Pin(_normal(match[1]), match[2], match[3] or "", (), ()))
        elif not pins:
            raise ValueError(f"the lock begins with what is no package: {line!r}")
        elif match := HASH.match(line):
            pins[-1] = _with(pins[-1], hashes=match[1])
        elif match := NEEDED_BY.match(line):
            if match[1]:
                pins[-1] = _with(pins[-1], needed_by=match[1])
        else:
            raise ValueError(f"a line of the lock that is not understood: {line!r}")
    return pins


def _with(pin: Pin, *, hashes: str = "", needed_by: str = "") -> Pin:
    return Pin(
        pin.name,
        pin.version,
        pin.marker,
        (*pin.hashes, *([hashes] if hashes else [])),
        (*pin.needed_by, *([needed_by] if needed_by else [])),
    )


def make_bill(pins: Sequence[Pin], version: str) -> Mapping[str, object]:
    own = f"pkg:pypi/auditor@{version}"
    main = {
        "type": "application",
        "bom-ref": own,
        "name": "auditor",
        "version": version,
        "purl": own,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    by_name = {pin.name: pin.purl for pin in pins}
    needs: dict[str, list[str]] = {own: [], **{pin.purl: [] for pin in pins}}
    for pin in pins:
        for by in pin.needed_by:
            needer = own if by == PROJECT else by_name.get(_normal(by))
            if needer is not None:
                needs[needer].append(pin.purl)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ' '.join([own, *needs]))}",
        "version": 1,
        "metadata": {"component": main},
        "components": [_component(pin) for pin in pins],
        "dependencies": [{"ref": ref, "dependsOn": sorted(set(on))} for ref, on in needs.items()],
    }


def _component(pin: Pin) -> Mapping[str, object]:
    found: dict[str, object] = {
        "type": "library",
        "bom-ref": pin.purl,
        "name": pin.name,
        "version": pin.version,
        "purl": pin.purl,
        # Of each file that the package index has of this version, one of which is installed.
        "externalReferences": [
            {
                "type": "distribution",
                "url": f"https://pypi.org/project/{pin.name}/{pin.version}/",
                "hashes": [{"alg": "SHA-256", "content": each} for each in pin.hashes],
            }
        ],
    }
    if pin.marker:
        found["properties"] = [{"name": "auditor:marker", "value": pin.marker}]
    return found


def _normal(name: str) -> str:
    """As the package index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    pins = read_lock(LOCK.read_text())
    sys.stdout.write(json.dumps(make_bill(pins, read_version()), indent=2) + "\n")


if __name__ == "__main__":
    main()
