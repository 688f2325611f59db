"""The watcher: from cluster changes by way of the engine to the ledger of findings, reports and coverage.

Imports `report` and what lies below it, and `cluster`; not `webhooks`, not `dashboard`.
"""
