"""Keys of another plugin that go on working for a while.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """``prokube_legacy_keys``."""
    op.create_table(
        "prokube_legacy_keys",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("prefix", sa.String(32)),
        sa.Column("hash", sa.String(255), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("ended_by", sa.String(16)),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("last_used_from", sa.String(64)),
        sa.UniqueConstraint("user_id", "hash", name="uq_prokube_legacy_keys"),
    )
    op.create_index("ix_prokube_legacy_keys_user_id", "prokube_legacy_keys", ["user_id"])


def downgrade() -> None:
    """Without it."""
    op.drop_table("prokube_legacy_keys")
