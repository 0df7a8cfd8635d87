"""What somebody inherited from a deleted account is told from what they created.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLE = "prokube_resource_names"


def upgrade() -> None:
    """Of names that were passed on before, nobody knows any more: they count as created."""
    with op.batch_alter_table(TABLE) as table:
        table.add_column(sa.Column("inherited", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Without it."""
    with op.batch_alter_table(TABLE) as table:
        table.drop_column("inherited")
