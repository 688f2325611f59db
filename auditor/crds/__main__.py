"""`python -m auditor.crds` writes the schemas of our CRDs as JSON, when one of them was changed."""

import json
from pathlib import Path
from typing import Any

import yaml

from auditor import crds


def shorten(text: str) -> str:
    """What the quick look at an object needs of a CRD."""
    (version,) = yaml.safe_load(text)["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    schema["properties"].pop("status", None)
    return json.dumps(_without_words(schema), separators=(",", ":")) + "\n"


def _without_words(schema: dict[str, Any]) -> dict[str, Any]:
    short = {key: value for key, value in schema.items() if key != "description"}
    if "properties" in short:
        short["properties"] = {name: _without_words(child) for name, child in short["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(short.get(key), dict):
            short[key] = _without_words(short[key])
    if "x-kubernetes-validations" in short:
        short["x-kubernetes-validations"] = [{"rule": each["rule"]} for each in short["x-kubernetes-validations"]]
    return short


def main() -> None:
    for name in crds.names():
        text = crds.read(name)
        kind = yaml.safe_load(text)["spec"]["names"]["kind"]
        (Path(__file__).parent / "short" / f"{kind}.json").write_text(shorten(text), encoding="utf-8")


if __name__ == "__main__":
    main()
