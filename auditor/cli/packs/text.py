"""What packs hold, as text for people."""

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

import yaml

from auditor.json import Json, JsonObject

WIDTH: Final = 120
"""Columns where nobody looks at a terminal."""
NARROWEST: Final = 20
"""Columns that a wrapped text has at least, also where the terminal has hardly any."""


def write_list(packs: Sequence[JsonObject]) -> str:
    head = ("NAME", "POLICIES", "RULES", "KINDS")
    rows = [(p["name"], str(p["policies"]), str(p["rules"]), ", ".join(p["kinds"])) for p in packs]
    lines = _align([head, *rows])
    told = [lines[0]]
    for line, pack in zip(lines[1:], packs, strict=True):
        told += [line, *_wrap(pack["summary"], "  ")]
    return "\n".join(told) + "\n"


def write_pack(pack: JsonObject) -> str:
    return "\n".join(_pack_lines(pack)) + "\n"


def _pack_lines(pack: JsonObject) -> Iterator[str]:
    yield f"{pack['name']}: {pack['title']}" if pack["title"] else pack["name"]
    yield from _wrap(pack["summary"], "  ")
    for crd in pack["crds"]:
        versions = ", ".join(f"{v} (stored)" if v == crd["storage"] else v for v in crd["versions"])
        yield f"\nCRD {crd['name']}: {crd['kind']}, {crd['scope'].lower()}, {versions}"
    for conversion in pack["conversions"]:
        yield f"\nConversion {conversion['name']}: {', '.join(conversion['steps'])}"
    for policy in pack["policies"]:
        yield f"\nPolicy {policy['name']}: {policy['title']}"
        yield from _wrap(policy["description"], "  ")
        rows = [
            (f"  {r['name']}", r["severity"], r["enforcement"], r["language"], " ".join(r["controls"]))
            for r in policy["rules"]
        ]
        for line, rule in zip(_align(rows), policy["rules"], strict=True):
            yield line
            yield from _wrap(rule["message"], "    ")
        for mutation in policy["mutations"]:
            yield f"  mutation {mutation}"
        for name, value in policy["params"].items():
            # The shortest form of YAML, which `--param` reads again.
            text = yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n").strip()
            yield f"  param {name} = {text}"
        if not policy["exceptions"]:
            yield "  no exceptions"


def write_controls(controls: Sequence[JsonObject]) -> str:
    rows = [(each["control"], rule) for each in controls for rule in each["rules"]]
    return "\n".join(_align([("CONTROL", "RULE"), *rows])) + "\n"


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _wrap(text: Json, indent: str) -> list[str]:
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
    width = max(columns, NARROWEST)
    return textwrap.wrap(str(text), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
