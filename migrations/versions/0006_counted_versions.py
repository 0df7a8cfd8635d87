"""Versions of registered models whose creator could read their files.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table; no version that is there already counts."""
    op.create_table("prokube_counted_versions", sa.Column("digest", sa.String(64), primary_key=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_table("prokube_counted_versions")
