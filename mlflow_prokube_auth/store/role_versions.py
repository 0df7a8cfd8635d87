"""Triggers that bump a role's version with every change of its grants, whoever writes, in the writer's transaction.

So a process may keep what a role grants for as long as the version that it has just read is the one that it knows: a
revocation holds everywhere from the next request on.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_BUMP = (
    "INSERT INTO prokube_role_versions (role_id, version) VALUES ({row}.{column}, 1) "
    "ON CONFLICT (role_id) DO UPDATE SET version = version + 1;"
)
# Table, the column that holds the role's id, and the events: those on grants, and what a role itself may suffer.
_WATCHED = (
    ("role_permissions", "role_id", ("INSERT", "UPDATE", "DELETE")),
    ("roles", "id", ("UPDATE", "DELETE")),
)


def _sqlite() -> dict[str, str]:
    made = {}
    for table, column, events in _WATCHED:
        for event in events:
            name = f"prokube_{table}_{event.lower()}"
            rows = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}[event]
            body = " ".join(_BUMP.format(row=row, column=column) for row in rows)
            made[name] = f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {body} END"
    return made


# One statement's rows at once, in the order of the roles' ids: two writers wait for one another instead of crossing.
_POSTGRES_BODY = """
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO prokube_role_versions AS known (role_id, version)
      SELECT DISTINCT {column}, 1 FROM old_rows ORDER BY 1
      ON CONFLICT (role_id) DO UPDATE SET version = known.version + 1;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO prokube_role_versions AS known (role_id, version)
      SELECT DISTINCT {column}, 1 FROM new_rows ORDER BY 1
      ON CONFLICT (role_id) DO UPDATE SET version = known.version + 1;
  END IF;
  RETURN NULL;
END """
_POSTGRES_FUNCTION = """
CREATE OR REPLACE FUNCTION prokube_bump_{table}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT
AS $${body}$$
"""
_POSTGRES_ROWS = {
    "INSERT": "NEW TABLE AS new_rows",
    "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "OLD TABLE AS old_rows",
}


def _postgres() -> dict[str, str]:
    """Written as PostgreSQL itself writes them (``pg_get_triggerdef``)."""
    return {
        f"prokube_{table}_{event.lower()}": f"CREATE TRIGGER prokube_{table}_{event.lower()} AFTER {event} "
        f"ON {table} REFERENCING {_POSTGRES_ROWS[event]} FOR EACH STATEMENT EXECUTE FUNCTION prokube_bump_{table}()"
        for table, _, events in _WATCHED
        for event in events
    }


# Those that are enabled, as they are in the database.
_TRIGGERS = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname, pg_get_triggerdef(oid, true) FROM pg_trigger WHERE tgenabled IN ('O', 'A') "
    "AND tgrelid IN (to_regclass('role_permissions'), to_regclass('roles'))",
}
# The body of the function that one of PostgreSQL's triggers calls; of one that sets no search path, none.
_BODY = (
    "SELECT CASE WHEN array_to_string(proconfig, ' ') LIKE 'search_path=%' THEN prosrc END "
    "FROM pg_proc WHERE oid = to_regproc(:name)"
)


def make_triggers(connection: Connection) -> None:
    """Make those that are missing, disabled or not as this version has them; where all are, nothing is written.

    On databases other than SQLite and PostgreSQL there are none.
    """
    dialect = connection.dialect.name
    if dialect == "postgresql":
        for table, column, _ in _WATCHED:
            body = _POSTGRES_BODY.format(column=column)
            if connection.execute(text(_BODY), {"name": f"prokube_bump_{table}"}).scalar() != body:
                connection.exec_driver_sql(_POSTGRES_FUNCTION.format(table=table, body=body))
    there = _triggers_in(connection)
    other = {name: made for name, made in _triggers(dialect).items() if there.get(name) != made}
    if dialect == "sqlite" and other:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # no change of a grant goes unnoticed in between
        for name in other.keys() & there.keys():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    for made in other.values():
        connection.exec_driver_sql(made if dialect == "sqlite" else made.replace("CREATE", "CREATE OR REPLACE", 1))


def drop_triggers(connection: Connection) -> None:
    """Take them away."""
    dialect = connection.dialect.name
    for table, _, events in _WATCHED:
        for event in events if _triggers(dialect) else ():
            name = f"prokube_{table}_{event.lower()}"
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name}" + (f" ON {table}" if dialect != "sqlite" else "")))
        if dialect == "postgresql":
            connection.execute(text(f"DROP FUNCTION IF EXISTS prokube_bump_{table}()"))


def triggers_installed(connection: Connection) -> bool:
    """Whether all triggers are there and enabled: without one, nothing may be kept in a process."""
    wanted = _triggers(connection.dialect.name).keys()
    return bool(wanted) and wanted <= _triggers_in(connection).keys()


def _triggers_in(connection: Connection) -> dict[str, str]:
    question = _TRIGGERS.get(connection.dialect.name)
    return {} if question is None else {row[0]: row[1] for row in connection.execute(text(question))}


def _triggers(dialect: str) -> dict[str, str]:
    return {"sqlite": _sqlite, "postgresql": _postgres}.get(dialect, dict)()
