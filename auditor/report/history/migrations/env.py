"""Alembic runs this: migrate on the connection of the caller, within its transaction."""

from alembic import context

from auditor.report.history.model import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    # SQLite cannot alter most of a table: it is copied.
    render_as_batch=True,
)
context.run_migrations()
