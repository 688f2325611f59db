"""From (policies, request) to a verdict: match, evaluate, mutate, convert, except.

Pure: no clock, no network, no cluster. Imports `model` and `languages`.
"""
