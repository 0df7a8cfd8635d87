"""Who is a member of which of Keycloak's teams, for many teams at once.

A person may be in hundreds of groups, and while their login writes, everybody else waits where the database takes one
writer at a time (SQLite). So the number of statements here is the same for one group as for hundreds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from ..model import Actor, Team
from . import audit
from .portions import portions
from .schema import roles, team_roles, teams, user_role_assignments

DEFAULT_WORKSPACE = "default"
# The "rule" of a team's own roles.
NO_RULE = 0
# SQLite takes 32,766 parameters (https://sqlite.org/limits.html), psycopg 65,535.
VALUES_AT_ONCE = 10_000
KEYCLOAKS = "Members follow a group of the identity provider."
_OWN_ROLE = and_(team_roles.c.rule_id == NO_RULE, team_roles.c.workspace == DEFAULT_WORKSPACE)
# Teams with their members, by the teams' names.
_MEMBERS = (
    select(teams)
    .join(team_roles, and_(team_roles.c.team_id == teams.c.id, _OWN_ROLE))
    .join(user_role_assignments, user_role_assignments.c.role_id == team_roles.c.role_id)
    .order_by(teams.c.name)
)


def teams_of(connection: Connection, user_id: int) -> list[Team]:
    """The teams of a user, by name."""
    return [team_of(row) for row in connection.execute(_MEMBERS.where(user_role_assignments.c.user_id == user_id))]


def names_of_teams(connection: Connection, user_ids: Sequence[int]) -> dict[int, list[str]]:
    """The names of the teams of each of these users, in order; users without teams are left out."""
    found: dict[int, list[str]] = {}
    for some in portions(user_ids):
        query = _MEMBERS.add_columns(user_role_assignments.c.user_id)
        for row in connection.execute(query.where(user_role_assignments.c.user_id.in_(some))):
            found.setdefault(row.user_id, []).append(row.name)
    return found


def team_of(row: Row[Any]) -> Team:
    """A row of ``teams``."""
    return Team(row.id, row.name, bool(row.from_keycloak))


def sync(connection: Connection, user_id: int, username: str, wanted: Iterable[str], actor: Actor) -> None:
    """Make a user a member of exactly these of Keycloak's teams; teams made by hand stay as they are."""
    wanted = set(wanted)
    held = add(connection, user_id, username, wanted, actor)
    drop(connection, [held[name] for name in sorted(held.keys() - wanted)], user_id, username, actor)


def add(connection: Connection, user_id: int, username: str, wanted: Iterable[str], actor: Actor) -> dict[str, Team]:
    """Make a user a member of these of Keycloak's teams, too; those of which they were one before, by name."""
    held = {team.name: team for team in teams_of(connection, user_id) if team.from_keycloak}
    new = sorted(set(wanted) - held.keys())
    if new:
        joined = made(connection, new, actor.at)
        join(connection, [team.id for team in joined], user_id)
        _record(connection, "team.join", username, joined, actor)
    return held


def drop(connection: Connection, lost: Sequence[Team], user_id: int, username: str, actor: Actor) -> None:
    """Take a user out of those of Keycloak's teams."""
    for some in portions(lost, VALUES_AT_ONCE):
        leave(connection, [team.id for team in some], user_id)
    _record(connection, "team.leave", username, lost, actor)


def join(connection: Connection, team_ids: Sequence[int], user_id: int) -> None:
    """Make a user a member, of all roles of these teams."""
    for some in portions(team_ids, VALUES_AT_ONCE):
        theirs = select(literal(user_id), team_roles.c.role_id).where(team_roles.c.team_id.in_(some))
        _insert_missing(connection, user_role_assignments, theirs)


def copy(connection: Connection, role_ids: Select[Any], role_id: int) -> None:
    """Make the members of those roles members of another one, too."""
    theirs = select(user_role_assignments.c.user_id, literal(role_id)).where(
        user_role_assignments.c.role_id.in_(role_ids)
    )
    _insert_missing(connection, user_role_assignments, theirs.distinct())


def leave(connection: Connection, team_ids: Sequence[int], user_id: int) -> None:
    """The opposite."""
    owned = select(team_roles.c.role_id).where(team_roles.c.team_id.in_(team_ids))
    mine = and_(user_role_assignments.c.user_id == user_id, user_role_assignments.c.role_id.in_(owned))
    connection.execute(user_role_assignments.delete().where(mine))


def name_of_role(name: str, taken: set[str], *, from_keycloak: bool) -> str:
    """What a team's role is called; a group in Keycloak never takes over a role that an administrator has made."""
    names = role_names(name) if from_keycloak else (name,)
    return next((each for each in names if each not in taken), names[-1])[:255]


def role_names(name: str) -> tuple[str, ...]:
    """What the role of one of Keycloak's teams may be called, the best first."""
    return name, f"{name} (group)", f"{name} (group, 2)"


def made(connection: Connection, names: Sequence[str], now: int) -> list[Team]:
    """The teams of these groups, made where there are none; without those names that an administrator's team has."""
    rows = [{"name": name, "from_keycloak": True, "created_at": now} for name in names]
    _insert_missing(connection, teams, rows)  # another login may be making some of them
    query = select(teams, team_roles.c.role_id).outerjoin(
        team_roles, and_(team_roles.c.team_id == teams.c.id, _OWN_ROLE)
    )
    found = [row for row in _found(connection, query, teams.c.name, names) if row.from_keycloak]
    _make_roles(connection, [team_of(row) for row in found if row.role_id is None])
    return sorted((team_of(row) for row in found), key=lambda team: team.name)


def _make_roles(connection: Connection, bare: Sequence[Team]) -> None:
    """Give these teams their own role in the default workspace."""
    if not bare:
        return
    there = select(roles.c.name, roles.c.id).where(roles.c.workspace == DEFAULT_WORKSPACE)
    possible = [name for team in bare for name in role_names(team.name)]
    taken = {row.name for row in _found(connection, there, roles.c.name, possible)}
    chosen: dict[str, Team] = {}
    for team in bare:
        name = name_of_role(team.name, taken, from_keycloak=True)
        taken.add(name)
        chosen[name] = team
    # A role of such a name that was made this very moment is an error of the constraint's, and the caller begins anew.
    connection.execute(
        roles.insert(),
        [{"name": name, "workspace": DEFAULT_WORKSPACE, "description": KEYCLOAKS} for name in chosen],
    )
    owned = [
        {"role_id": row.id, "team_id": chosen[row.name].id, "rule_id": NO_RULE, "workspace": DEFAULT_WORKSPACE}
        for row in _found(connection, there, roles.c.name, list(chosen))
    ]
    connection.execute(team_roles.insert(), owned)


def _insert_missing(connection: Connection, table: Any, rows: Select[Any] | list[dict[str, Any]]) -> None:
    """Insert those rows that no constraint of the table holds against."""
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    if isinstance(rows, list):
        connection.execute(insert.on_conflict_do_nothing(), rows)
    else:
        connection.execute(insert.from_select(["user_id", "role_id"], rows).on_conflict_do_nothing())


def _found(
    connection: Connection, query: Select[Any], column: ColumnElement[Any], values: Sequence[str]
) -> list[Row[Any]]:
    return [
        row for some in portions(values, VALUES_AT_ONCE) for row in connection.execute(query.where(column.in_(some)))
    ]


def _record(connection: Connection, action: str, username: str, changed: Sequence[Team], actor: Actor) -> None:
    audit.record_each(connection, action, actor, username, [{"team": team.name} for team in changed])
