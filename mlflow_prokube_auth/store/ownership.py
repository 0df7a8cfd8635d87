"""Last managers of resources and their successors: no deletion of an account or team leaves a resource without one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from ..model import Actor, Resource
from . import grant_writer
from .schema import role_permissions, roles, user_role_assignments

MANAGE, WILDCARD = "MANAGE", "*"


class NeedsSuccessor(Exception):
    """Something would be left to nobody; ``resources`` says what."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self.resources = list(resources)
        super().__init__(f"{len(self.resources)} resources")


def own_role(user_id: int) -> str:
    """MLflow's name for the role that holds what is granted to one user alone."""
    return f"__user_{user_id}__"


def managed_alone(
    connection: Connection, *, user_id: int | None = None, role_ids: Sequence[int] = (), member_of: Sequence[int] = ()
) -> list[Resource]:
    """What nobody would manage any more without that user, without these roles, or without that user in these roles.

    Args:
        connection: the transaction to ask in.
        user_id: who is to go.
        role_ids: roles that are to go.
        member_of: of these roles alone the user is to be no member any more; without, of all.
    """
    own, other_role = roles.alias("own"), roles.alias("other_role")
    mine, other = role_permissions.alias("mine"), role_permissions.alias("other")
    leaving, member = user_role_assignments.alias("leaving"), user_role_assignments.alias("member")
    at_stake: ColumnElement[bool]
    stays: ColumnElement[bool]
    if user_id is None:
        at_stake, stays = leaving.c.role_id.in_(role_ids), other.c.role_id.not_in(role_ids)
    elif member_of:
        at_stake = and_(leaving.c.user_id == user_id, leaving.c.role_id.in_(member_of))
        stays = or_(member.c.user_id != user_id, other.c.role_id.not_in(member_of))
    else:
        at_stake, stays = leaving.c.user_id == user_id, member.c.user_id != user_id
    managed_by_another = exists().where(
        and_(
            other.c.resource_type == mine.c.resource_type,
            other.c.resource_pattern.in_([mine.c.resource_pattern, WILDCARD]),
            other.c.permission == MANAGE,
            other_role.c.id == other.c.role_id,
            other_role.c.workspace == own.c.workspace,
            member.c.role_id == other.c.role_id,
            stays,
        )
    )
    query = (
        select(mine.c.resource_type, mine.c.resource_pattern, own.c.workspace)
        .join(own, own.c.id == mine.c.role_id)
        .join(leaving, leaving.c.role_id == own.c.id)
        .where(
            at_stake,
            mine.c.permission == MANAGE,
            mine.c.resource_pattern != WILDCARD,
            mine.c.resource_type != "workspace",
            ~managed_by_another,
        )
        .distinct()
        .order_by(mine.c.resource_type, mine.c.resource_pattern)
    )
    return [Resource(*row) for row in connection.execute(query)]


def pass_on(connection: Connection, resources: Sequence[Resource], successor_id: int | None, actor: Actor) -> int:
    """Give MANAGE on these to the successor, in the place of what they held; how many.

    Raises:
        NeedsSuccessor: there is something to manage, and nobody to do it.
    """
    if resources and successor_id is None:
        raise NeedsSuccessor(resources)
    for resource in resources:
        role_id = own_role_in(connection, successor_id or 0, resource.workspace)
        held = grant_writer.of(resource.resource_type, resource.pattern) & (role_permissions.c.role_id == role_id)
        grant_writer.take(connection, held, actor)
        grant_writer.give(connection, role_id, [resource], MANAGE, actor)
    return len(resources)


def own_role_in(connection: Connection, user_id: int, workspace: str) -> int:
    """The user's own role in a workspace, made as MLflow makes it."""
    name = own_role(user_id)
    found = connection.execute(select(roles.c.id).where(roles.c.workspace == workspace, roles.c.name == name)).scalar()
    if found is not None:
        return int(found)
    key = connection.execute(roles.insert().values(name=name, workspace=workspace)).inserted_primary_key
    role_id = int(key[0])  # type: ignore[index]  # one row, one key
    connection.execute(user_role_assignments.insert().values(user_id=user_id, role_id=role_id))
    return role_id
