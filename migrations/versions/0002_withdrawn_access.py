"""What ends an access that Keycloak withdraws; consents of the command-line login; local administrators.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and tables."""
    with op.batch_alter_table("prokube_identities") as table:
        table.add_column(sa.Column("check_due", sa.Boolean, nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("claimed_until", sa.BigInteger))
    with op.batch_alter_table("prokube_sessions") as table:
        table.add_column(sa.Column("sid", sa.String(255)))
        table.add_column(sa.Column("tokens", sa.Text))
        table.add_column(sa.Column("checked_at", sa.BigInteger))
        table.add_column(sa.Column("claimed_until", sa.BigInteger))
    op.create_index("ix_prokube_sessions_sid", "prokube_sessions", ["sid"])
    op.create_table(
        "prokube_logout_tokens",
        sa.Column("jti", sa.String(255), primary_key=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_prokube_logout_tokens_expires_at", "prokube_logout_tokens", ["expires_at"])
    op.create_table(
        "prokube_consents",
        sa.Column("code_digest", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("challenge", sa.String(64), nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_prokube_consents_expires_at", "prokube_consents", ["expires_at"])
    op.create_table(
        "prokube_local_admins",
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", sa.BigInteger),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("prokube_local_admins")
    op.drop_table("prokube_consents")
    op.drop_table("prokube_logout_tokens")
    op.drop_index("ix_prokube_sessions_sid", "prokube_sessions")
    with op.batch_alter_table("prokube_sessions") as table:
        for name in ("sid", "tokens", "checked_at", "claimed_until"):
            table.drop_column(name)
    with op.batch_alter_table("prokube_identities") as table:
        for name in ("check_due", "claimed_until"):
            table.drop_column(name)
