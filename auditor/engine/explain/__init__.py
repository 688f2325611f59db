"""Why a verdict is what it is: the same programs, asked again with more care and part by part.

Pure as the engine is, but for the clock that is handed in. What it says of results is taken from the verdict itself.
"""

from auditor.engine.explain.account import explain
from auditor.engine.explain.parts import Account, Holds, Looked, Named, RuleAccount, State, Step

__all__ = ["Account", "Holds", "Looked", "Named", "RuleAccount", "State", "Step", "explain"]
