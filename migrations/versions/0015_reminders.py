"""Which e-mails told of an access key's end: each is sent once, whatever the number of processes.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLE, KEYS = "prokube_key_reminders", "prokube_access_keys"


def upgrade() -> None:
    """Nobody was told before."""
    op.create_table(
        TABLE,
        sa.Column("key_id", sa.String(12), sa.ForeignKey(f"{KEYS}.key_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("days", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("claimed_until", sa.BigInteger, nullable=False),
        sa.Column("settled_at", sa.BigInteger),
    )


def downgrade() -> None:
    """Forget who was told."""
    op.drop_table(TABLE)
