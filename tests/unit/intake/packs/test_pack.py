"""A pack as it is read from its folder."""

from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.intake.packs.facts import describe, list_rules, map_controls, summarize
from auditor.intake.packs.folder import pack_names
from auditor.intake.packs.pack import find_pack, list_packs, read_pack
from auditor.intake.prepare import PreparationError
from tests.unit.intake.packs.making import CONVERSION, CRD, PAGE, policy, write_pack


def test_what_ships_is_found_by_name() -> None:
    assert "databasecluster" in pack_names()
    assert tuple(pack.name for pack in list_packs()) == pack_names()
    pack = find_pack("databasecluster")
    assert [crd["spec"]["names"]["kind"] for crd in pack.crds] == ["DatabaseCluster"]


def test_one_of_ones_own_is_found_by_its_folder(tmp_path: Path) -> None:
    pack = find_pack(str(write_pack(tmp_path, policy(), CRD, CONVERSION)))
    assert (pack.name, pack.title, pack.summary) == ("things", "Things", "Keeps things in order.")
    assert (len(pack.policies), len(pack.crds), len(pack.conversions)) == (1, 1, 1)
    assert pack.targets() == (("example.com", "things"),)


@pytest.mark.parametrize(
    ("page", "title", "summary"),
    [
        ("", "", ""),
        ("no heading, but a [`summary`](x.md)\n", "", "no heading, but a summary"),
        ("# Title\n", "Title", ""),
        (PAGE.replace("\n\nMore of it.", ""), "Things", "Keeps things in order."),
    ],
)
def test_a_page_may_say_little(tmp_path: Path, page: str, title: str, summary: str) -> None:
    pack = read_pack(write_pack(tmp_path, page=page))
    assert (pack.title, pack.summary) == (title, summary)


def test_a_name_that_is_none_is_told_with_what_was_meant(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no pack databasecluter, .* did you mean databasecluster"):
        find_pack("databasecluter")
    with pytest.raises(UsageError, match=r"there are .*databasecluster"):
        find_pack(str(tmp_path / "nothing"))


def test_a_folder_without_policies_is_no_pack(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="so it is no pack"):
        read_pack(write_pack(tmp_path, CRD))


def test_a_folder_whose_name_can_be_no_label_is_no_pack(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="value of a label"):
        read_pack(write_pack(tmp_path).rename(tmp_path / "-things-"))


def test_mistakes_in_policies_are_told_with_their_place(tmp_path: Path) -> None:
    with pytest.raises(PreparationError, match=r"policies.yaml:\d+.*unknown field"):
        read_pack(write_pack(tmp_path, policy(severe="high")))


def test_what_others_have_to_bring(tmp_path: Path) -> None:
    lookups = [
        {"name": "gadgets", "resource": {"group": "other.io", "resource": "gadgets"}},
        {"name": "secrets", "resource": {"group": "", "resource": "secrets"}},
        {"name": "things", "resource": {"group": "example.com", "resource": "things"}},
    ]
    anything = [{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "operations": ["*"]}]
    built_in = [{"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"], "operations": ["*"]}]
    policies = [
        policy(lookups=lookups),
        policy("any", match={"resourceRules": anything}),
        policy("workloads", match={"resourceRules": built_in}),
    ]
    alone = read_pack(write_pack(tmp_path / "alone", *policies))
    assert alone.foreign(alone.targets()) == (("example.com", "things"),)
    assert alone.foreign(alone.lookups()) == (("example.com", "things"), ("other.io", "gadgets"))
    whole = read_pack(write_pack(tmp_path / "whole", *policies, CRD))
    assert whole.foreign(whole.targets()) == ()
    assert whole.foreign(whole.lookups()) == (("other.io", "gadgets"),)
    assert summarize(whole)["kinds"] == ["Thing", "any custom resource"]
    assert summarize(alone)["kinds"] == ["any custom resource"]


def test_kinds_of_others_are_told_by_group(tmp_path: Path) -> None:
    rules = [{"apiGroups": ["a.io", ""], "apiVersions": ["*"], "resources": ["a", "b"], "operations": ["*"]}]
    pack = read_pack(write_pack(tmp_path, policy(), policy("others", match={"resourceRules": rules}), CRD))
    assert summarize(pack)["kinds"] == ["Thing", "a, b", "a, b (a.io)"]


def test_what_a_rule_does_not_say_its_policy_says(tmp_path: Path) -> None:
    rules = [
        {"name": "own", "jq": "true", "severity": "low", "enforcement": "Warn", "controls": ["B-2"], "message": "m"},
        {"name": "none", "deny": "empty"},
    ]
    pack = read_pack(write_pack(tmp_path, policy(severity="high", enforcement="Deny", controls=["A-1"], rules=rules)))
    own, none = (mapped.describe() for mapped in list_rules(pack))
    assert (own["severity"], own["enforcement"], own["controls"]) == ("low", "Warn", ["A-1", "B-2"])
    assert (none["severity"], none["enforcement"], none["controls"]) == ("high", "Deny", ["A-1"])
    assert (own["language"], none["language"]) == ("jq", "jq")
    assert {control: len(rules) for control, rules in map_controls([pack]).items()} == {"A-1": 2, "B-2": 1}


def test_a_description_has_all_that_a_pack_holds(tmp_path: Path) -> None:
    change = [{"name": "class", "jq": '.spec.class //= "x"'}]
    told = describe(read_pack(write_pack(tmp_path, policy(params={"a": {"b": 1}}, mutate=change), CRD, CONVERSION)))
    assert told["crds"] == [
        {
            "name": "things.example.com",
            "kind": "Thing",
            "scope": "Namespaced",
            "versions": ["v1alpha1", "v1"],
            "storage": "v1",
        }
    ]
    assert told["conversions"] == [{"name": "things.example.com", "steps": ["v1 -> v1alpha1", "v1alpha1 -> v1"]}]
    (only,) = told["policies"]
    assert (only["params"], only["mutations"]) == ({"a": {"b": 1}}, ["class"])
