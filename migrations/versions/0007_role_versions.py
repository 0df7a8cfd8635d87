"""A version for each of MLflow's roles, which triggers bump with every change of what it grants; an index on grants.

The triggers themselves are (re)made at each migration: MLflow's own migrations may make the tables anew.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

from mlflow_prokube_auth.store import role_versions

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEX = "ix_prokube_role_permissions_resource"


def upgrade() -> None:
    """Add the table and the index."""
    op.create_table(
        "prokube_role_versions",
        sa.Column("role_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_index(INDEX, "role_permissions", ["resource_type", "resource_pattern"])


def downgrade() -> None:
    """Take them away, the triggers first."""
    role_versions.drop_triggers(op.get_bind())
    op.drop_index(INDEX, "role_permissions")
    op.drop_table("prokube_role_versions")
