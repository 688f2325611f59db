"""By what a receiver knows what it has already."""

import hashlib


def make_key(*parts: str) -> str:
    """Of one delivery to one audience. Made of uids, so that an object that is made anew delivers anew."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
