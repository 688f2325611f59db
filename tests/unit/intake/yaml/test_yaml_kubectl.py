"""What real kubectl read from some 470 texts (recorded by tests/cluster/yaml), value for value."""

import json
from pathlib import Path

import pytest

from auditor.intake.yaml import Document, read_documents
from auditor.json import Json

ROWS = json.loads(Path(__file__).with_name("kubectl.json").read_text())

# kubectl gives up on the rest of a JSON stream at the first `---`; we read on, because it names a new document.
READ_ON = [row["text"] for row in ROWS if "}{" in row["text"] and "}\n---" in row["text"]]


def plain(value: Json) -> str:
    """As text in which 1 and true differ; kubectl prints the double 1.0 as 1, so these two do not."""
    return json.dumps(value, sort_keys=True, default=str)


def printed(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: printed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [printed(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


@pytest.mark.parametrize("row", ROWS, ids=lambda row: ascii(row["text"])[:60])
def test_reads_what_kubectl_reads(row: Json) -> None:
    read = read_documents(row["text"].encode())
    # An object without a kind is not read by kubectl either; here that is for the caller to say.
    good = all(isinstance(item, Document) and isinstance(item.value, dict) for item in read)
    mine = [item.value for item in read if isinstance(item, Document)] if good else None
    if row["text"] in READ_ON:
        assert row["kubectl"] is None
        assert mine is not None
    elif row["text"].startswith("{"):
        assert plain(printed(mine)) == plain(row["kubectl"])
    else:
        assert plain(mine) == plain(row["kubectl"])
