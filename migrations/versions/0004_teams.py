"""Teams: which of MLflow's roles are a team's, and the rules that give a team what bears a name.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add three tables."""
    op.create_table(
        "prokube_teams",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(255), nullable=False, unique=True),
        sa.Column("from_keycloak", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "prokube_team_rules",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("team_id", sa.Integer, sa.ForeignKey("prokube_teams.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("prefix", sa.String(255), nullable=False),
        sa.Column("permission", sa.String(16), nullable=False),
        sa.UniqueConstraint("team_id", "kind", "prefix", name="uq_prokube_team_rules"),
    )
    op.create_table(
        "prokube_team_roles",
        sa.Column("role_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("team_id", sa.Integer, sa.ForeignKey("prokube_teams.id", ondelete="CASCADE"), nullable=False),
        sa.Column("rule_id", sa.Integer, nullable=False),
        sa.Column("workspace", sa.String(63), nullable=False),
        sa.UniqueConstraint("team_id", "rule_id", "workspace", name="uq_prokube_team_roles"),
    )


def downgrade() -> None:
    """Take them away; MLflow's roles stay, with their members and grants."""
    op.drop_table("prokube_team_roles")
    op.drop_table("prokube_team_rules")
    op.drop_table("prokube_teams")
