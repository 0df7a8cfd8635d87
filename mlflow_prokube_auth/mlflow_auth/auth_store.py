"""MLflow's store of users, roles and grants, on our database and stricter where the engine must be steered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, PERMISSION_DENIED
from mlflow.server.auth.db.models import SqlRole, SqlRolePermission, SqlUserRoleAssignment
from mlflow.server.auth.entities import Role, User, UserRoleAssignment
from mlflow.server.auth.sqlalchemy_store import RoleGrantRow, SqlAlchemyStore
from mlflow.store.db.utils import _get_managed_session_maker
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME
from sqlalchemy import ColumnElement, Connection, and_, event, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import ORMExecuteState, Session, aliased, sessionmaker

from ..errors import BadRequest
from ..identity.caller import CALLER, current_identity, grants_changed
from ..model import Person, Resource, Team
from ..policy import kinds, words
from ..policy.named import NamedResource
from ..store import audit, grant_writer
from ..store.database import Database, check_schema
from ..store.memberships import NO_RULE
from ..store.new_accounts import UNUSABLE_PASSWORD
from ..store.role_grants import RoleGrantCache
from ..store.role_versions import triggers_installed
from ..store.schema import role_permissions, roles
from ..store.teams import Teams
from . import scorers
from .lookups import UserGrants, visible
from .writes import acting, watch

WILDCARD = "*"


class ProkubeStore(SqlAlchemyStore):  # type: ignore[misc]  # MLflow is untyped here
    """MLflow's store on our database, stricter where the engine must be steered."""

    def __init__(self, database: Database, teams: Teams, provider_name: str = "Keycloak") -> None:
        super().__init__()
        self._database = database
        self._teams = teams
        self._provider_name = provider_name
        self._held: RoleGrantCache | None = None

    def init_db(self, db_uri: str, read_db_uri: str | None = None) -> None:
        """Connect; the parent process has migrated. Grants are always read from the primary."""
        self.db_uri = db_uri
        self.engine = self._database.engine
        self.db_type = self.engine.dialect.name
        self.read_engine = None
        check_schema(self.engine)
        with self.engine.connect() as connection:
            # Without the triggers nothing may be kept.
            self._held = RoleGrantCache(self._database) if triggers_installed(connection) else None
        maker = self._sessions = sessionmaker(bind=self.engine)
        watch(maker)
        event.listen(maker, "after_flush", lambda session, _context: session.info.update(wrote=True))
        event.listen(maker, "do_orm_execute", _note_writing)
        event.listen(maker, "after_commit", _grants_may_have_changed)
        self.ManagedSessionMaker = _get_managed_session_maker(maker, self.db_type)

    def authenticate_user(self, username: str, password: str, *, use_primary: bool = False) -> bool:
        """Passwords do not exist here."""
        return False

    def get_user(self, username: str) -> User:
        """The caller themselves without a query, anybody else from the database."""
        person = caller()
        if person is not None and person.username == username:
            return User(
                id_=person.user_id,
                username=person.username,
                password_hash=UNUSABLE_PASSWORD,
                is_admin=person.is_admin,
            )
        return super().get_user(username)

    def list_grants(self, user_id: int, workspace: str, resource_types: Collection[str]) -> list[RoleGrantRow]:
        """MLflow's rows, but "may use the workspace" opens nothing inside it."""
        held = self.held(user_id, workspace)
        if held is not None:
            return held.rows(resource_types)
        return visible(super().list_grants(user_id, workspace, resource_types), resource_types)

    def held(self, user_id: int, workspace: str) -> UserGrants | None:
        """What the caller's roles grant in a workspace; None for anybody else, and where nothing may be kept."""
        running = CALLER.get()
        identity = running.identity() if running is not None else None
        if self._held is None or running is None or identity is None or identity.person.user_id != user_id:
            return None
        roles = running.roles()
        if roles is None:
            roles = self._held.roles_of(user_id)
        return UserGrants([role for role in self._held.of(roles) if role.workspace == workspace])

    def grants_are_others_now(self) -> bool:
        """Whether the caller's roles or their grants are not those that this request has been judged by."""
        running = CALLER.get()
        identity = running.identity() if running is not None else None
        if self._held is None or running is None or identity is None:
            return False
        before, now = running.roles(), self._held.roles_of(identity.person.user_id)
        return before is None or set(before.split(",")) != set(now.split(","))

    def delete_grants_for_resource(
        self, resource_type: str, resource_pattern: str, *, workspace_scoped: bool = False
    ) -> None:
        """Sweep the grants of all roles, teams' too: the next owner of the name starts clean.

        MLflow asks for it also where one version of a scorer was deleted, of which others are left.
        """
        if resource_type == scorers.KIND and scorers.at(resource_pattern) is not None:
            return
        with self.ManagedSessionMaker(read_only=False) as session:
            grant_writer.take(_writing(session), self._on(resource_type, resource_pattern, workspace_scoped), acting())

    def rename_grants_for_resource(
        self, resource_type: str, old_pattern: str, new_pattern: str, *, workspace_scoped: bool = False
    ) -> None:
        """Take the grants of all roles along."""
        with self.ManagedSessionMaker(read_only=False) as session:
            connection, actor = _writing(session), acting()
            grant_writer.take(connection, self._on(resource_type, new_pattern, workspace_scoped), actor)
            grant_writer.move(connection, self._on(resource_type, old_pattern, workspace_scoped), new_pattern, actor)

    def grant_user_permission(self, username: str, resource_type: str, resource_pattern: str, permission: str) -> None:
        """As MLflow's; but whoever creates something that is named like the wildcard does not get everything."""
        person = caller()
        if resource_pattern == WILDCARD and person is not None and not person.is_admin:
            raise MlflowException(
                "Only administrators grant permissions on all resources of a kind.", error_code=PERMISSION_DENIED
            )
        if resource_type == scorers.KIND and person is not None and person.username == username:
            # Whoever changes the experiment adds a version to anybody's scorer; that makes nobody its manager.
            with self.ManagedSessionMaker() as session:
                held = self._grants(session, resource_type, resource_pattern, True)
                if held.filter(SqlRolePermission.permission == "MANAGE").first() is not None:
                    return
        try:
            super().grant_user_permission(username, resource_type, resource_pattern, permission)
        except MlflowException as error:
            # MLflow looks, then inserts. What another request has inserted in between stands there now.
            if not isinstance(error.__cause__, IntegrityError):
                raise
            super().grant_user_permission(username, resource_type, resource_pattern, permission)

    def grant_user_permissions(self, username: str, grants: Iterable[tuple[str, str, str]]) -> None:
        """Each as above: what one of them finds there does not undo the others."""
        for resource_type, resource_pattern, permission in grants:
            self.grant_user_permission(username, resource_type, resource_pattern, permission)

    def assign_role_to_user(self, user_id: int, role_id: int) -> UserRoleAssignment:
        """As MLflow's; into a team one comes by its group in Keycloak, or into all of its roles at once."""
        team = self._team_by_hand(role_id)
        made = super().assign_role_to_user(user_id, role_id)
        if team is not None:
            self._teams.join(team, user_id, acting())
        return made

    def unassign_role_from_user(self, user_id: int, role_id: int) -> None:
        """The opposite."""
        team = self._team_by_hand(role_id)
        super().unassign_role_from_user(user_id, role_id)
        if team is not None:
            self._teams.leave(team, user_id, acting())

    def update_role(self, role_id: int, name: str | None = None, description: str | None = None) -> Role:
        """As MLflow's; a team's role keeps its name."""
        self._refuse_team_role(role_id if name is not None else 0)
        return super().update_role(role_id, name, description)

    def delete_role(self, role_id: int) -> None:
        """As MLflow's; a team's role goes with the team."""
        self._refuse_team_role(role_id)
        super().delete_role(role_id)

    def delete_roles_for_workspace(self, workspace_name: str) -> None:
        """As MLflow's; the roles are no team's any more before their ids can be another role's."""
        self._teams.forget_workspace(workspace_name)
        super().delete_roles_for_workspace(workspace_name)

    def _team_by_hand(self, role_id: int) -> Team | None:
        """The team whose own role this is and whose members are chosen by hand; None for a role of no team.

        Raises:
            MlflowException: the members of this role are not chosen here.
        """
        found = self._teams.team_of_role(role_id)
        if found is None:
            return None
        team, rule_id = found
        if team.from_keycloak:
            raise MlflowException(
                words.members_follow(team.name, self._provider_name), error_code=INVALID_PARAMETER_VALUE
            )
        if rule_id != NO_RULE:
            raise MlflowException(
                f"This role belongs to a rule of the team '{team.name}'. Change the team's members instead.",
                error_code=INVALID_PARAMETER_VALUE,
            )
        return team

    def _refuse_team_role(self, role_id: int) -> None:
        found = self._teams.team_of_role(role_id)
        if found is not None:
            raise MlflowException(
                f"This role is the team '{found[0].name}'. Change the team instead.",
                error_code=INVALID_PARAMETER_VALUE,
            )

    def active_workspace(self) -> str:
        """The workspace of the running request."""
        return str(self._get_active_workspace_name())

    def own_role(self, user_id: int, workspace: str) -> int:
        """The role that holds what is granted to a user alone, made where there is none."""
        with self.ManagedSessionMaker(read_only=False) as session:
            return int(self._get_or_create_synthetic_user_role(session, user_id, workspace).id)

    def set_grants(self, resource: Resource, levels: Mapping[int, str | None]) -> None:
        """Give roles, by id, these levels on a resource, None for nothing, all of it or none.

        Raises:
            BadRequest: it would take away the last MANAGE, or a level is none of that kind.
        """
        try:
            self._set_grants(resource, levels)
        except MlflowException as error:
            raise BadRequest(error.message) from None

    def _set_grants(self, resource: Resource, levels: Mapping[int, str | None]) -> None:
        with self.ManagedSessionMaker(read_only=False) as session:
            for role_id, level in levels.items():
                held = session.query(SqlRolePermission).filter_by(
                    role_id=role_id, resource_type=resource.resource_type, resource_pattern=resource.pattern
                )
                grant = held.first()
                if level is None and grant is not None:
                    session.delete(grant)
                elif level is not None and grant is not None:
                    grant.permission = level
                elif level is not None:
                    session.add(
                        SqlRolePermission(
                            role_id=role_id,
                            resource_type=resource.resource_type,
                            resource_pattern=resource.pattern,
                            permission=level,
                        )
                    )

    def sweep(self, kind: str, name: str, user_id: int, connection: Connection) -> None:
        """Delete the grants on a name that is free, or an id that is new, in all roles but that user's own."""
        table = role_permissions.c
        on = and_(table.resource_type.in_(kinds.sharing_names(kind)), table.resource_pattern == name)
        if kind == "experiment":
            inside = table.resource_pattern.startswith(f"{name}/", autoescape=True)
            on = or_(on, and_(table.resource_type == "scorer", inside))
        own = select(roles.c.id).where(roles.c.name == self._synthetic_user_role_name(user_id))
        grant_writer.take(connection, and_(on, table.role_id.not_in(own.scalar_subquery())), acting())
        grants_changed()

    def visible_user_ids(self, user_id: int) -> set[int]:
        """Ids of those who share a role, or a grant on one resource, with a user in the active workspace.

        The user's own is among them.
        """
        with self.ManagedSessionMaker() as session:
            here = session.query(SqlRole.id).filter(SqlRole.workspace == self._get_active_workspace_name())
            mine = session.query(SqlUserRoleAssignment.role_id).filter(
                SqlUserRoleAssignment.user_id == user_id,
                SqlUserRoleAssignment.role_id.in_(here.scalar_subquery()),
            )
            role_ids = {row[0] for row in mine}
            own, other = aliased(SqlRolePermission), aliased(SqlRolePermission)
            same = and_(own.resource_type == other.resource_type, own.resource_pattern == other.resource_pattern)
            shared = (
                session.query(other.role_id)
                .join(own, same)
                .filter(
                    own.role_id.in_(role_ids), own.resource_pattern != "*", other.role_id.in_(here.scalar_subquery())
                )
            )
            role_ids |= {row[0] for row in shared.distinct()}
            members = session.query(SqlUserRoleAssignment.user_id).filter(SqlUserRoleAssignment.role_id.in_(role_ids))
            return {row[0] for row in members} | {user_id}

    def grant_if_absent(self, user_id: int, workspace: str, resource_type: str, pattern: str, permission: str) -> None:
        """Grant it to the user's own role in ``workspace``; a grant that stands there stays as it is."""
        with self.ManagedSessionMaker(read_only=False) as session:
            role = self._get_or_create_synthetic_user_role(session, user_id, workspace)
            _add_if_absent(session, role.id, resource_type, pattern, permission)

    def grant_default_workspace_use(self, person: Person) -> None:
        """With workspaces on, whoever logs in may create in the default one."""
        if MLFLOW_ENABLE_WORKSPACES.get():
            self.grant_if_absent(person.user_id, DEFAULT_WORKSPACE_NAME, "workspace", "*", "USE")

    def is_granted(self, found: NamedResource) -> bool:
        """Whether any role holds a grant on exactly this."""
        with self.ManagedSessionMaker() as session:
            query = self._grants(session, found.resource_type, found.pattern, False)
            roles = session.query(SqlRole.id).filter(SqlRole.workspace == found.workspace)
            return query.filter(SqlRolePermission.role_id.in_(roles.scalar_subquery())).first() is not None

    def grant_manage(self, found: NamedResource, user_id: int, connection: Connection) -> None:
        """MANAGE to a creator, as the engine grants it after a creation, in the caller's transaction."""
        with self._sessions(bind=connection) as session:
            role = self._get_or_create_synthetic_user_role(session, user_id, found.workspace)
            _add_if_absent(session, role.id, found.resource_type, found.pattern, "MANAGE")
            session.commit()  # the session's own; the caller's transaction goes on
        grants_changed()

    def _on(self, resource_type: str, pattern: str, workspace_scoped: bool) -> ColumnElement[bool]:
        """The grants on one resource, in the roles of the active workspace alone or in all."""
        on = grant_writer.of(resource_type, pattern)
        if not workspace_scoped:
            return on
        here = select(roles.c.id).where(roles.c.workspace == self._get_active_workspace_name())
        return and_(on, role_permissions.c.role_id.in_(here.scalar_subquery()))

    def _grants(self, session: Any, resource_type: str, pattern: str, workspace_scoped: bool) -> Any:
        query = session.query(SqlRolePermission).filter(
            SqlRolePermission.resource_type == resource_type, SqlRolePermission.resource_pattern == pattern
        )
        if not workspace_scoped:
            return query
        roles = session.query(SqlRole.id).filter(SqlRole.workspace == self._get_active_workspace_name())
        return query.filter(SqlRolePermission.role_id.in_(roles.scalar_subquery()))


def _add_if_absent(session: Session, role_id: int, resource_type: str, pattern: str, permission: str) -> None:
    """A grant, unless one stands there or another request makes it in this moment."""
    on = {"role_id": role_id, "resource_type": resource_type, "resource_pattern": pattern}
    standing = session.query(SqlRolePermission.id).filter_by(**on)
    if standing.first() is not None:
        return
    try:
        with session.begin_nested():
            session.add(SqlRolePermission(**on, permission=permission))
    except IntegrityError:
        if standing.first() is None:  # the database refused it for another reason
            raise


def _writing(session: Session) -> Connection:
    """The session's connection, on which grants are about to be written past its flushes."""
    session.info["wrote"] = True
    connection = session.connection()
    audit.take_turn(connection)
    return connection


def _note_writing(state: ORMExecuteState) -> None:
    if state.is_insert or state.is_update or state.is_delete:
        state.session.info["wrote"] = True


def _grants_may_have_changed(session: Session) -> None:
    if session.info.pop("wrote", False):
        grants_changed()


def caller() -> Person | None:
    identity = current_identity()
    return identity.person if identity is not None else None
