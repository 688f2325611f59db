"""The packs of policies that ship with us: what is in them, and how they get into a cluster.

`pack.py` reads one, `facts.py` says what it holds, `manifests.py` makes of it what shall stand in a cluster,
`install.py` and `remove.py` write that. Packs of others, as folders of the same form, are read in the same way.
"""

from typing import Final

from auditor.intake.packs.folder import packs_directory

__all__ = ["LABEL", "packs_directory"]

LABEL: Final = "auditor.dev/pack"
"""Of what is in a cluster: the pack that it came with."""
