"""An authority and the certificates that it issues: ECDSA P-256, files that only their owner can read.

Imported as `auditor.certs` and by no other name (docs/adr/0001-one-import-path.md). Imports nothing of ours.
"""

from auditor.certs.authority import Authority
from auditor.certs.pair import Pair, write_private

__all__ = ["Authority", "Pair", "write_private"]
