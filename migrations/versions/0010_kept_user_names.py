"""The names and ids of deleted accounts are kept.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLE, OLD = "prokube_user_names", "prokube_user_names_before"


def _replaced(*columns: sa.Column, where: str = "") -> None:
    """Build the table anew, with the rows that it has: SQLite changes no foreign key in place."""
    op.drop_index(f"ix_{TABLE}_user_id", TABLE)
    op.rename_table(TABLE, OLD)
    op.create_table(TABLE, sa.Column("name", sa.String(255), primary_key=True), *columns)
    op.execute(f"INSERT INTO {TABLE} (name, user_id) SELECT name, user_id FROM {OLD} {where}")  # noqa: S608 - constants
    op.drop_table(OLD)
    op.create_index(f"ix_{TABLE}_user_id", TABLE, ["user_id"])


def upgrade() -> None:
    """A deleted account's names stay, with the identity that had them."""
    _replaced(
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="SET NULL")),
        sa.Column("issuer", sa.String(255)),
        sa.Column("subject", sa.String(255)),
        sa.Column("former_id", sa.Integer),
    )


def downgrade() -> None:
    """They are free again."""
    user_id = sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False)
    _replaced(user_id, where="WHERE user_id IS NOT NULL")
