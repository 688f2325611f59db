"""The words of the system as frozen dataclasses: policy, rule, request, finding, verdict, exception.

Imports the standard library only.
"""
