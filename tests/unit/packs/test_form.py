"""The files of a pack, and its page."""

import re

import pytest

from auditor.intake.packs.facts import list_rules
from tests.unit.packs.shipped import NAMES, OTHERS, OWN, POLICIES, cases, examples, pack_of

KNOWN = {"README.md", "crd.yaml", "conversion.yaml", "policies.yaml", "examples", "tests"}
SUMMARY = 300
"""Characters: two sentences, as `auditor packs list` shows it."""
RULES_OF_OWN_KIND, RULES_OF_OTHERS = 6, 8


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_has_these_files_and_no_others(name: str) -> None:
    there = {each.name for each in (POLICIES / name).iterdir()}
    assert there <= KNOWN
    assert {"README.md", "policies.yaml", "examples", "tests"} <= there
    assert examples(name, "good")
    assert examples(name, "bad")
    stray = [p for folder in ("examples", "tests") for p in (POLICIES / name / folder).rglob("*") if p.is_file()]
    assert {path.suffix for path in stray} == {".yaml"}
    assert {path.parent.name for path in (POLICIES / name / "examples").rglob("*.yaml")} == {"good", "bad"}


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_in_a_few_words_what_the_pack_is_for(name: str) -> None:
    pack = pack_of(name)
    assert pack.title
    assert 20 < len(pack.summary) <= SUMMARY, pack.summary
    assert pack.summary[0].isupper()
    assert pack.summary.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_the_page_tells_of_every_rule_param_and_mutation(name: str) -> None:
    page = (POLICIES / name / "README.md").read_text(encoding="utf-8")
    words = {policy.name for policy in pack_of(name).read_policies()}
    words |= {mapped.rule.name for mapped in list_rules(pack_of(name))}
    for policy in pack_of(name).read_policies():
        words |= {*(policy.params or {}), *(mutation.name for mutation in policy.mutations)}
    assert [word for word in sorted(words) if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", page)] == []
    assert f"auditor packs install {name}" in page


@pytest.mark.parametrize("name", NAMES)
def test_no_page_and_no_message_leads_elsewhere(name: str) -> None:
    """What a rule is for is said in its words, and holds when a link is dead."""
    texts = [(POLICIES / name / each).read_text(encoding="utf-8") for each in ("README.md", "policies.yaml")]
    assert re.findall(r"\]\(https?:", "".join(texts)) == []


@pytest.mark.parametrize("name", OWN)
def test_a_pack_with_its_own_kinds_uses_all_languages_and_mutates(name: str) -> None:
    pack = pack_of(name)
    languages = {str(mapped.rule.language).replace("deny", "jq") for mapped in list_rules(pack)}
    assert languages == {"jq", "cel", "schema"}
    assert any(policy.mutations for policy in pack.read_policies())
    assert list(cases(name, "mutate"))
    assert not pack.conversions or list(cases(name, "convert"))


@pytest.mark.parametrize("name", OWN)
def test_each_kind_of_ours_has_rules_enough(name: str) -> None:
    pack = pack_of(name)
    for crd in pack.crds:
        target = (crd["spec"]["group"], crd["spec"]["names"]["plural"])
        count = sum(len(policy.rules) for policy in pack.read_policies() if target in _targets(policy))
        assert count >= RULES_OF_OWN_KIND, f"{target}: {count}"


def _targets(policy: object) -> set[tuple[str, str]]:
    from auditor.model.policy import Policy

    assert isinstance(policy, Policy)
    rules = [rule for match in policy.matches for rule in match.rules]
    return {(group, resource) for rule in rules for group in rule.groups for resource, _ in rule.resources}


@pytest.mark.parametrize("name", OTHERS)
def test_a_pack_for_kinds_of_others_has_rules_enough(name: str) -> None:
    assert len(list_rules(pack_of(name))) >= RULES_OF_OTHERS
    assert not pack_of(name).crds
