"""At the door: decode, judge, respond; and the registration of the webhooks in the cluster.

Imported as `auditor.webhooks` and by no other name (docs/adr/0001-one-import-path.md).
Imports `report` and what lies below it, `cluster` and `certs`; not `audit`, not `dashboard`.
"""
