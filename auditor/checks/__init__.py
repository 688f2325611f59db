"""Built-in drift checks, which yield findings as rules do. Pure, like the engine.

Imports `engine` and what lies below it.
"""
