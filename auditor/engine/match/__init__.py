"""Which policies a request concerns, exactly as Kubernetes decides it for ValidatingAdmissionPolicy. Pure.

`read_match` reads MatchResources and says all that is wrong with it, `compile_match` makes a program of it, and
`PolicyIndex` keeps the programs of other kinds out of a request's way.
"""

from auditor.engine.match.index import PolicyIndex
from auditor.engine.match.program import MatchProgram, compile_match
from auditor.engine.match.read import read_match
from auditor.engine.match.selector import read_selector, selects

__all__ = ["MatchProgram", "PolicyIndex", "compile_match", "read_match", "read_selector", "selects"]
