"""Names are held while what bears them is renamed or deleted; a withdrawal outlives a check that was under way.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns."""
    with op.batch_alter_table("prokube_resource_names") as table:
        table.add_column(sa.Column("held_until", sa.BigInteger))
    with op.batch_alter_table("prokube_identities") as table:
        table.add_column(sa.Column("generation", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    """Take them away."""
    with op.batch_alter_table("prokube_identities") as table:
        table.drop_column("generation")
    with op.batch_alter_table("prokube_resource_names") as table:
        table.drop_column("held_until")
