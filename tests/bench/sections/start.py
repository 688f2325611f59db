"""What a person waits for at every call, and a cluster at every start."""

from tests.bench.figure import Notebook
from tests.bench.parts.cli import make_calls
from tests.bench.program import run_program

ROUNDS = 7


def run(book: Notebook) -> None:
    for what, command, goal in make_calls():
        runs = [run_program(command) for _ in range(ROUNDS)]
        assert not any(each.code for each in runs), (what, runs)
        book.wall(what, [each.wall for each in runs], "s", goal)
