"""Our tables, beside MLflow's ``users``. Times are UTC seconds since the epoch.

Whatever must be unique is a constraint here; ``migrations/`` builds the same tables.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

# MLflow's own table, as far as we read it (mlflow/server/auth/db/models.py, SqlUser).
users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("username", String(255), unique=True),
    Column("password_hash", String(255)),
    Column("is_admin", Boolean),
)

identities = Table(
    "prokube_identities",
    metadata,
    Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("issuer", String(255), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("display_name", String(255), nullable=False),
    Column("admitted_by", String(255), nullable=False),
    Column("admin_by", String(255)),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("last_login_at", BigInteger),
    Column("last_confirmed_at", BigInteger, nullable=False),
    UniqueConstraint("issuer", "subject", name="uq_prokube_identities_subject"),
)

# Every name that anyone has or had: a freed name goes to nobody else.
user_names = Table(
    "prokube_user_names",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
)

tokens = Table(
    "prokube_tokens",
    metadata,
    Column("key_id", String(12), primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    # The user id while the token is in force, else NULL: at most one per user, in any database.
    Column("active_user_id", Integer, unique=True),
    Column("digest", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended_by", String(16)),
    Column("last_used_at", BigInteger),
    Column("last_used_from", String(64)),
)

sessions = Table(
    "prokube_sessions",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("secret_digest", String(64), nullable=False),
    Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("data", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

resource_names = Table(
    "prokube_resource_names",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("name", String(512), primary_key=True),
    Column("user_id", Integer, nullable=False),
    Column("reserved_at", BigInteger, nullable=False),
    # True until the engine has granted MANAGE to the creator.
    Column("pending", Boolean, nullable=False),
    Index("ix_prokube_resource_names_pending", "user_id", "pending"),
)

audit_events = Table(
    "prokube_audit_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("actor", String(255), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", String(512), nullable=False),
    Column("client", String(64), nullable=False),
    Column("detail", Text, nullable=False),
)
