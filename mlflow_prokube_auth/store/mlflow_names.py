"""Where MLflow keeps user names by value, and decides by them: the names of users, not their ids.

Its tables are in this database where that is the tracking backend, too; else nothing can be done in one transaction,
and nothing is. A test walks MLflow's tables: each column that may hold a user's name stands in one of the tables here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, inspect, text

# What MLflow's server itself writes there, of the authenticated caller (mlflow/store/tracking/dbmodels/models.py).
# Whoever created a job or a queue may do more to it; the others are shown.
STAMPED = (
    ("jobs", "creator"),
    # Of the caller from 3.18 on; before that, of what a client told.
    ("issues", "created_by"),
    ("issues", "last_updated_by"),
    ("review_queues", "created_by"),
    ("review_queue_items", "completed_by"),
    ("mcp_servers", "created_by"),
    ("mcp_servers", "last_updated_by"),
    ("mcp_server_versions", "created_by"),
    ("mcp_server_versions", "last_updated_by"),
    ("mcp_access_endpoints", "created_by"),
    ("mcp_access_endpoints", "last_updated_by"),
    ("skills", "created_by"),  # MLflow 3.18 grants MANAGE to a creator whose name stands there
    ("skills", "last_updated_by"),
    ("skill_versions", "created_by"),
    ("skill_versions", "last_updated_by"),
)
# A queue of one reviewer bears their name, and reviewers are assigned by it; both in lower case, and unique. A budget
# is one user's where its scope says so.
_CHOSEN = {
    ("review_queue_users", "user_id"): (
        "DELETE FROM review_queue_users WHERE user_id = :lower AND queue_id IN "
        "(SELECT queue_id FROM (SELECT queue_id FROM review_queue_users WHERE user_id = :new) AS others)",
        "UPDATE review_queue_users SET user_id = :new WHERE user_id = :lower",
    ),
    ("review_queues", "name_key"): (
        "UPDATE review_queues SET name = :new, name_key = :new WHERE queue_type = 'user' AND name_key = :lower "
        "AND experiment_id NOT IN (SELECT experiment_id FROM "
        "(SELECT experiment_id FROM review_queues WHERE name_key = :new) AS others)",
    ),
    ("budget_policies", "target_value"): (
        "UPDATE budget_policies SET target_value = :new WHERE target_scope = 'USER' AND target_value IN (:old, :lower)",
    ),
}
CHOSEN = (*_CHOSEN, ("review_queues", "name"))
# What clients tell of themselves, or MLflow of the server's own system user. It is shown, and nothing is decided by it.
TOLD = (
    ("assessments", "source_id"),
    ("budget_policies", "created_by"),
    ("budget_policies", "last_updated_by"),
    ("endpoint_bindings", "created_by"),
    ("endpoint_bindings", "last_updated_by"),
    ("endpoint_model_mappings", "created_by"),
    ("endpoints", "created_by"),
    ("endpoints", "last_updated_by"),
    ("evaluation_dataset_records", "created_by"),
    ("evaluation_dataset_records", "last_updated_by"),
    ("evaluation_datasets", "created_by"),
    ("evaluation_datasets", "last_updated_by"),
    ("guardrail_configs", "created_by"),
    ("guardrails", "created_by"),
    ("guardrails", "last_updated_by"),
    ("label_schemas", "created_by"),
    ("model_definitions", "created_by"),
    ("model_definitions", "last_updated_by"),
    ("model_versions", "user_id"),
    ("runs", "user_id"),
    ("secrets", "created_by"),
    ("secrets", "last_updated_by"),
)
# What the shortest of the columns that decide takes (review_queue_users.user_id).
LONGEST = 250
# Pending, running, and to be taken up again (mlflow/entities/_job_status.py).
_UNFINISHED = "SELECT COUNT(*) FROM jobs WHERE creator IN (:old, :lower) AND status IN (0, 1, 6)"


def are_here(connection: Connection) -> bool:
    """Whether MLflow's tables are in this database."""
    return any(inspect(connection).has_table(table) for table, _ in STAMPED)


def unfinished_jobs(connection: Connection, name: str) -> int:
    """How many jobs of that user have not ended; they call the gateway in the user's name."""
    if not inspect(connection).has_table("jobs"):
        return 0
    return int(connection.execute(text(_UNFINISHED), {"old": name, "lower": name.lower()}).scalar_one())


def uses(connection: Connection, name: str) -> dict[str, int]:
    """In which of MLflow's tables that decide or show by a user's name it stands, and in how many rows of each."""
    columns: dict[str, list[str]] = {}
    for table, column in _lengths(connection):
        if (table, column) in (*STAMPED, *_CHOSEN):
            columns.setdefault(table, []).append(column)
    found = {}
    for table, names in columns.items():
        where = " OR ".join(f"{column} IN (:old, :lower)" for column in names)
        statement = f"SELECT COUNT(*) FROM {table} WHERE {where}"  # noqa: S608 - constants
        number = int(connection.execute(text(statement), {"old": name, "lower": name.lower()}).scalar_one())
        if number:
            found[table] = number
    return found


def rename(connection: Connection, old: str, new: str) -> None:
    """Change a user's name in all of these places, in the caller's transaction."""
    if old == new or not are_here(connection):
        return
    lengths = _lengths(connection)
    values = {"old": old, "lower": old.lower(), "new": new}
    for place in STAMPED:
        if place in lengths:
            table, column = place
            statement = f"UPDATE {table} SET {column} = :new WHERE {column} IN (:old, :lower)"  # noqa: S608 - constants
            connection.execute(text(statement), {**values, "new": new[: lengths[place]]})
    for place, statements in _CHOSEN.items():
        for statement in statements if place in lengths else ():
            connection.execute(text(statement), {**values, "new": new[: lengths[place]]})


def _lengths(connection: Connection) -> dict[tuple[str, str], Any]:
    """The columns of those tables that are here, and how many characters each takes; None for any number."""
    there = inspect(connection)
    return {
        (table, column["name"]): getattr(column["type"], "length", None)
        for table in {table for table, _ in (*STAMPED, *CHOSEN)}
        if there.has_table(table)
        for column in there.get_columns(table)
    }
