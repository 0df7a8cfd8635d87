"""Identities, names, tokens, sessions, resource names and audit events.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "prokube_identities",
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("display_name", sa.String(255), nullable=False),
        sa.Column("admitted_by", sa.String(255), nullable=False),
        sa.Column("admin_by", sa.String(255)),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("last_login_at", sa.BigInteger),
        sa.Column("last_confirmed_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("issuer", "subject", name="uq_prokube_identities_subject"),
    )
    op.create_table(
        "prokube_user_names",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    )
    op.create_index("ix_prokube_user_names_user_id", "prokube_user_names", ["user_id"])
    op.create_table(
        "prokube_tokens",
        sa.Column("key_id", sa.String(12), primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("active_user_id", sa.Integer, unique=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("ended_by", sa.String(16)),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("last_used_from", sa.String(64)),
    )
    op.create_index("ix_prokube_tokens_user_id", "prokube_tokens", ["user_id"])
    op.create_table(
        "prokube_sessions",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("secret_digest", sa.String(64), nullable=False),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE")),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_prokube_sessions_user_id", "prokube_sessions", ["user_id"])
    op.create_index("ix_prokube_sessions_expires_at", "prokube_sessions", ["expires_at"])
    op.create_table(
        "prokube_resource_names",
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(512), primary_key=True),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("reserved_at", sa.BigInteger, nullable=False),
        sa.Column("pending", sa.Boolean, nullable=False),
    )
    op.create_index("ix_prokube_resource_names_pending", "prokube_resource_names", ["user_id", "pending"])
    op.create_table(
        "prokube_audit_events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target", sa.String(512), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("ix_prokube_audit_events_at", "prokube_audit_events", ["at"])


def downgrade() -> None:
    """Drop the tables."""
    for table in ("audit_events", "resource_names", "sessions", "tokens", "user_names", "identities"):
        op.drop_table(f"prokube_{table}")
