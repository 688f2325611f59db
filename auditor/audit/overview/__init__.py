"""How the auditor is doing in a cluster, for a person at a terminal: what it covers, how old that is, what is wrong.

Read from what its parts write into the cluster (statuses, Leases, registrations): nothing of it has to be reachable.
"""

from auditor.audit.overview.facts import Facts, Holder, PolicyFacts, read_facts
from auditor.audit.overview.text import say, to_json
from auditor.audit.overview.wrong import Trouble, find_wrong

__all__ = ["Facts", "Holder", "PolicyFacts", "Trouble", "find_wrong", "read_facts", "say", "to_json"]
