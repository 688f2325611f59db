"""kubectl as the oracle of reading: `patch --local` with an empty patch prints what it read, and needs no server."""

import json
import subprocess
from pathlib import Path

from auditor.json import Json

HEAD = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: x}\n"


def ask_kubectl(command: list[str], texts: list[bytes], folder: Path) -> list[Json]:
    """For each text the objects that kubectl reads from it, or None where it refuses. Halves until it knows."""
    files = []
    for index, text in enumerate(texts):
        file = folder / f"{index}.yaml"
        file.write_bytes(text)
        files += ["-f", str(file)]
    ended = subprocess.run(
        [*command, "patch", "--local", "--type=merge", "-p={}", "-o=json", *files], capture_output=True, check=False
    )
    if ended.returncode == 0:
        objects = _parse_stream(ended.stdout.decode())
        if len(objects) == len(texts):
            return [[value] for value in objects]
        if len(texts) == 1:
            return [objects]
    elif len(texts) == 1:
        return [[] if b"no objects passed" in ended.stderr else None]
    half = len(texts) // 2
    return ask_kubectl(command, texts[:half], folder) + ask_kubectl(command, texts[half:], folder)


def _parse_stream(text: str) -> list[Json]:
    # kubectl prints whole floats without exponent: what is beyond int64 was one.
    decoder = json.JSONDecoder(
        parse_int=lambda digits: int(digits) if -(2**63) <= int(digits) < 2**63 else float(digits)
    )
    at, values = 0, []
    while at < len(text.rstrip()):
        value, at = decoder.raw_decode(text, at)
        values.append(value)
        at += len(text[at:]) - len(text[at:].lstrip())
    return values
