"""Accounts that may be bound to another identity.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "prokube_rebinds"


def upgrade() -> None:
    """``prokube_rebinds``."""
    op.create_table(
        TABLE,
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Without it; what was allowed and not used yet is lost."""
    op.drop_table(TABLE)
