"""The web page over report and history.

Imports `report` and what lies below it, and `cluster`; not `webhooks`, not `audit`.
"""
