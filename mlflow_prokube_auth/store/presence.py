"""What an account has open: sessions, and consents to commands."""

from __future__ import annotations

from sqlalchemy import Connection

from .schema import consents, sessions


def end_presence(connection: Connection, user_id: int) -> None:
    """End a user's sessions and what they allowed a command to fetch, in the caller's transaction."""
    for table in (sessions, consents):
        connection.execute(table.delete().where(table.c.user_id == user_id))
