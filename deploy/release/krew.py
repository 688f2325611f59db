#!/usr/bin/env python3
"""Writes what Krew needs of a release into a folder: kubectl-auditor.tar.gz, and its manifest auditor.yaml.

    krew.py OWNER/auditor FOLDER

The same sources give the same bytes.
"""

import gzip
import hashlib
import io
import sys
import tarfile
from pathlib import Path

from version import ROOT, read_version

PLUGIN = ROOT / "deploy" / "plugin"


def make_archive(version: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        program = (PLUGIN / "kubectl-auditor").read_text().replace("@VERSION@", version)
        for name, text, mode in (
            ("kubectl-auditor", program, 0o755),
            ("LICENSE", (ROOT / "LICENSE").read_text(), 0o644),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), mode
            archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue(), mtime=0)


def make_manifest(version: str, repository: str, archive: bytes) -> str:
    facts = {"VERSION": version, "REPOSITORY": repository, "SHA256": hashlib.sha256(archive).hexdigest()}
    text = (PLUGIN / "auditor.yaml").read_text().partition("\n")[2]
    for name, value in facts.items():
        text = text.replace(f"@{name}@", value)
    return text


def main(repository: str, folder: str) -> None:
    version = read_version()
    archive = make_archive(version)
    Path(folder, "kubectl-auditor.tar.gz").write_bytes(archive)
    Path(folder, "auditor.yaml").write_text(make_manifest(version, repository, archive))


if __name__ == "__main__":
    main(*sys.argv[1:])
