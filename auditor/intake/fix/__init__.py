"""Mutating policies applied to files: what the engine makes of an object, written into the text that holds it."""
