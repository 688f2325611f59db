"""The command line: one small module for each command, wiring only.

The top of the layers: nothing of ours imports it.
"""
