"""The rule languages: JSON Schema, jq and CEL, each compiled once and run on many requests.

Pure: no clock, no network, no cluster. Imports `model` only.
"""
