"""The first tables. No release had an earlier revision: 0001 to 0006 are in this one.

The triggers that bump ``prokube_role_versions`` are (re)made after each migration: MLflow's own migrations may make the
tables anew.

Revision ID: 0007
Revises:
"""

import sqlalchemy as sa
from alembic import op

from mlflow_prokube_auth.store import role_versions

revision = "0007"
down_revision = None
branch_labels = None
depends_on = None

GRANTS_INDEX = "ix_prokube_role_permissions_resource"


def _user_id(**options: bool) -> sa.Column:
    return sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), **options)


def _team_id() -> sa.Column:
    return sa.Column("team_id", sa.Integer, sa.ForeignKey("prokube_teams.id", ondelete="CASCADE"), nullable=False)


def upgrade() -> None:
    """Make the tables, and an index on MLflow's grants."""
    _people()
    _sessions()
    _resources()
    _teams()
    op.create_table(
        "prokube_audit_events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False, index=True),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target", sa.String(512), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_table(
        "prokube_role_versions",
        sa.Column("role_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_index(GRANTS_INDEX, "role_permissions", ["resource_type", "resource_pattern"])


def _people() -> None:
    op.create_table(
        "prokube_identities",
        _user_id(primary_key=True),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("display_name", sa.String(255), nullable=False),
        sa.Column("admitted_by", sa.String(255), nullable=False),
        sa.Column("admin_by", sa.String(255)),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("last_login_at", sa.BigInteger),
        sa.Column("last_confirmed_at", sa.BigInteger, nullable=False),
        sa.Column("check_due", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("claimed_until", sa.BigInteger),
        sa.Column("generation", sa.Integer, nullable=False, server_default="0"),
        sa.Column("blocked", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.UniqueConstraint("issuer", "subject", name="uq_prokube_identities_subject"),
    )
    op.create_table(
        "prokube_user_names",
        sa.Column("name", sa.String(255), primary_key=True),
        _user_id(nullable=False, index=True),
    )
    op.create_table(
        "prokube_tokens",
        sa.Column("key_id", sa.String(12), primary_key=True),
        _user_id(nullable=False, index=True),
        sa.Column("active_user_id", sa.Integer, unique=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("ended_by", sa.String(16)),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("last_used_from", sa.String(64)),
    )
    op.create_table(
        "prokube_local_admins",
        _user_id(primary_key=True),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", sa.BigInteger),
    )


def _sessions() -> None:
    op.create_table(
        "prokube_sessions",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("secret_digest", sa.String(64), nullable=False),
        _user_id(index=True),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
        sa.Column("sid", sa.String(255), index=True),
        sa.Column("tokens", sa.Text),
        sa.Column("checked_at", sa.BigInteger),
        sa.Column("claimed_until", sa.BigInteger),
    )
    op.create_table(
        "prokube_logout_tokens",
        sa.Column("jti", sa.String(255), primary_key=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "prokube_consents",
        sa.Column("code_digest", sa.String(64), primary_key=True),
        _user_id(nullable=False),
        sa.Column("challenge", sa.String(64), nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
    )


def _resources() -> None:
    op.create_table(
        "prokube_resource_names",
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(512), primary_key=True),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("reserved_at", sa.BigInteger, nullable=False),
        sa.Column("pending", sa.Boolean, nullable=False),
        sa.Column("held_until", sa.BigInteger),
        sa.Index("ix_prokube_resource_names_pending", "user_id", "pending"),
    )
    op.create_table("prokube_counted_versions", sa.Column("digest", sa.String(64), primary_key=True))


def _teams() -> None:
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
        _team_id(),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("prefix", sa.String(255), nullable=False),
        sa.Column("permission", sa.String(16), nullable=False),
        sa.UniqueConstraint("team_id", "kind", "prefix", name="uq_prokube_team_rules"),
    )
    op.create_table(
        "prokube_team_roles",
        sa.Column("role_id", sa.Integer, primary_key=True, autoincrement=False),
        _team_id(),
        sa.Column("rule_id", sa.Integer, nullable=False),
        sa.Column("workspace", sa.String(63), nullable=False),
        sa.UniqueConstraint("team_id", "rule_id", "workspace", name="uq_prokube_team_roles"),
    )


def downgrade() -> None:
    """Drop the tables, the triggers first; MLflow's roles stay, with their members and grants."""
    role_versions.drop_triggers(op.get_bind())
    op.drop_index(GRANTS_INDEX, "role_permissions")
    for table in (
        "role_versions", "counted_versions", "team_roles", "team_rules", "teams", "local_admins", "consents",
        "logout_tokens", "audit_events", "resource_names", "sessions", "tokens", "user_names", "identities",
    ):  # fmt: skip
        op.drop_table(f"prokube_{table}")
