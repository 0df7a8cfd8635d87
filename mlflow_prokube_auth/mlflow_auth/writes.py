"""What may be written into MLflow's roles and grants, whoever writes: MLflow's own endpoints obey it like our pages.

It listens to the sessions of the
store, so that the check, the audit trail and the change itself are one transaction. The sweep of a resource that is
deleted passes by here, as it should: nobody needs to manage what is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.server.auth.db.models import SqlRole, SqlRolePermission, SqlUserRoleAssignment
from sqlalchemy import event, inspect
from sqlalchemy.orm import Session, sessionmaker

from ..errors import BadRequest
from ..identity.caller import actor_named, actor_of, current_identity
from ..model import Actor
from ..policy import ids, kinds
from ..store import audit, grant_writer

MANAGE = "MANAGE"
WILDCARD = "*"


def watch(maker: sessionmaker[Session]) -> None:
    """Listen to all sessions of ``maker``."""
    event.listen(maker, "before_flush", _before_flush)


def _before_flush(session: Session, _context: Any, _instances: Any) -> None:
    with session.no_autoflush:
        audit.take_turn(session.connection())
        _keep_spellings(session)
        _keep_a_manager(session)
        _write_down(session)


def _keep_spellings(session: Session) -> None:
    """Refuse a grant on an id in another spelling than requests have it: a DENY there would deny nothing.

    Raises:
        MlflowException: saying what is expected.
    """
    for grant in (*_grants(session.new), *_grants(session.dirty)):
        try:
            ids.check_resource(grant.resource_type, grant.resource_pattern, "resource_pattern")
        except BadRequest as refusal:
            raise MlflowException(refusal.message, error_code=INVALID_PARAMETER_VALUE) from None


def _keep_a_manager(session: Session) -> None:
    """Refuse to take away the last MANAGE on a resource.

    Raises:
        MlflowException: nobody could manage it any more.
    """
    gone = {each.id for each in session.deleted if isinstance(each, SqlUserRoleAssignment)}
    lost = {each.id: each for each in _grants(session.deleted) if each.permission == MANAGE}
    lost |= {each.id: each for each in _grants(session.dirty) if _was(each) == MANAGE and each.permission != MANAGE}
    at_stake = list(lost.values())
    for assignment in session.deleted:
        if isinstance(assignment, SqlUserRoleAssignment):
            at_stake += session.query(SqlRolePermission).filter_by(role_id=assignment.role_id, permission=MANAGE)
    for grant in at_stake:
        if grant.resource_type != "workspace" and grant.resource_pattern != WILDCARD:
            _need_another(session, grant, set(lost), gone)


def _need_another(session: Session, grant: Any, lost: set[int], gone: set[int]) -> None:
    workspace = session.query(SqlRole.workspace).filter(SqlRole.id == grant.role_id).scalar()
    # Locked, so that of two managers who leave at once the second sees that the first is gone.
    holding = (
        session.query(SqlRolePermission)
        .join(SqlRole, SqlRole.id == SqlRolePermission.role_id)
        .filter(
            SqlRole.workspace == workspace,
            SqlRolePermission.resource_type == grant.resource_type,
            SqlRolePermission.resource_pattern.in_([grant.resource_pattern, WILDCARD]),
            SqlRolePermission.permission == MANAGE,
        )
        .order_by(SqlRolePermission.id)
        .with_for_update(of=SqlRolePermission)
    )
    role_ids = {each.role_id for each in holding if each.id not in lost}
    if _has_members(session, role_ids, gone):
        return
    new = (each for each in _grants(session.new) if each.permission == MANAGE)
    same = (grant.resource_type, grant.resource_pattern)
    if any((each.resource_type, each.resource_pattern) == same for each in new):
        return
    kind = kinds.word_of(grant.resource_type)
    raise MlflowException(
        f"This is the last MANAGE on the {kind} '{grant.resource_pattern}': nobody could manage it any more. "
        "Give somebody else MANAGE first.",
        error_code=INVALID_PARAMETER_VALUE,
    )


def _has_members(session: Session, role_ids: set[int], gone: set[int]) -> bool:
    members = session.query(SqlUserRoleAssignment.id).filter(SqlUserRoleAssignment.role_id.in_(role_ids))
    return any(row[0] not in gone for row in members)


def _write_down(session: Session) -> None:
    """Every change into the audit trail."""
    modified = [each for each in session.dirty if session.is_modified(each)]
    for what, changed in (("create", [*session.new]), ("change", modified), ("delete", [*session.deleted])):
        if changed:
            _record(session, what, changed, acting())


def _record(session: Session, what: str, changed: Iterable[Any], actor: Actor) -> None:
    connection = session.connection()
    grant_writer.write_down(connection, what, [_row(grant) for grant in _grants(changed)], actor)
    for each in changed:
        if isinstance(each, SqlUserRoleAssignment):
            about = audit.about(connection, each.user_id)
            audit.record(connection, f"member.{what}", actor, target=_role_name(session, each), **about)
        elif isinstance(each, SqlRole):
            owner = grant_writer.owners_of(connection, [each.name]).get(each.name, {})
            audit.record(connection, f"role.{what}", actor, target=each.name, workspace=each.workspace, **owner)


def _row(grant: Any) -> dict[str, Any]:
    """A grant as :func:`store.grant_writer.write_down` takes it."""
    columns = ("role_id", "resource_type", "resource_pattern", "permission")
    return {**{column: getattr(grant, column) for column in columns}, "was": _was(grant)}


def acting() -> Actor:
    """The actor of changes in the current request, for the audit trail; outside of a request, the server itself."""
    identity = current_identity()
    return actor_named("server") if identity is None else actor_of(identity.person)


def _role_name(session: Session, of: Any) -> str:
    role = session.get(SqlRole, of.role_id)
    return str(role.name) if role is not None else f"role {of.role_id}"


def _grants(objects: Iterable[Any]) -> list[Any]:
    return [each for each in objects if isinstance(each, SqlRolePermission)]


def _was(grant: Any) -> str | None:
    """The level before the change; None where it does not change."""
    deleted = inspect(grant).attrs.permission.history.deleted
    return str(deleted[0]) if deleted else None
