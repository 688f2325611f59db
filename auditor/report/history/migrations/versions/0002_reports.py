"""What reports of the past need: exceptions, which policies concern which kind, releases, and what has been cut."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NAME = sa.Text().with_variant(sa.String(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

OPEN = sa.text("resolved_at IS NULL")


def owned(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_cluster_id")
    return sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    # Columns with defaults are added in place in both databases: nothing is copied.
    op.add_column("turns", sa.Column("message_before", sa.Text(), nullable=True))
    op.add_column("policy_changes", sa.Column("title", sa.Text(), nullable=False, server_default=""))
    op.add_column("policy_changes", sa.Column("severities", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("coverage", sa.Column("excluded", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("coverage", sa.Column("gone", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_findings_open_count",
        "findings",
        [
            *("cluster_id", "policy_kind", "policy", "rule", "api_group", "resource", "namespace"),
            *("severity", "result", "opened_at", "turned_at"),
        ],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index("ix_findings_turned", "findings", ["cluster_id", "turned_at"])
    op.create_table(
        "kind_policies",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("api_group", NAME, nullable=False),
        sa.Column("resource", NAME, nullable=False),
        sa.Column("policies", sa.Text(), nullable=False),
        owned("kind_policies"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kind_policies")),
    )
    op.create_index("ix_kind_policies_kind", "kind_policies", ["cluster_id", "api_group", "resource", "id"])
    op.create_table(
        "exception_changes",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("namespace", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("uid", NAME, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("what", NAME, nullable=False),
        sa.Column("policies", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        owned("exception_changes"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exception_changes")),
    )
    op.create_index("ix_exception_changes_exception", "exception_changes", ["cluster_id", "namespace", "name", "id"])
    op.create_table(
        "releases",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("version", NAME, nullable=False),
        owned("releases"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
    )
    op.create_table(
        "horizons",
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("what", NAME, nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        owned("horizons"),
        sa.PrimaryKeyConstraint("cluster_id", "what", name=op.f("pk_horizons")),
    )
