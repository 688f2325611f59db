"""jq rules that are safe to run in front of a production API server.

jq runs in processes of its own, with an empty environment and limits of time and memory. `compile` checks a text once;
`run` judges one object with many programs in one round trip; `condition` and `denials` say what the outputs mean.

Numbers: a number that a rule only passes on keeps all its digits up to 64 bits; arithmetic is that of doubles, so
9007199254740993 + 0 is 9007199254740992. Integers beyond 64 bits come out as doubles; what exceeds a double is an
error. A double that is whole may come out as an integer, beyond 2**53 as the one with the fewest digits. -0 stays -0 in
libjq and is 0 where Python reads it as an integer. NaN comes out as null, which no rule may yield as its verdict.
"""

from typing import TYPE_CHECKING

from auditor.lazy import lazily

if TYPE_CHECKING:
    from auditor.languages.jq.batch import Call
    from auditor.languages.jq.paths import SelectedPath, selected_paths
    from auditor.languages.jq.pool import Pool, shared_pool
    from auditor.languages.jq.process import Limits
    from auditor.languages.jq.program import Program, compile  # noqa: A004 (called as jq.compile, like re.compile)
    from auditor.languages.jq.results import Denial, condition, denials, pointer
    from auditor.languages.jq.running import Question, run, run_all

__all__ = [
    "Call",
    "Denial",
    "Limits",
    "Pool",
    "Program",
    "Question",
    "SelectedPath",
    "compile",
    "condition",
    "denials",
    "pointer",
    "run",
    "run_all",
    "selected_paths",
    "shared_pool",
]

__getattr__ = lazily(
    __name__,
    batch="Call",
    paths="SelectedPath selected_paths",
    pool="Pool shared_pool",
    process="Limits",
    program="Program compile",
    results="Denial condition denials pointer",
    running="Question run run_all",
)
