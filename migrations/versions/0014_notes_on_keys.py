"""An access key may have a note, such as "laptop" or "CI"; so may the consent to fetch one.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = ("prokube_access_keys", "prokube_consents")


def upgrade() -> None:
    """Keys that are there have none."""
    for name in TABLES:
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("note", sa.String(60), nullable=False, server_default=""))


def downgrade() -> None:
    """Without notes."""
    for name in TABLES:
        with op.batch_alter_table(name) as table:
            table.drop_column("note")
