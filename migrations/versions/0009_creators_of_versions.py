"""Who created the versions of registered models that count.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = "prokube_counted_versions"


def upgrade() -> None:
    """Begin anew: of the versions that counted before, nobody knows who created them."""
    op.drop_table(TABLE)
    op.create_table(
        TABLE,
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index(f"ix_{TABLE}_user_id", TABLE, ["user_id"])


def downgrade() -> None:
    """Begin anew, without creators."""
    op.drop_table(TABLE)
    op.create_table(TABLE, sa.Column("digest", sa.String(64), primary_key=True))
