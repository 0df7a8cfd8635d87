"""Each claim of a name has an id of its own, and the time in milliseconds, as MLflow's creation times have it.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLE = "prokube_resource_names"


def upgrade() -> None:
    """Add two columns; the time becomes finer."""
    with op.batch_alter_table(TABLE) as table:
        table.alter_column("reserved_at", new_column_name="reserved_ms")
        table.add_column(sa.Column("claim_id", sa.String(16), nullable=False, server_default=""))
        table.add_column(sa.Column("healable", sa.Boolean, nullable=False, server_default=sa.true()))
    op.execute(f"UPDATE {TABLE} SET reserved_ms = reserved_ms * 1000")  # noqa: S608 - a constant


def downgrade() -> None:
    """Take them away."""
    with op.batch_alter_table(TABLE) as table:
        table.drop_column("healable")
        table.drop_column("claim_id")
        table.alter_column("reserved_ms", new_column_name="reserved_at")
    op.execute(f"UPDATE {TABLE} SET reserved_at = reserved_at / 1000")  # noqa: S608 - a constant
