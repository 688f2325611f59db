"""The only room that talks to Kubernetes. It knows nothing of policies.

Imports nothing of ours.
"""
