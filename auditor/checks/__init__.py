"""Built-in drift checks, which yield findings as rules do. Pure, like the engine.

Imports `engine` and what lies below it. `run_checks` asks all checks about one stored object, `check_crd` one about a
CRD. What each of them finds, and what not: docs/checks.md.
"""

from auditor.checks.run import check_crd, run_checks
from auditor.checks.stored import KindFacts, Outcome, Stored, Ways

__all__ = ["KindFacts", "Outcome", "Stored", "Ways", "check_crd", "run_checks"]
