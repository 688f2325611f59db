"""What of a pack shall stand in a cluster: never stricter than it was wanted."""

import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import auditor
from auditor.engine.read import read_policy
from auditor.errors import UsageError
from auditor.intake.own import check_own
from auditor.intake.packs import LABEL
from auditor.intake.packs.folder import pack_names
from auditor.intake.packs.manifests import STRICTNESS, VERSION, make_manifests, read_params
from auditor.intake.packs.pack import Pack, find_pack, read_pack
from auditor.json import JsonObject
from auditor.model.policy import Enforcement
from tests.unit.intake.packs.making import CONVERSION, CRD, policy, write_pack

DENY, WARN, AUDIT = Enforcement.DENY, Enforcement.WARN, Enforcement.AUDIT
CHANGE = [{"name": "class", "jq": '.spec.class //= "x"'}]


def pack_of(tmp_path: Path, *things: JsonObject) -> Pack:
    return read_pack(write_pack(tmp_path, *things))


def enforcements(spec: JsonObject) -> list[str]:
    owners = [spec, *spec.get("rules", []), *spec.get("enforcementOverrides", [])]
    return [owner["enforcement"] for owner in owners if "enforcement" in owner]


@given(
    own=st.sampled_from([*STRICTNESS, None]),
    rules=st.lists(st.sampled_from([*STRICTNESS, None]), min_size=1, max_size=3),
    overrides=st.lists(st.sampled_from(STRICTNESS), max_size=2),
    most=st.sampled_from(STRICTNESS),
)
def test_nothing_is_stricter_than_wanted_and_nothing_laxer_than_it_has_to_be(
    own: Enforcement | None, rules: list[Enforcement | None], overrides: list[Enforcement], most: Enforcement
) -> None:
    spec: JsonObject = {
        "rules": [
            {"name": f"r{i}", "jq": "true", **({"enforcement": str(each)} if each else {})}
            for i, each in enumerate(rules)
        ],
        "enforcementOverrides": [{"namespaceSelector": {}, "enforcement": str(each)} for each in overrides],
        **({"enforcement": str(own)} if own else {}),
    }
    written = policy(**spec)
    before = copy.deepcopy(written)
    pack = Pack("things", Path(), "", "", (), (), (written,))
    (made,) = make_manifests(pack, most=most).policies
    assert written == before
    pairs = zip(enforcements(before["spec"]), enforcements(made["spec"]), strict=True)
    rank = STRICTNESS.index
    for was, now in pairs:
        assert rank(Enforcement(now)) == min(rank(Enforcement(was)), rank(most))
    assert all(rank(each) <= rank(most) for each in read_policy(made).enforcements)


@pytest.mark.parametrize(("most", "kept"), [(AUDIT, False), (WARN, False), (DENY, True)])
def test_mutations_come_with_deny_only(tmp_path: Path, most: Enforcement, kept: bool) -> None:
    alone = policy("changes")
    del alone["spec"]["rules"]
    alone["spec"]["mutate"] = CHANGE
    made = make_manifests(pack_of(tmp_path, policy(mutate=CHANGE), alone), most=most)
    assert [each["metadata"]["name"] for each in made.policies] == ["thing-sizes", *(["changes"] if kept else [])]
    assert ("mutate" in made.policies[0]["spec"]) is kept
    assert made.left_out == (() if kept else ("thing-sizes: mutation class", "changes: mutation class"))


def test_all_is_labelled_and_keeps_its_own_labels(tmp_path: Path) -> None:
    made = make_manifests(pack_of(tmp_path, policy(), CRD, CONVERSION), most=DENY)
    for each in (*made.crds, *made.conversions, *made.policies):
        assert each["metadata"]["labels"][LABEL] == "things"
        assert each["metadata"]["annotations"] == {VERSION: auditor.__version__}
    assert made.crds[0]["metadata"]["labels"]["of"] == "ours"
    assert "labels" not in made.pack.policies[0]["metadata"]


def test_the_conversion_section_is_left_to_the_webhook(tmp_path: Path) -> None:
    assert "conversion" not in make_manifests(pack_of(tmp_path, policy(), CRD, CONVERSION), most=DENY).crds[0]["spec"]
    without = make_manifests(read_pack(write_pack(tmp_path / "other", policy(), CRD)), most=DENY)
    assert without.crds[0]["spec"]["conversion"] == {"strategy": "None"}


def test_without_crds_the_conversions_stay(tmp_path: Path) -> None:
    made = make_manifests(pack_of(tmp_path, policy(), CRD, CONVERSION), most=DENY, crds=False)
    assert (len(made.crds), len(made.conversions), len(made.policies)) == (0, 1, 1)


def test_params_are_set(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, policy("a", params={"max": 7, "deep": {"hosts": ["x"]}}), policy("a.b", params={"max": 1}))
    chosen = read_params(["a.max=9", "a.deep.hosts=[y, z]", "a.b.max=2"], [pack])
    assert chosen == {"a": {"max": 9, "deep.hosts": ["y", "z"]}, "a.b": {"max": 2}}
    made = make_manifests(pack, most=AUDIT, params=chosen)
    assert [each["spec"]["params"] for each in made.policies] == [
        {"max": 9, "deep": {"hosts": ["y", "z"]}},
        {"max": 2},
    ]
    assert pack.policies[0]["spec"]["params"]["max"] == 7


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("a.max", "write POLICY.NAME=VALUE"),
        ("b.max=1", "no policy of these packs begins it"),
        ("a.mx=1", "has no param mx: there are deep.hosts, max, on"),
        ("a.deep.x=1", "has no param deep.x"),
        ("a.max.x=1", "has no param max.x"),
        ("a.max=x", "max of policy a is a number, and 'x' is a text"),
        ("a.max=true", "is a number, and True is true or false"),
        ("a.on=1", "is true or false, and 1 is a number"),
        ("a.max=", "is a number, and '' is a text"),
        ("a.deep.hosts=y", "is a list"),
        ("a.max={", "is no YAML"),
        ("none.x=1", "has no param x: it has none"),
    ],
)
def test_a_param_that_cannot_be_set_is_told(tmp_path: Path, setting: str, told: str) -> None:
    params = {"max": 7, "deep": {"hosts": ["x"]}, "on": False}
    with pytest.raises(UsageError, match="--param.*" + told.replace("{", r"\{")):
        read_params([setting], [pack_of(tmp_path, policy("a", params=params), policy("none"))])


@pytest.mark.parametrize("most", STRICTNESS)
@pytest.mark.parametrize("name", pack_names())
def test_what_ships_is_what_the_crds_take(name: str, most: Enforcement) -> None:
    made = make_manifests(find_pack(name), most=most)
    assert made.policies
    for each in (*made.policies, *made.conversions):
        assert check_own(each)[1] == []


def test_files_say_the_same_and_keep_programs_readable(tmp_path: Path) -> None:
    program = ".spec.size\n| . < 3\n"
    thing = policy(rules=[{"name": "small", "jq": program, "message": "yes: ä"}])
    made = make_manifests(pack_of(tmp_path, thing, CRD, CONVERSION), most=DENY)
    files = made.files()
    assert [*files] == ["crd.yaml", "conversion.yaml", "policies.yaml"]
    assert "jq: |\n" in files["policies.yaml"]
    assert tuple(yaml.safe_load_all(files["policies.yaml"])) == made.policies
    assert tuple(yaml.safe_load_all(files["crd.yaml"])) == made.crds
