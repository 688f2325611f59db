"""`python -m tests.cluster.history.writing URL ROUND`: a watcher writes until it is killed, and says what is written.

What it writes follows from the round and the number of the step, so that whoever kills it knows it, too.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from auditor.model.turn import FindingTurn, Turn
from auditor.report.history import History, Spool
from tests.unit.report.history.cases import CLUSTER, finding, ignore, subject

OBJECTS = 40
START = datetime(2026, 5, 1, tzinfo=UTC)


def steps(round_: int) -> Iterator[list[FindingTurn]]:
    """Each opens all that are closed and closes all that are open of a few objects, for ever."""
    open_: set[str] = set()
    number = 0
    while True:
        turns = []
        for index in range(7):
            name = f"n{(number * 7 + index * 3 + round_) % OBJECTS}"
            at = START + timedelta(hours=round_, milliseconds=number * 10 + index)
            what = Turn.RESOLVED if name in open_ else Turn.OPENED
            open_ ^= {name}
            turns.append(FindingTurn(at, what, subject(name), finding(name)))
        number += 1
        yield turns


def main(url: str, round_: int) -> None:
    spool = Spool(lambda: History.open(url, cluster=CLUSTER), lost=ignore, pause=0.0)
    spool.start()
    for number, turns in enumerate(steps(round_), start=1):
        spool.put(*turns)
        if number % 5 == 0:
            assert spool.flush(60), spool.status()
            print(number, flush=True)  # noqa: T201  # the one who kills it reads


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
