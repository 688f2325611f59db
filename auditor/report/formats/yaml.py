"""The document of the JSON format as YAML, which reads the same under YAML 1.1 and 1.2."""

import re
from typing import Final

import orjson
import yaml

from auditor.json import Json
from auditor.report.formats.json import make_document, render
from auditor.report.results import Results

_NUMBER_LIKE: Final = re.compile(r"[-+.]?\d")
"""A fingerprint such as 12e45... is a text for readers of YAML 1.1 and a number for those of 1.2."""


def write(results: Results) -> str:
    return dump(make_document(results))


def dump(*documents: Json) -> str:
    # By way of JSON, which leaves nothing but what YAML can write, and no two places of one object, or there would be
    # anchors.
    plain = [orjson.loads(render(document)) for document in documents]
    return yaml.dump_all(
        plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, explicit_start=len(plain) > 1
    )


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: Json) -> bool:
        return True


def _represent(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _NUMBER_LIKE.match(text) or not text.isprintable() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent)
