"""What stands beside policies, and which of our own packs are asked."""

import json
from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.intake.packs.folder import files_about, groups_of, pack_names, packs_directory
from auditor.intake.packs.pack import find_pack
from auditor.intake.portions import Files
from auditor.intake.prepare import prepare
from auditor.intake.scan import scan
from tests.unit.intake.files import NOW, crd, policy, thing, write

LOOKUP = {"name": "peers", "resource": {"group": "example.com", "resource": "things"}, "namespace": "same"}
ALONE = policy("alone", [{"cel": "size(lookups.peers) == 0"}], lookups=[LOOKUP])


@pytest.mark.parametrize("folder", ["tests", "examples"])
def test_cases_and_examples_are_nobodys_peers(tmp_path: Path, folder: str) -> None:
    rules = tmp_path / "rules"
    (rules / folder).mkdir(parents=True)
    write(rules / "p.json", ALONE)
    write(rules / folder / "o.json", thing("example"))
    objects = write(tmp_path / "o.json", thing("mine"))
    assert scan([objects], prepare([str(rules)]), time=NOW).counts["fail"] == 0
    write(rules / "o.json", thing("other"))
    assert scan([objects], prepare([str(rules)]), time=NOW).counts["fail"] == 1


def test_what_is_read_for_two_purposes_is_there_once(tmp_path: Path) -> None:
    write(tmp_path / "p.json", policy("one", [{"cel": "size(lookups.peers) == 1"}], lookups=[LOOKUP]))
    write(tmp_path / "a.json", thing("a"), thing("b"))
    assert scan([str(tmp_path / "a.json")], prepare([str(tmp_path)]), time=NOW).counts["fail"] == 0


def test_crds_are_taken_from_among_policies(tmp_path: Path) -> None:
    both = write(tmp_path / "both.json", ALONE, crd(schema={"type": "object", "required": ["x"]}))
    rules = write(tmp_path / "rules.json", policy("other", [{"cel": "true"}]))
    found = scan([write(tmp_path / "o.json", thing("a"))], prepare([rules], [both]), time=NOW)
    assert [each.rule for _, each in found.findings()] == ["required"]
    with pytest.raises(UsageError, match="--params: alone is a policy"):
        prepare([rules], params=[both])


def test_groups_are_read_as_they_are_written() -> None:
    for name in pack_names():
        assert {group for group, _ in find_pack(name).targets()} <= groups_of(name), name


def test_only_packs_that_may_concern_the_files_are_read(tmp_path: Path) -> None:
    def chosen(text: str) -> set[str]:
        path = tmp_path / "o.yaml"
        path.write_text(text)
        files = files_about(Files([str(path)]).read().mentioned)
        return {str(Path(file).parent.relative_to(packs_directory())) for file in files}

    assert chosen("apiVersion: argoproj.io/v1alpha1\nkind: Application\n") == {"argo-cd", "common"}
    databases = {"common", "database", "databasecluster"}
    assert databases <= chosen(json.dumps({"apiVersion": "DB.auditor.dev/v1"})) < set(pack_names())
    assert chosen("kind: Pod") == {"common"}
    assert chosen('apiVersion: "argoproj\\x2eio/v1alpha1"') == set(pack_names())
