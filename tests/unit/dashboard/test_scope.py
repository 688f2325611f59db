"""Who has rights in one namespace sees no byte of another, wherever they look."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.dashboard.answers.findings import PARAMETERS as FINDING_PARAMETERS
from auditor.dashboard.app import make_app
from auditor.dashboard.routes import API
from tests.unit.dashboard.addresses import all_addresses
from tests.unit.dashboard.visits import ORIGIN, HeaderEntrance, Visit, open_source
from tests.unit.dashboard.world import TEAMS, WIDE, make_url, make_world


@pytest.mark.parametrize("mine", TEAMS)
def test_no_address_shows_anything_of_another_namespace(mine: str, visit: Visit, world: tuple[str, list[str]]) -> None:
    client = visit(mine)
    foreign = {*TEAMS, WIDE} - {mine}
    seen, found = 0, 0
    for address in all_addresses(client.application, world[1]):
        answer = client.get(address)
        text = answer.get_data(as_text=True)
        assert answer.status_code in (200, 404), (address, answer.status_code)
        for word in foreign:
            assert word not in text, (address, word)
        seen += answer.status_code == 200
        found += mine in text
    assert seen > 30
    assert found > 25


def test_what_others_do_changes_no_byte(tmp_path: Path, visit: Visit, world: tuple[str, list[str]]) -> None:
    """Neither numbers nor cursors nor digests: the same team in a cluster where the others hardly have anything."""
    mine = TEAMS[0]
    url = make_url(tmp_path)
    fingerprints = make_world(url, others=2)
    source = open_source(url)
    try:
        here, there = visit(mine), make_app(source, HeaderEntrance(), ORIGIN).test_client()
        there.environ_base["HTTP_X_TEST"] = mine
        addresses = [*all_addresses(here.application, world[1]), f"{API}/findings?limit=3", "/findings?limit=3"]
        for address in addresses:
            answers = [client.get(address).get_data(as_text=True) for client in (here, there)]
            assert answers[0] == answers[1], address
        assert len(fingerprints) < len(world[1])
    finally:
        source.database.close()


def test_who_sees_all_sees_all(visit: Visit, world: tuple[str, list[str]]) -> None:
    """So that the test above can fail."""
    client = visit("admin")
    texts = [client.get(each).get_data(as_text=True) for each in all_addresses(client.application, world[1])]
    for word in (*TEAMS, WIDE):
        assert sum(word in text for text in texts) > 20


asked = st.dictionaries(
    st.sampled_from([each.name for each in FINDING_PARAMETERS]),
    st.one_of(
        st.sampled_from(
            [*TEAMS, WIDE, "(cluster)", "", "%", "_", "high", "all", "resolved", "yes", "newest", "object", "quorum"]
        ),
        st.text(max_size=20),
    ),
    max_size=5,
)


@settings(max_examples=60)  # each draws a page
@given(asked=asked, mine=st.sampled_from(TEAMS), path=st.sampled_from(["/findings", "/denials", "/policies"]))
def test_no_filter_leads_out_of_the_namespace(asked: dict[str, str], mine: str, path: str, visit: Visit) -> None:
    """What somebody asks for comes back in the form; beside that nothing of others does."""
    answer = visit(mine).get(path, query_string=asked)
    assert answer.status_code in (200, 400)
    text = answer.get_data(as_text=True)
    shown = re.sub(r"<form.*?</form>|<nav.*?</nav>|<thead.*?</thead>", "", text, flags=re.DOTALL)
    for word in {*TEAMS, WIDE} - {mine}:
        assert word not in shown


@pytest.mark.parametrize("path", ["/findings", f"{API}/findings"])
@pytest.mark.parametrize("other", [TEAMS[1], "(cluster)"])
def test_another_namespace_looks_like_one_that_is_not_there(path: str, other: str, visit: Visit) -> None:
    client = visit(TEAMS[0])
    there, nowhere = (
        client.get(path, query_string={"namespace": each}).get_data(as_text=True).replace(each, "X")
        for each in (other, "not-there-at-all")
    )
    assert there == nowhere


def test_a_finding_of_others_looks_like_one_that_is_not_there(visit: Visit, world: tuple[str, list[str]]) -> None:
    theirs = world[1][5]
    assert visit(TEAMS[1]).get(f"/findings/{theirs}").status_code == 200
    told = [visit(TEAMS[0]).get(f"/findings/{each}").get_data(as_text=True) for each in (theirs, "0" * 32)]
    assert told[0] == told[1]


def test_without_a_visitor_there_is_nothing(visit: Visit, world: tuple[str, list[str]]) -> None:
    client = visit("")
    for address in (*all_addresses(client.application, world[1]), "/not/there", "/api/v1/not-there"):
        answer = client.get(address)
        assert answer.status_code in (401, 404), address
        text = answer.get_data(as_text=True)
        for word in (*TEAMS, WIDE, "production-eu", "quorum"):
            assert word not in text


def test_without_any_right_there_is_nothing(visit: Visit, world: tuple[str, list[str]]) -> None:
    client = visit("nobody")
    for address in all_addresses(client.application, world[1]):
        answer = client.get(address)
        assert answer.status_code == 403, address
        for word in (*TEAMS, WIDE, "quorum"):
            assert word not in answer.get_data(as_text=True)


def test_the_numbers_of_teams_and_the_rest_make_up_the_whole(visit: Visit) -> None:
    totals = {name: visit(name).get(f"{API}/findings").get_json()["total"] for name in ("admin", *TEAMS)}
    wide = visit("admin").get(f"{API}/findings?namespace=(cluster)").get_json()["total"]
    assert totals["admin"] == wide + sum(totals[team] for team in TEAMS)
    assert all(totals.values())
