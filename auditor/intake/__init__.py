"""Turns files, AdmissionReviews and stored objects into the one request type that the engine judges.

Imports `checks` and what lies below it, and `cluster`.
"""
