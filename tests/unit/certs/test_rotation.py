"""The plan as a table: what is found, and the one step that follows."""

from datetime import UTC, datetime, timedelta

import pytest

from auditor.certs import Action, Authority, Bundle, Lifetimes, Trust, plan, take
from auditor.certs.bundle import Coming, Retired, is_issued_by, join_pem
from auditor.errors import UsageError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TIMES = Lifetimes()
HOSTS = ("door.auditor.svc",)


def do(bundle: Bundle, action: Action, now: datetime, times: Lifetimes = TIMES) -> Bundle:
    return take(bundle, action, now, times=times, hosts=HOSTS, name="door")


def planned(bundle: Bundle, now: datetime, trust: Trust = Trust.UNKNOWN, times: Lifetimes = TIMES) -> Action:
    return plan(bundle, now, times=times, hosts=HOSTS, trust=trust).action


@pytest.fixture(scope="module")
def fresh() -> Bundle:
    return do(Bundle(), Action.START, NOW)


@pytest.fixture(scope="module")
def rotating(fresh: Bundle) -> Bundle:
    """The next authority waits since the 480th day."""
    served = do(fresh, Action.ISSUE, NOW + 480 * DAY)
    return do(served, Action.ADD, NOW + 480 * DAY)


def test_nothing_at_all_begins_with_an_authority_and_what_it_issued(fresh: Bundle) -> None:
    assert planned(Bundle(), NOW) is Action.START
    assert fresh.current
    assert fresh.serving
    assert is_issued_by(fresh.serving.certificate, fresh.current.pair.certificate)
    assert fresh.authorities == (fresh.current.pair.certificate,)


@pytest.mark.parametrize(
    ("age", "action"),
    [
        (0 * DAY, Action.NOTHING),
        (59 * DAY, Action.NOTHING),
        (60 * DAY, Action.ISSUE),
        (89 * DAY, Action.ISSUE),
        (91 * DAY, Action.ISSUE),  # it has expired, and the authority has not
        (487 * DAY, Action.ISSUE),  # both are due: first what is served
        (731 * DAY, Action.START),
    ],
)
def test_serving_certificate_by_its_age(fresh: Bundle, age: timedelta, action: Action) -> None:
    assert planned(fresh, NOW + age) is action


@pytest.mark.parametrize(
    ("age", "action"), [(486 * DAY, Action.NOTHING), (487 * DAY, Action.ADD), (700 * DAY, Action.ADD)]
)
def test_authority_by_its_age(fresh: Bundle, age: timedelta, action: Action) -> None:
    assert planned(do(fresh, Action.ISSUE, NOW + age), NOW + age) is action


@pytest.mark.parametrize(
    ("waited", "trust", "action"),
    [
        (timedelta(), Trust.HELD, Action.SWITCH),
        (timedelta(hours=23), Trust.UNKNOWN, Action.NOTHING),
        (timedelta(hours=24), Trust.UNKNOWN, Action.SWITCH),
        (timedelta(), Trust.MISSING, Action.NOTHING),
        (59 * DAY, Trust.MISSING, Action.NOTHING),
        (60 * DAY, Trust.MISSING, Action.ISSUE),  # the current one goes on signing as long as it can
    ],
)
def test_next_authority_signs_when_it_is_trusted(
    rotating: Bundle, waited: timedelta, trust: Trust, action: Action
) -> None:
    assert planned(rotating, NOW + 480 * DAY + waited, trust) is action


def test_next_authority_signs_untrusted_only_when_what_is_served_ends_for_good(rotating: Bundle) -> None:
    last = do(rotating, Action.ISSUE, NOW + 700 * DAY)
    assert last.serving
    end = last.serving.certificate.not_valid_after_utc
    assert end == NOW + 730 * DAY  # that of the authority
    assert planned(last, end - timedelta(seconds=61), Trust.MISSING) is Action.NOTHING
    assert planned(last, end - timedelta(seconds=60), Trust.MISSING) is Action.SWITCH


def test_switch_keeps_what_is_trusted_byte_for_byte_and_drops_the_old_key(rotating: Bundle) -> None:
    switched = do(rotating, Action.SWITCH, NOW + 481 * DAY)
    assert rotating.current
    assert rotating.coming
    assert switched.current == rotating.coming.authority
    assert switched.serving
    assert is_issued_by(switched.serving.certificate, rotating.coming.authority.pair.certificate)
    assert switched.coming is None
    assert switched.retired == (Retired(rotating.current.pair.certificate, NOW + 481 * DAY),)
    assert switched.authorities_pem == rotating.authorities_pem


