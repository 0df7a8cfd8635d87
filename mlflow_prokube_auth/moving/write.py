"""Writes a plan through the stores' own writers, in the caller's transaction; what stands there already stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, select

from ..model import Actor, Resource, Rule, Team
from ..store import audit, grant_writer, memberships, ownership
from ..store.legacy_keys import NewLegacyKey, take_over
from ..store.new_accounts import SERVICE_ISSUER, NewAccount, expect, make
from ..store.portions import portions
from ..store.schema import (
    access_keys,
    identities,
    role_permissions,
    roles,
    team_rules,
    teams,
    user_role_assignments,
    users,
)
from ..store.teams import Teams
from .accounts import known_as
from .new_rules import Standing
from .old_world import Thing
from .plan import EVERYBODY, Account, Plan, resource_of


def write(
    connection: Connection,
    plan: Plan,
    things: Sequence[Thing],
    stores: Teams,
    actor: Actor,
    keys_until: int | None = None,
) -> dict[int, int]:
    """Write all of it; the users' ids here by those of the old server. Keys work on until then (UTC seconds).

    Raises:
        NameTaken: an account was deleted or renamed meanwhile.
        IntegrityError: another change was made meanwhile.
    """
    audit.take_turn(connection)
    ids = {account.old.id: _account(connection, account, actor) for account in plan.accounts}
    _members(connection, plan, ids, stores, actor)
    own = {name: _team(connection, name) for name in plan.teams}
    _rules(connection, plan, things, stores, own, actor)
    wanted: dict[int, dict[Resource, str]] = {}
    for name, grants in plan.team_grants.items():
        for resource, level in grants.items():
            wanted.setdefault(stores.role_within(connection, own[name], resource.workspace), {})[resource] = level
    for user, grants in plan.user_grants.items():
        for resource, level in grants.items():
            role_id = ownership.own_role_in(connection, ids[user], resource.workspace)
            wanted.setdefault(role_id, {})[resource] = level
    _give(connection, wanted, actor)
    for account in plan.accounts if keys_until is not None else ():
        _keep_keys(connection, account, ids[account.old.id], keys_until or 0, actor)
    return ids


def _keep_keys(connection: Connection, account: Account, user_id: int, until: int, actor: Actor) -> None:
    """Have the keys of an account work on, if it has made no new one yet."""
    newer = select(access_keys.c.key_id).where(access_keys.c.user_id == user_id).limit(1)
    if connection.execute(newer).first() is not None:
        return
    kept = [
        NewLegacyKey(key.name, key.prefix, key.hash, min(until, key.expires_at or until))
        for key in account.old.keys
        if (key.expires_at or until) > actor.at
    ]
    take_over(connection, user_id, kept, actor)


def _account(connection: Connection, account: Account, actor: Actor) -> int:
    found = known_as(connection, account.name)
    if found is not None:
        return found
    old = account.old
    if old.is_service:
        new = NewAccount(account.name, SERVICE_ISSUER, account.name, old.display_name, "service:account")
        user_id = make(connection, new, actor.at)
        connection.execute(users.update().where(users.c.id == user_id).values(is_admin=old.is_admin))
    else:
        user_id = expect(connection, account.name, is_admin=old.is_admin)
    audit.record(
        connection, "user.import", actor, target=account.name, service=int(old.is_service), admin=int(old.is_admin)
    )
    return user_id


def _members(connection: Connection, plan: Plan, ids: Mapping[int, int], stores: Teams, actor: Actor) -> None:
    """Put people into teams until they log in; from then on their groups in Keycloak say where they are."""
    followed = set(
        connection.execute(select(identities.c.user_id).where(identities.c.issuer != SERVICE_ISSUER)).scalars()
    )
    memberships.made(connection, sorted(name for name in plan.teams if name != EVERYBODY), actor.at)
    for account in plan.accounts:
        user_id = ids[account.old.id]
        wanted = [name for name, members in plan.teams.items() if account.old.id in members and name != EVERYBODY]
        if user_id not in followed:
            memberships.add(connection, user_id, account.name, wanted, actor)
    if EVERYBODY in plan.teams:
        if connection.execute(select(teams.c.id).where(teams.c.name == EVERYBODY)).first() is None:
            stores.create_within(connection, EVERYBODY, actor)
        team = _team(connection, EVERYBODY)
        for account in plan.accounts:
            user_id = ids[account.old.id]
            if team.id not in {each.id for each in memberships.teams_of(connection, user_id)}:
                memberships.join(connection, [team.id], user_id)
                audit.record(connection, "team.join", actor, target=team.name, **audit.about(connection, user_id))


def _team(connection: Connection, name: str) -> Team:
    return memberships.team_of(connection.execute(select(teams).where(teams.c.name == name)).one())


def _rules(
    connection: Connection,
    plan: Plan,
    things: Sequence[Thing],
    stores: Teams,
    own: Mapping[str, Team],
    actor: Actor,
) -> None:
    for planned in plan.rules.values():
        team = own[planned.team]
        known = connection.execute(
            select(team_rules).where(
                team_rules.c.team_id == team.id,
                team_rules.c.kind == planned.kind,
                team_rules.c.prefix == planned.prefix,
            )
        ).first()
        rule = (
            Rule(known.id, team.id, planned.kind, planned.prefix, known.permission)
            if known is not None
            else stores.add_rule_within(connection, team, planned.kind, planned.prefix, planned.level, actor)
        )
        there: dict[str, list[Resource]] = {}
        for thing in things:
            if thing.type == planned.kind and thing.name.startswith(planned.prefix):
                there.setdefault(thing.workspace, []).append(resource_of(thing))
        for resources in there.values():
            stores.apply_within(connection, rule, team, resources, actor)


def _give(connection: Connection, wanted: Mapping[int, Mapping[Resource, str]], actor: Actor) -> None:
    """Grant what a role does not hold in any level yet."""
    held = {
        (row.role_id, row.resource_type, row.resource_pattern)
        for some in portions(sorted(wanted))
        for row in connection.execute(select(role_permissions).where(role_permissions.c.role_id.in_(some)))
    }
    for role_id, grants in wanted.items():
        by_level: dict[str, list[Resource]] = {}
        for resource, level in grants.items():
            if (role_id, resource.resource_type, resource.pattern) not in held:
                by_level.setdefault(level, []).append(resource)
        for level, resources in by_level.items():
            grant_writer.give(connection, role_id, resources, level, actor)


def standings(connection: Connection, ids: Mapping[int, int]) -> dict[int, Standing]:
    """The accounts as they stand in the tables, by old id."""
    mine = sorted(set(ids.values()))
    roles_of: dict[int, list[int]] = {}
    for row in _those(connection, select(user_role_assignments), user_role_assignments.c.user_id, mine):
        roles_of.setdefault(row.user_id, []).append(row.role_id)
    granted: dict[int, dict[tuple[str, str], dict[str, str]]] = {}
    query = select(role_permissions, roles.c.workspace).join(roles, roles.c.id == role_permissions.c.role_id)
    wanted = sorted({role for some in roles_of.values() for role in some})
    for row in _those(connection, query, role_permissions.c.role_id, wanted):
        on = granted.setdefault(row.role_id, {}).setdefault((row.resource_type, row.workspace), {})
        on[row.resource_pattern] = row.permission
    found = {row.id: row for row in _those(connection, select(users), users.c.id, mine)}
    return {
        old: Standing(
            found[user_id].username,
            bool(found[user_id].is_admin),
            tuple(granted[role] for role in roles_of.get(user_id, ()) if role in granted),
        )
        for old, user_id in ids.items()
    }


def _those(connection: Connection, query, column, values: Sequence[int]) -> Iterable:  # type: ignore[no-untyped-def, type-arg]  # SQLAlchemy's rows
    return (row for some in portions(values) for row in connection.execute(query.where(column.in_(some))))
