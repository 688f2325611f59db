"""What has become of findings since a moment, of one cluster: looked for every few seconds, beside clusters that are
busier."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index("ix_turns_cluster", "turns", ["cluster_id", "id"])
