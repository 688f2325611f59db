"""Hours of days that are past, by what was different: so that a period may end at any hour."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NAME = sa.Text().with_variant(sa.String(collation="C"), "postgresql")


def owned(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_cluster_id")
    return sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    op.create_table(
        "counted_hours",
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("api_group", NAME, nullable=False),
        sa.Column("resource", NAME, nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        owned("counted_hours"),
        sa.PrimaryKeyConstraint("cluster_id", "start", "api_group", "resource", name=op.f("pk_counted_hours")),
    )
    names = ("api_group", "resource", "policy", "rule", "namespace")
    gauges = ("passes", "fails", "warns", "errors", "skips")
    op.create_table(
        "differences",
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        *(sa.Column(name, NAME, nullable=False) for name in names),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in gauges),
        owned("differences"),
        sa.PrimaryKeyConstraint("cluster_id", "start", *names, name=op.f("pk_differences")),
    )
