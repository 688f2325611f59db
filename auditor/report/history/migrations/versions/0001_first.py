"""The first tables. Types are spelled out: the model goes on, this step stays what it was."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NAME = sa.Text().with_variant(sa.String(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("resolved_at IS NULL")
RESOLVED = sa.text("resolved_at IS NOT NULL")


def index_where(condition: sa.TextClause, name: str, columns: list[str]) -> None:
    op.create_index(name, "findings", columns, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    op.create_table(
        "clusters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clusters")),
        sa.UniqueConstraint("uid", name=op.f("uq_clusters_uid")),
    )
    op.create_table(
        "coverage",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("api_group", NAME, nullable=False),
        sa.Column("resource", NAME, nullable=False),
        sa.Column("present", sa.Integer(), nullable=True),
        sa.Column("evaluated", sa.Integer(), nullable=False),
        sa.Column("not_evaluated", sa.Integer(), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name=op.f("fk_coverage_cluster_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverage")),
    )
    op.create_index("ix_coverage_at", "coverage", ["cluster_id", "at"])
    op.create_index("ix_coverage_kind", "coverage", ["cluster_id", "api_group", "resource", "id"])
    op.create_table(
        "decisions",
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("webhook", NAME, nullable=False),
        sa.Column("operation", NAME, nullable=False),
        sa.Column("api_group", NAME, nullable=False),
        sa.Column("api_version", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("namespace", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("subresource", NAME, nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("outcome", NAME, nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("broke_glass", sa.Boolean(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("policy", NAME, nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name=op.f("fk_decisions_cluster_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cluster_id", "id", name=op.f("pk_decisions")),
    )
    op.create_index("ix_decisions_at", "decisions", ["cluster_id", "at"])
    op.create_index("ix_decisions_namespace", "decisions", ["cluster_id", "namespace", "at"])
    op.create_index("ix_decisions_policy", "decisions", ["cluster_id", "policy", "at"])
    op.create_table(
        "door_totals",
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("instance", NAME, nullable=False),
        sa.Column("webhook", NAME, nullable=False),
        sa.Column("policy", NAME, nullable=False),
        sa.Column("outcome", NAME, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name=op.f("fk_door_totals_cluster_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cluster_id", "instance", "webhook", "policy", "outcome", name=op.f("pk_door_totals")),
    )
    op.create_table(
        "doors",
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("webhook", NAME, nullable=False),
        sa.Column("policy", NAME, nullable=False),
        sa.Column("outcome", NAME, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=op.f("fk_doors_cluster_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("cluster_id", "length", "start", "webhook", "policy", "outcome", name=op.f("pk_doors")),
    )
    op.create_table(
        "findings",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", NAME, nullable=False),
        sa.Column("policy", NAME, nullable=False),
        sa.Column("rule", NAME, nullable=False),
        sa.Column("policy_kind", NAME, nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("remediation", sa.Text(), nullable=False),
        sa.Column("controls", sa.Text(), nullable=False),
        sa.Column("api_group", NAME, nullable=False),
        sa.Column("api_version", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("resource", NAME, nullable=False),
        sa.Column("namespace", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("uid", NAME, nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("turned_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("reopened_count", sa.Integer(), nullable=False),
        sa.Column("excused_by", sa.Text(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name=op.f("fk_findings_cluster_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
    )
    op.create_index("ix_findings_fingerprint", "findings", ["cluster_id", "fingerprint"], unique=True)
    op.create_index("ix_findings_new", "findings", ["cluster_id", "first_seen"])
    op.create_index(
        "ix_findings_open_kind",
        "findings",
        ["cluster_id", "api_group", "resource", "id"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index(
        "ix_findings_open_namespace",
        "findings",
        ["cluster_id", "namespace", "name", "id"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index(
        "ix_findings_open_policy",
        "findings",
        ["cluster_id", "policy", "rule", "result", "id"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index(
        "ix_findings_open_severity",
        "findings",
        ["cluster_id", "severity", "id"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index(
        "ix_findings_resolved",
        "findings",
        ["cluster_id", "resolved_at"],
        sqlite_where=RESOLVED,
        postgresql_where=RESOLVED,
    )
    op.create_table(
        "intervals",
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("api_group", NAME, nullable=False),
        sa.Column("resource", NAME, nullable=False),
        sa.Column("policy", NAME, nullable=False),
        sa.Column("rule", NAME, nullable=False),
        sa.Column("namespace", NAME, nullable=False),
        sa.Column("passes", sa.Integer(), nullable=False),
        sa.Column("fails", sa.Integer(), nullable=False),
        sa.Column("warns", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("skips", sa.Integer(), nullable=False),
        sa.Column("evaluations", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name=op.f("fk_intervals_cluster_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "cluster_id",
            "length",
            "start",
            "api_group",
            "resource",
            "policy",
            "rule",
            "namespace",
            name=op.f("pk_intervals"),
        ),
    )
    op.create_table(
        "policy_changes",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("policy", NAME, nullable=False),
        sa.Column("policy_kind", NAME, nullable=False),
        sa.Column("uid", NAME, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("what", NAME, nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name=op.f("fk_policy_changes_cluster_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_changes")),
    )
    op.create_index("ix_policy_changes_at", "policy_changes", ["cluster_id", "at"])
    op.create_index("ix_policy_changes_policy", "policy_changes", ["cluster_id", "policy_kind", "policy", "id"])
    op.create_table(
        "writers",
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("instance", NAME, nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name=op.f("fk_writers_cluster_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cluster_id", "instance", name=op.f("pk_writers")),
    )
    op.create_table(
        "turns",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("finding_id", NUMBER, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("turn", sa.String(16), nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("excused_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=op.f("fk_turns_cluster_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name=op.f("fk_turns_finding_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turns")),
    )
    op.create_index("ix_turns_at", "turns", ["cluster_id", "at"])
    op.create_index("ix_turns_finding", "turns", ["finding_id", "at"])
