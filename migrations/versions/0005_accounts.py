"""Accounts that an administrator has blocked; what service accounts are for.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column."""
    with op.batch_alter_table("prokube_identities") as table:
        table.add_column(sa.Column("blocked", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Take it away."""
    with op.batch_alter_table("prokube_identities") as table:
        table.drop_column("blocked")
