"""Processes for what cannot be interrupted and must not run in a server: with a deadline and a limit of memory.

A language has a worker (a program of its own that answers questions, see `worker`) and a pool of processes that run it.
This package imports nothing, because the workers begin with it.
"""
