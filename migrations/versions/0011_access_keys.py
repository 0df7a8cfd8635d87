"""The table of access keys is called after them, as are their events in the audit trail.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OLD, NEW = "prokube_tokens", "prokube_access_keys"
ACTIONS = ("create", "replace", "revoke", "consent")


def _renamed(old: str, new: str, old_action: str, new_action: str) -> None:
    """Constraints keep their old names: nothing refers to them by name, and SQLite cannot rename them."""
    op.drop_index(f"ix_{old}_user_id", old)
    op.rename_table(old, new)
    op.create_index(f"ix_{new}_user_id", new, ["user_id"])
    for action in ACTIONS:
        op.execute(
            f"UPDATE prokube_audit_events SET action = '{new_action}.{action}' "  # noqa: S608 - constants
            f"WHERE action = '{old_action}.{action}'"
        )


def upgrade() -> None:
    """``prokube_access_keys`` and ``access_key.create``."""
    _renamed(OLD, NEW, "token", "access_key")


def downgrade() -> None:
    """``prokube_tokens`` and ``token.create``."""
    _renamed(NEW, OLD, "access_key", "token")
