"""Service accounts whose credentials are tokens of another issuer.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """``prokube_workload_bindings``."""
    op.create_table(
        "prokube_workload_bindings",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("audience", sa.String(255), nullable=False),
        sa.Column("claims", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("last_used_from", sa.String(64)),
    )
    op.create_index("ix_prokube_workload_bindings_user_id", "prokube_workload_bindings", ["user_id"])
    op.create_index("ix_prokube_workload_bindings_issuer", "prokube_workload_bindings", ["issuer"])


def downgrade() -> None:
    """Without it."""
    op.drop_table("prokube_workload_bindings")
