"""How the tables came to be, step by step. A released step is never changed: the next one is written.

A new one: change `model.py`, write `versions/000N_what.py`, add its number to `migrate.REVISIONS`; tests compare
the migrated tables with the model in both databases.
"""
