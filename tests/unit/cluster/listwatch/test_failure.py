"""How a failure reads where a person meets it: in a probe, in the coverage."""

from auditor.cluster.listwatch.status import Failure


def test_it_reads_as_its_message_and_the_next_one_of_a_row_reads_alike() -> None:
    first, later = (Failure("watch things: refused", code=0, since=1.0, count=count) for count in (1, 12))
    assert f"{first}" == f"{later}" == "watch things: refused"
