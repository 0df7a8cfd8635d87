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
    false,
)

from ..model import LONGEST_NOTE

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

# MLflow's roles, their members and their grants (the same file, SqlRole and what follows).
roles = Table(
    "roles",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("workspace", String(63), nullable=False),
    Column("description", String(1024)),
    UniqueConstraint("workspace", "name", name="unique_workspace_role_name"),
)

role_permissions = Table(
    "role_permissions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("role_id", Integer, ForeignKey("roles.id"), nullable=False, index=True),
    Column("resource_type", String(64), nullable=False),
    Column("resource_pattern", String(255), nullable=False),
    Column("permission", String(255), nullable=False),
    UniqueConstraint("role_id", "resource_type", "resource_pattern", name="unique_role_resource_perm"),
    # Ours: who holds what on a resource is asked with each sweep, and by administrators.
    Index("ix_prokube_role_permissions_resource", "resource_type", "resource_pattern"),
)

user_role_assignments = Table(
    "user_role_assignments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False, index=True),
    Column("role_id", Integer, ForeignKey("roles.id"), nullable=False, index=True),
    UniqueConstraint("user_id", "role_id", name="unique_user_role"),
)

# Grows with each change of what a role grants; triggers see to it.
role_versions = Table(
    "prokube_role_versions",
    metadata,
    Column("role_id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
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
    # When Keycloak last said that all is in order: at a login, a session's re-check or a directory check.
    Column("last_confirmed_at", BigInteger, nullable=False),
    # Keycloak has hinted at a change: ask the directory before anything else is answered.
    Column("check_due", Boolean, nullable=False, default=False),
    # A process asks the directory now; others do not until then.
    Column("claimed_until", BigInteger),
    # Grows with each withdrawal or hint of one, so that an answer asked for before it changes nothing.
    Column("generation", Integer, nullable=False, default=0),
    # An administrator has shut this account; no answer of Keycloak's opens it again.
    Column("blocked", Boolean, nullable=False, default=False),
    UniqueConstraint("issuer", "subject", name="uq_prokube_identities_subject"),
)

# Accounts that the next login with their verified address at that issuer binds to its identity, until then.
rebinds = Table(
    "prokube_rebinds",
    metadata,
    Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("issuer", String(255), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

# Every name that anyone has or had: a freed name goes to nobody else.
user_names = Table(
    "prokube_user_names",
    metadata,
    Column("name", String(255), primary_key=True),
    # NULL where the account is deleted; then the identity that gets the name back, and the id that it had.
    Column("user_id", Integer, ForeignKey("users.id", ondelete="SET NULL"), index=True),
    Column("issuer", String(255)),
    Column("subject", String(255)),
    Column("former_id", Integer),
)

access_keys = Table(
    "prokube_access_keys",
    metadata,
    Column("key_id", String(12), primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    # The user id while the key is in force, else NULL: at most one per user, in any database.
    Column("active_user_id", Integer, unique=True),
    Column("digest", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended_by", String(16)),
    Column("last_used_at", BigInteger),
    Column("last_used_from", String(64)),
    # What its owner calls it, such as "laptop" or "CI"; empty where they do not.
    Column("note", String(LONGEST_NOTE), nullable=False, default="", server_default=""),
)

# Which e-mails told of a key's end; ``days`` before it.
key_reminders = Table(
    "prokube_key_reminders",
    metadata,
    Column("key_id", String(12), ForeignKey("prokube_access_keys.key_id", ondelete="CASCADE"), primary_key=True),
    Column("days", Integer, primary_key=True, autoincrement=False),
    # A process sends it now: nobody else does until then.
    Column("claimed_until", BigInteger, nullable=False),
    # NULL until it was sent, or never can be.
    Column("settled_at", BigInteger),
)

# Keys of another plugin that go on working until a date: hashes of werkzeug's.
legacy_keys = Table(
    "prokube_legacy_keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    # The part of the key that finds it; NULL for a user's one key without such a part.
    Column("prefix", String(32)),
    Column("hash", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended_by", String(16)),
    Column("last_used_at", BigInteger),
    Column("last_used_from", String(64)),
    UniqueConstraint("user_id", "hash", name="uq_prokube_legacy_keys"),
)

# Whose tokens of another issuer stand for a service account.
workload_bindings = Table(
    "prokube_workload_bindings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("issuer", String(255), nullable=False, index=True),
    Column("audience", String(255), nullable=False),
    # A JSON object of claims and the values that they must have; a value may end in "*".
    Column("claims", Text, nullable=False),
    # Of issuer, audience and claims: no two bindings are the same.
    Column("digest", String(64), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
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
    # Keycloak's session, which its logout tokens name.
    Column("sid", String(255), index=True),
    # Keycloak's tokens, sealed; NULL where there are none to re-check with.
    Column("tokens", Text),
    Column("checked_at", BigInteger),
    # A process refreshes the tokens now: Keycloak may take each refresh token once.
    Column("claimed_until", BigInteger),
)

# Logout tokens that were obeyed: none is obeyed twice.
logout_tokens = Table(
    "prokube_logout_tokens",
    metadata,
    Column("jti", String(255), primary_key=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

# What a person allowed a command on their machine: to fetch one access key, once.
consents = Table(
    "prokube_consents",
    metadata,
    Column("code_digest", String(64), primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("challenge", String(64), nullable=False),
    Column("days", Integer, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    # That of the key that is to be made.
    Column("note", String(LONGEST_NOTE), nullable=False, default="", server_default=""),
)

# Administrators for the day on which Keycloak is away.
local_admins = Table(
    "prokube_local_admins",
    metadata,
    Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("password_hash", String(255), nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("locked_until", BigInteger),
)

resource_names = Table(
    "prokube_resource_names",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("name", String(512), primary_key=True),
    Column("user_id", Integer, nullable=False),
    # UTC milliseconds, as MLflow's creation times are.
    Column("reserved_ms", BigInteger, nullable=False),
    # True until the engine has granted MANAGE to the creator.
    Column("pending", Boolean, nullable=False),
    # What bears the name is being renamed or deleted; nobody else gets the name before.
    Column("held_until", BigInteger),
    # Random: tells one claim of the name from the next.
    Column("claim_id", String(16), nullable=False),
    # False where this claim replaced another user's unfinished one.
    Column("healable", Boolean, nullable=False),
    # True where it is the user's as the successor of a deleted account.
    Column("inherited", Boolean, nullable=False, default=False, server_default=false()),
    Index("ix_prokube_resource_names_pending", "user_id", "pending"),
)

# Teams: groups in Keycloak, or made by an administrator.
teams = Table(
    "prokube_teams",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("from_keycloak", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

# What bears a name with this prefix is the team's, at this level.
team_rules = Table(
    "prokube_team_rules",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("team_id", Integer, ForeignKey("prokube_teams.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("prefix", String(255), nullable=False),
    Column("permission", String(16), nullable=False),
    UniqueConstraint("team_id", "kind", "prefix", name="uq_prokube_team_rules"),
)

# Which of MLflow's roles are a team's: its own (rule 0), and one for each of its rules, in each workspace.
team_roles = Table(
    "prokube_team_roles",
    metadata,
    Column("role_id", Integer, primary_key=True, autoincrement=False),
    Column("team_id", Integer, ForeignKey("prokube_teams.id", ondelete="CASCADE"), nullable=False),
    Column("rule_id", Integer, nullable=False),
    Column("workspace", String(63), nullable=False),
    UniqueConstraint("team_id", "rule_id", "workspace", name="uq_prokube_team_roles"),
)

# Versions of registered models whose creator could read their files, by what never changes in MLflow's row.
counted_versions = Table(
    "prokube_counted_versions",
    metadata,
    Column("digest", String(64), primary_key=True),
    # The creator, or the successor of one whose account is gone.
    Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
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
