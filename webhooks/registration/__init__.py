"""Which requests the API server sends us, derived from the policies, and kept so in the cluster.

The first half is pure: `derive_entries` says which webhooks there are and which policies each judges by,
`make_configurations` what Kubernetes has to be told of them, `sections` when a CRD is converted by us, `drift` what is
not as it should be, `find_scale_gaps` what goes around a rule. The other half does it: `registrar` says when to
look, `keeper` keeps it right, `writing` writes, `plan` only tells, `uninstall` takes it back, `migrate` makes
conversions dispensable. All that is wanted at one moment is a `Wanted`.
"""

from auditor.webhooks.registration.cells import Side
from auditor.webhooks.registration.configurations import Address, Installation, make_configurations
from auditor.webhooks.registration.entries import Entry, derive_entries
from auditor.webhooks.registration.kinds import CustomKind, CustomKinds, list_custom_kinds
from auditor.webhooks.registration.meters import RegistrationMeters
from auditor.webhooks.registration.owner import Owner, find_owner
from auditor.webhooks.registration.plan import Plan, make_plan
from auditor.webhooks.registration.registrar import Registrar
from auditor.webhooks.registration.scale import find_scale_gaps
from auditor.webhooks.registration.target import State, Target
from auditor.webhooks.registration.uninstall import Uninstalled, UninstallRefusedError, uninstall
from auditor.webhooks.registration.wanted import Wanted

__all__ = [
    "Address",
    "CustomKind",
    "CustomKinds",
    "Entry",
    "Installation",
    "Owner",
    "Plan",
    "Registrar",
    "RegistrationMeters",
    "Side",
    "State",
    "Target",
    "UninstallRefusedError",
    "Uninstalled",
    "Wanted",
    "derive_entries",
    "find_owner",
    "find_scale_gaps",
    "list_custom_kinds",
    "make_configurations",
    "make_plan",
    "uninstall",
]
