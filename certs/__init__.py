"""An authority and the certificates that it issues: ECDSA P-256, files that only their owner can read.

Imported as `auditor.certs` and by no other name (docs/adr/0001-one-import-path.md). Imports nothing of ours but
`auditor.errors` and `auditor.json`. It knows no cluster: a Secret is its data, a rotation is a plan.
"""

from auditor.certs.authority import Authority
from auditor.certs.bundle import Bundle
from auditor.certs.pair import Pair, write_private
from auditor.certs.rotation import Action, Lifetimes, Step, Trust, plan, take
from auditor.certs.secret import Fault, Reading, read_authorities, read_data, write_data

__all__ = [
    "Action",
    "Authority",
    "Bundle",
    "Fault",
    "Lifetimes",
    "Pair",
    "Reading",
    "Step",
    "Trust",
    "plan",
    "read_authorities",
    "read_data",
    "take",
    "write_data",
    "write_private",
]
