"""What is kept of the objects of a kind: as little as its users need, in one packed value an object.

`Keep` says what; `Packed` keeps it. Fits a list-watch (its `Store` protocol), and knows nothing of who reads.
"""

from auditor.cluster.stores.keep import DIGESTS, IDENTITY, WHOLE, Content, Keep, Path, content_of
from auditor.cluster.stores.packed import Entry, Packed

__all__ = ["DIGESTS", "IDENTITY", "WHOLE", "Content", "Entry", "Keep", "Packed", "Path", "content_of"]