def test_retired_authority_is_dropped_when_nothing_by_it_may_be_valid(rotating: Bundle) -> None:
    switch = NOW + 481 * DAY
    switched = do(rotating, Action.SWITCH, switch)
    later = do(switched, Action.ISSUE, switch + 80 * DAY)
    assert planned(later, switch + 89 * DAY) is Action.NOTHING
    assert planned(later, switch + 90 * DAY) is Action.DROP
    dropped = do(later, Action.DROP, switch + 90 * DAY)
    assert dropped.retired == ()
    assert dropped.serving == later.serving


def test_retired_authority_stays_while_what_it_signed_is_served(rotating: Bundle) -> None:
    assert rotating.coming
    assert rotating.current
    odd = Bundle(
        current=rotating.coming.authority,
        serving=rotating.serving,
        retired=(Retired(rotating.current.pair.certificate, NOW),),
    )
    assert do(odd, Action.DROP, NOW + 485 * DAY).retired == odd.retired
    assert planned(odd, NOW + 485 * DAY) is Action.ISSUE


def test_lost_key_leads_to_a_next_authority_while_the_last_certificate_is_served(fresh: Bundle) -> None:
    assert fresh.current
    lost = Bundle(serving=fresh.serving, retired=(Retired(fresh.current.pair.certificate),))
    assert planned(lost, NOW) is Action.ADD
    added = do(lost, Action.ADD, NOW)
    assert added.serving == fresh.serving
    assert planned(added, NOW, Trust.MISSING) is Action.NOTHING
    switched = do(added, Action.SWITCH, NOW + DAY)
    assert switched.retired == (Retired(fresh.current.pair.certificate, NOW + DAY),)


def test_lost_serving_certificate_is_issued_again_by_the_same_authority(fresh: Bundle) -> None:
    assert planned(Bundle(current=fresh.current), NOW) is Action.ISSUE


def test_nothing_but_the_next_authority_left_means_it_signs_at_once(rotating: Bundle) -> None:
    left = Bundle(coming=rotating.coming)
    assert planned(left, NOW + 481 * DAY, Trust.MISSING) is Action.SWITCH


def test_start_over_keeps_trust_in_what_was_there(fresh: Bundle) -> None:
    assert fresh.current
    lost = Bundle(retired=(Retired(fresh.current.pair.certificate),))
    assert planned(lost, NOW + DAY) is Action.START
    begun = do(lost, Action.START, NOW + DAY)
    assert begun.retired == (Retired(fresh.current.pair.certificate, NOW + DAY),)


def test_another_host_is_a_reason_to_issue_and_an_address_is_compared_as_one(fresh: Bundle) -> None:
    found = plan(fresh, NOW, times=TIMES, hosts=(*HOSTS, "10.0.0.1"))
    assert (found.action, found.why) == (Action.ISSUE, "the serving certificate is not for 10.0.0.1")
    issued = take(fresh, Action.ISSUE, NOW, times=TIMES, hosts=(*HOSTS, "::1"), name="door")
    assert plan(issued, NOW, times=TIMES, hosts=("0:0:0:0:0:0:0:1",)).action is Action.NOTHING


def test_waiting_says_until_when(fresh: Bundle, rotating: Bundle) -> None:
    at = plan(fresh, NOW, times=TIMES, hosts=HOSTS).at
    assert at is not None
    assert abs(at - (NOW + 60 * DAY)) < timedelta(seconds=1)
    waiting = plan(rotating, NOW + 480 * DAY, times=TIMES, hosts=HOSTS)
    assert waiting.at == NOW + 481 * DAY


def test_authorities_of_another_kind_do_not_confuse_the_order() -> None:
    first, second = Authority.create("same", now=NOW), Authority.create("same", now=NOW)
    one = Bundle(current=first, coming=Coming(second, NOW))
    other = Bundle(current=second, retired=(Retired(first.pair.certificate),))
    assert one.authorities_pem == other.authorities_pem == join_pem(other.authorities)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ({"serving": timedelta()}, "longer than nothing"),
        ({"settle": timedelta(seconds=-1)}, "longer than nothing"),
        ({"serving": 300 * DAY}, "three times"),
    ],
)
def test_lifetimes_that_make_no_sense_are_refused(times: dict[str, timedelta], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Lifetimes(**times)


@pytest.mark.parametrize("action", [Action.ISSUE, Action.SWITCH])
def test_a_step_without_its_authority_is_a_defect(action: Action) -> None:
    with pytest.raises(ValueError, match="there is no authority"):
        do(Bundle(), action, NOW)
