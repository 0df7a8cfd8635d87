"""Where MLflow keeps user names by value, and decides by them: the names of users, not their ids.

Its tables are in this database where that is the tracking backend, too; else nothing can be done in one transaction,
and nothing is.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

# What MLflow's server itself writes there, of the authenticated caller (mlflow/store/tracking/dbmodels/models.py).
# Whoever created a job or a queue may do more to it; the others are shown.
STAMPED = (
    ("jobs", "creator"),
    ("review_queues", "created_by"),
    ("review_queue_items", "completed_by"),
    ("mcp_servers", "created_by"),
    ("mcp_servers", "last_updated_by"),
    ("mcp_server_versions", "created_by"),
    ("mcp_server_versions", "last_updated_by"),
    ("mcp_access_endpoints", "created_by"),
    ("mcp_access_endpoints", "last_updated_by"),
)
# A queue of one reviewer bears their name, and reviewers are assigned by it; both in lower case, and unique.
_QUEUES = (
    "DELETE FROM review_queue_users WHERE user_id = :lower AND queue_id IN "
    "(SELECT queue_id FROM review_queue_users WHERE user_id = :new)",
    "UPDATE review_queue_users SET user_id = :new WHERE user_id = :lower",
    "UPDATE review_queues SET name = :new, name_key = :new WHERE queue_type = 'user' AND name_key = :lower "
    "AND NOT EXISTS (SELECT 1 FROM review_queues AS other "
    "WHERE other.experiment_id = review_queues.experiment_id AND other.name_key = :new)",
)
QUEUE_COLUMNS = (("review_queue_users", "user_id"), ("review_queues", "name"), ("review_queues", "name_key"))
# What all of these columns take.
LONGEST = 250


def are_here(connection: Connection) -> bool:
    """Whether MLflow's tables are in this database."""
    return any(inspect(connection).has_table(table) for table, _ in STAMPED)


def rename(connection: Connection, old: str, new: str) -> None:
    """Change a user's name in all of these places, in the caller's transaction."""
    if old == new or not are_here(connection):
        return
    there = inspect(connection)
    values = {"old": old, "lower": old.lower(), "new": new[:LONGEST]}
    for table, column in STAMPED:
        if there.has_table(table) and column in {each["name"] for each in there.get_columns(table)}:
            statement = f"UPDATE {table} SET {column} = :new WHERE {column} IN (:old, :lower)"  # noqa: S608 - constants
            connection.execute(text(statement), values)
    if all(there.has_table(table) for table, _ in QUEUE_COLUMNS):
        for statement in _QUEUES:
            connection.execute(text(statement), values)
