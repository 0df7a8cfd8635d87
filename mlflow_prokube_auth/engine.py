"""The only module that knows ``mlflow.server.auth``, MLflow's authorization engine.

It names every seam that it uses, checks at start that each is there with the expected shape, and puts our
identity, our store and our words into them. The engine stays the one that decides.
"""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

import mlflow.server.auth as auth
from flask import Flask, Response, has_request_context, request
from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, PERMISSION_DENIED
from mlflow.server.auth.db import utils as auth_db
from mlflow.server.auth.db.models import SqlRole, SqlRolePermission, SqlUserRoleAssignment
from mlflow.server.auth.entities import Role, User, UserRoleAssignment
from mlflow.server.auth.sqlalchemy_store import RoleGrantRow, SqlAlchemyStore
from mlflow.server.handlers import _get_model_registry_store
from mlflow.store.db.utils import _get_managed_session_maker
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME
from mlflow.version import VERSION
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import sessionmaker
from starlette.routing import Match, Mount
from werkzeug.datastructures import Authorization

from .catalog import missing_columns
from .engine_writes import watch
from .errors import Refusal
from .identity.caller import current_identity
from .identity.middleware import answer
from .policy import words
from .policy.names import Found
from .store.database import Database, check_schema
from .store.people import UNUSABLE_PASSWORD, Person
from .store.teams import NO_RULE, Resource, Team, Teams

_logger = logging.getLogger(__name__)

# name -> parameters that must be there, in order; None where it is a value.
SEAMS: dict[str, tuple[str, ...] | None] = {
    "auth_config": None,
    "store": None,
    "create_app": ("app",),
    "_before_request": (),
    "_after_request": ("resp",),
    "make_forbidden_response": (),
    "authenticate_request": (),
    "filter_experiment_ids": ("experiment_ids",),
    "get_graphql_authorization_middleware": (),
    "_init_store_for_app": (),
    "_get_experiment_permission": ("experiment_id", "username"),
    "_get_registered_model_or_prompt_permission": ("name",),
    "_get_gateway_secret_permission": ("secret_id",),
    "_get_gateway_endpoint_permission": ("endpoint_id",),
    "_get_gateway_model_definition_permission": ("model_definition_id",),
    "_get_mcp_server_permission": ("name", "username"),
    "_find_fastapi_validator": ("path", "method"),
    "_authorize_flask_artifact_proxy": ("action",),
    "_authorize_fastapi_artifact_proxy": ("path", "username", "query_path", "action"),
    "_artifact_proxy_path": (),
    "_artifact_proxy_path_from_request_path": ("path", "query_path"),
    "_artifact_proxy_child": ("artifact_path", "action"),
    "authorize": ("username", "anchor", "requirements"),
    "Requirement": ("resource_type", "resource_id", "action", "fallback_if_no_grant"),
    "ACTION_NOT_DENIED": None,
}
STORE_SEAMS: dict[str, tuple[str, ...]] = {
    "init_db": ("self", "db_uri", "read_db_uri"),
    "get_user": ("self", "username"),
    "list_grants": ("self", "user_id", "workspace", "resource_types"),
    "grant_user_permission": ("self", "username", "resource_type", "resource_pattern", "permission"),
    "_get_active_workspace_name": (),
    "assign_role_to_user": ("self", "user_id", "role_id"),
    "unassign_role_from_user": ("self", "user_id", "role_id"),
    "update_role": ("self", "role_id", "name", "description"),
    "delete_role": ("self", "role_id"),
    "_synthetic_user_role_name": ("user_id",),
    "_get_or_create_synthetic_user_role": ("self", "session", "user_id", "workspace"),
    "delete_grants_for_resource": ("self", "resource_type", "resource_pattern", "workspace_scoped"),
    "rename_grants_for_resource": ("self", "resource_type", "old_pattern", "new_pattern", "workspace_scoped"),
}
CONFIG_FIELDS = (
    "default_permission",
    "database_uri",
    "admin_username",
    "admin_password",
    "authorization_function",
    "grant_default_workspace_access",
    "workspace_cache_max_size",
    "workspace_cache_ttl_seconds",
    "auth_cache_max_size",
    "auth_cache_ttl_seconds",
    "read_database_uri",
)
WILDCARD = "*"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"
# One name, two kinds of grants: MLflow keeps prompts among the registered models.
GRANTED_AS = {"registered_model": ("registered_model", "prompt")}
GRAPHQL_ERRORS = {
    "mlflowGetExperiment": "MlflowGetExperimentResponse",
    "mlflowGetRun": "MlflowGetRunResponse",
    "mlflowSearchRuns": "MlflowSearchRunsResponse",
    "mlflowSearchDatasets": "MlflowSearchDatasetsResponse",
}


class EngineChanged(Exception):
    """This MLflow has another engine than the one that this version works with."""


def check_seams() -> None:
    """Refuse an MLflow whose engine looks different.

    Raises:
        EngineChanged: naming the MLflow version and the seam.
    """
    for owner, seams in ((auth, SEAMS), (SqlAlchemyStore, STORE_SEAMS)):
        for name, expected in seams.items():
            if not hasattr(owner, name):
                raise EngineChanged(f"MLflow {VERSION} has no mlflow.server.auth {name}")
            if expected is None:
                continue
            found = tuple(inspect.signature(getattr(owner, name)).parameters)
            if found != expected:
                raise EngineChanged(f"MLflow {VERSION}: {name} takes {found}, expected {expected}")
    missing = missing_columns()
    if missing:
        raise EngineChanged(f"MLflow {VERSION} has no {', '.join(missing)}")
    if auth.auth_config._fields != CONFIG_FIELDS:
        raise EngineChanged(f"MLflow {VERSION}: auth_config has the fields {auth.auth_config._fields}")


def migrate_mlflow(engine: Engine) -> None:
    """Bring MLflow's own auth tables up to date (mlflow/server/auth/db/utils.py)."""
    auth_db.migrate_if_needed(engine, "head")


class ProkubeStore(SqlAlchemyStore):  # type: ignore[misc]  # MLflow is untyped here
    """MLflow's store on our database, stricter where the engine must be steered."""

    def __init__(self, database: Database, teams: Teams) -> None:
        super().__init__()
        self._database = database
        self._teams = teams

    def init_db(self, db_uri: str, read_db_uri: str | None = None) -> None:
        """Connect; the parent process has migrated. Grants are always read from the primary."""
        self.db_uri = db_uri
        self.engine = self._database.engine
        self.db_type = self.engine.dialect.name
        self.read_engine = None
        check_schema(self.engine)
        maker = sessionmaker(bind=self.engine)
        watch(maker)
        self.ManagedSessionMaker = _get_managed_session_maker(maker, self.db_type)

    def authenticate_user(self, username: str, password: str, *, use_primary: bool = False) -> bool:
        """Passwords do not exist here."""
        return False

    def get_user(self, username: str) -> User:
        """The caller themselves without a query, anybody else from the database."""
        person = _caller()
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
        rows = super().list_grants(user_id, workspace, resource_types)
        if set(resource_types) == {"workspace"}:
            return list(rows)
        return [row for row in rows if row.resource_type != "workspace" or row.permission == "MANAGE"]

    def delete_grants_for_resource(
        self, resource_type: str, resource_pattern: str, *, workspace_scoped: bool = False
    ) -> None:
        """Sweep the grants of all roles, teams' too: the next owner of the name starts clean."""
        with self.ManagedSessionMaker(read_only=False) as session:
            self._grants(session, resource_type, resource_pattern, workspace_scoped).delete(synchronize_session=False)

    def rename_grants_for_resource(
        self, resource_type: str, old_pattern: str, new_pattern: str, *, workspace_scoped: bool = False
    ) -> None:
        """Take the grants of all roles along."""
        with self.ManagedSessionMaker(read_only=False) as session:
            self._grants(session, resource_type, new_pattern, workspace_scoped).delete(synchronize_session=False)
            self._grants(session, resource_type, old_pattern, workspace_scoped).update(
                {SqlRolePermission.resource_pattern: new_pattern}, synchronize_session=False
            )

    def grant_user_permission(self, username: str, resource_type: str, resource_pattern: str, permission: str) -> None:
        """As MLflow's; but whoever creates something that is named like the wildcard does not get everything."""
        person = _caller()
        if resource_pattern == WILDCARD and person is not None and not person.is_admin:
            raise MlflowException("Only administrators grant on all of a kind.", error_code=PERMISSION_DENIED)
        super().grant_user_permission(username, resource_type, resource_pattern, permission)

    def assign_role_to_user(self, user_id: int, role_id: int) -> UserRoleAssignment:
        """As MLflow's; into a team one comes by its group in Keycloak, or into all of its roles at once."""
        team = self._team_by_hand(role_id)
        made = super().assign_role_to_user(user_id, role_id)
        if team is not None:
            self._teams.join(team, user_id)
        return made

    def unassign_role_from_user(self, user_id: int, role_id: int) -> None:
        """The opposite."""
        team = self._team_by_hand(role_id)
        super().unassign_role_from_user(user_id, role_id)
        if team is not None:
            self._teams.leave(team, user_id)

    def update_role(self, role_id: int, name: str | None = None, description: str | None = None) -> Role:
        """As MLflow's; a team's role keeps its name."""
        self._refuse_team_role(role_id if name is not None else 0)
        return super().update_role(role_id, name, description)

    def delete_role(self, role_id: int) -> None:
        """As MLflow's; a team's role goes with the team."""
        self._refuse_team_role(role_id)
        super().delete_role(role_id)

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
                f"The members of the team '{team.name}' follow its group in Keycloak. Change them there.",
                error_code=INVALID_PARAMETER_VALUE,
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
            MlflowException: it would take away the last MANAGE, or a level is none of that kind.
        """
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

    def sweep(self, kind: str, name: str, user_id: int) -> None:
        """Delete the grants on a name that nothing bears, in all roles but that user's own."""
        with self.ManagedSessionMaker(read_only=False) as session:
            own = session.query(SqlRole.id).filter(SqlRole.name == self._synthetic_user_role_name(user_id))
            session.query(SqlRolePermission).filter(
                SqlRolePermission.resource_type.in_(GRANTED_AS.get(kind, (kind,))),
                SqlRolePermission.resource_pattern == name,
                SqlRolePermission.role_id.not_in(own.scalar_subquery()),
            ).delete(synchronize_session=False)

    def known_to(self, user_id: int) -> set[int]:
        """Ids of those who share a role, or a grant on one resource, with a user; the user too."""
        with self.ManagedSessionMaker() as session:
            mine = session.query(SqlUserRoleAssignment.role_id).filter(SqlUserRoleAssignment.user_id == user_id)
            role_ids = {row[0] for row in mine}
            grants = session.query(SqlRolePermission.resource_type, SqlRolePermission.resource_pattern).filter(
                SqlRolePermission.role_id.in_(role_ids), SqlRolePermission.resource_pattern != "*"
            )
            for resource_type, pattern in grants.all():
                shared = session.query(SqlRolePermission.role_id).filter(
                    SqlRolePermission.resource_type == resource_type,
                    SqlRolePermission.resource_pattern == pattern,
                )
                role_ids |= {row[0] for row in shared}
            members = session.query(SqlUserRoleAssignment.user_id).filter(SqlUserRoleAssignment.role_id.in_(role_ids))
            return {row[0] for row in members} | {user_id}

    def grant_if_absent(
        self, user_id: int, workspace: str, resource_type: str, pattern: str, permission: str
    ) -> None:
        """Grant it to the user's own role in ``workspace``; a grant that stands there stays as it is."""
        try:
            with self.ManagedSessionMaker(read_only=False) as session:
                role = self._get_or_create_synthetic_user_role(session, user_id, workspace)
                held = session.query(SqlRolePermission.id).filter(
                    SqlRolePermission.role_id == role.id,
                    SqlRolePermission.resource_type == resource_type,
                    SqlRolePermission.resource_pattern == pattern,
                )
                if held.first() is None:
                    session.add(
                        SqlRolePermission(
                            role_id=role.id,
                            resource_type=resource_type,
                            resource_pattern=pattern,
                            permission=permission,
                        )
                    )
        except IntegrityError:
            # Another request granted it in this moment.
            _logger.debug("a grant was made twice at once")

    def welcome(self, person: Person) -> None:
        """With workspaces on, whoever logs in may create in the default one."""
        if MLFLOW_ENABLE_WORKSPACES.get():
            self.grant_if_absent(person.user_id, DEFAULT_WORKSPACE_NAME, "workspace", "*", "USE")

    def is_granted(self, found: Found) -> bool:
        """Whether any role holds a grant on exactly this."""
        with self.ManagedSessionMaker() as session:
            query = self._grants(session, found.resource_type, found.pattern, False)
            roles = session.query(SqlRole.id).filter(SqlRole.workspace == found.workspace)
            return query.filter(SqlRolePermission.role_id.in_(roles.scalar_subquery())).first() is not None

    def grant_manage(self, found: Found, username: str) -> None:
        """MANAGE to a creator, as the engine grants it after a creation."""
        user_id = self.get_user(username).id
        self.grant_if_absent(user_id, found.workspace, found.resource_type, found.pattern, "MANAGE")

    def _grants(self, session: Any, resource_type: str, pattern: str, workspace_scoped: bool) -> Any:
        query = session.query(SqlRolePermission).filter(
            SqlRolePermission.resource_type == resource_type, SqlRolePermission.resource_pattern == pattern
        )
        if not workspace_scoped:
            return query
        roles = session.query(SqlRole.id).filter(SqlRole.workspace == self._get_active_workspace_name())
        return query.filter(SqlRolePermission.role_id.in_(roles.scalar_subquery()))


def readable(found: Found, username: str) -> bool:
    """Whether the running request's user may read it, as the engine decides; its failures deny."""
    return _may(found, username, "can_read")


def manageable(found: Found, username: str) -> bool:
    """The same for managing it."""
    return _may(found, username, "can_manage")


def _may(found: Found, username: str, what: str) -> bool:
    question = PERMISSION_ON[found.resource_type]
    try:
        return bool(getattr(question(found.pattern, username), what))
    except MlflowException as error:
        _logger.warning("asking for a permission failed, it is denied: %s", error.error_code)
        return False


def version_readable(name: str, username: str) -> bool:
    """Whether that user may read the versions of a model or prompt, as the engine decides for each read of one."""
    kind = "prompt" if _get_model_registry_store().get_registered_model(name)._is_prompt() else "registered_model"
    need = (auth.Requirement(kind, name, "read"), auth.Requirement(f"{kind}_version", "*", auth.ACTION_NOT_DENIED))
    return bool(auth.authorize(username, (kind, name), need))


def path_readable(username: str, path: str) -> bool:
    """Whether that user may download what is served under a path."""
    return bool(auth._authorize_fastapi_artifact_proxy(f"{ARTIFACTS}{path}", username, None, "read"))


PERMISSION_ON: dict[str, Callable[[str, str], Any]] = {
    "experiment": auth._get_experiment_permission,
    "registered_model": lambda name, _: auth._get_registered_model_or_prompt_permission(name),
    "prompt": lambda name, _: auth._get_registered_model_or_prompt_permission(name),
    "gateway_secret": lambda key, _: auth._get_gateway_secret_permission(key),
    "gateway_endpoint": lambda key, _: auth._get_gateway_endpoint_permission(key),
    "gateway_model_definition": lambda key, _: auth._get_gateway_model_definition_permission(key),
    "mcp_server": auth._get_mcp_server_permission,
}


def _caller() -> Person | None:
    identity = current_identity()
    return identity.person if identity is not None else None


# Both are replaced by install().
_unauthenticated: Callable[[], Response] = lambda: Response(status=401)  # noqa: E731
_refuse: Callable[[Refusal], Response] = lambda refusal: Response(*answer(refusal))  # noqa: E731


def authorization_function() -> Authorization | Response:
    """What the engine calls to learn who is calling; a response is a refusal."""
    try:
        identity = current_identity()
    except Refusal as refusal:
        return _refuse(refusal)
    if identity is None:
        return _unauthenticated()
    return Authorization("basic", {"username": identity.person.username, "password": ""})


def request_params() -> dict[str, Any]:
    """Query, JSON body and path parameters of the running Flask request."""
    params: dict[str, Any] = dict(request.args)
    body = request.get_json(silent=True) if request.is_json or request.method != "GET" else None
    if isinstance(body, dict):
        params.update(body)
    params.update(request.view_args or {})
    return params


def install(
    app: Flask,
    store: ProkubeStore,
    database_uri: str,
    contact: str,
    unauthenticated: Callable[[], Response],
    refuse: Callable[[Refusal], Response],
    before: Callable[[Callable[[], Any]], Any],
    model_artifacts: Callable[[str, str | None], bool],
) -> Any:
    """Put ourselves into the seams and make MLflow's app; a Flask or a FastAPI application comes back.

    ``before`` is called around the engine's own ``before_request``; ``model_artifacts`` says of a user and a path
    whose download the engine refuses whether it comes with a model that the user may read.
    """
    global _unauthenticated, _refuse
    check_seams()
    _unauthenticated, _refuse = unauthenticated, refuse
    auth.store = store
    auth.auth_config = auth.auth_config._replace(
        default_permission="NO_PERMISSIONS",
        database_uri=database_uri,
        admin_username=None,
        admin_password=None,
        authorization_function=f"{__name__}:authorization_function",
        grant_default_workspace_access=False,
        auth_cache_ttl_seconds=0,
        read_database_uri=None,
    )
    auth._USER_AUTH_CACHE = None
    auth.make_forbidden_response = lambda: _forbidden(contact)
    engine_before = auth._before_request
    auth._before_request = lambda: before(engine_before)
    _allow_model_artifacts(model_artifacts)
    auth.filter_experiment_ids = _closed(auth.filter_experiment_ids)
    guard = _graphql_guard(auth.GraphQLAuthorizationMiddleware, contact)
    auth.get_graphql_authorization_middleware = lambda: [guard]
    # Without it the engine would insist on an administrator with a password.
    os.environ["_MLFLOW_AUTH_ADMIN_BOOTSTRAPPED"] = "true"
    return auth.create_app(app)


def _allow_model_artifacts(allowed: Callable[[str, str | None], bool]) -> None:
    """Ask ``allowed`` where the engine refuses to list or download; on Flask's routes and on FastAPI's own."""
    flask, fastapi = auth._authorize_flask_artifact_proxy, auth._authorize_fastapi_artifact_proxy

    def also(username: str, path: str | None) -> bool:
        try:
            return allowed(username, path) and not _denied(username, path)
        except Exception as error:
            _logger.warning("asking whether a path comes with a model failed, it is denied: %s", type(error).__name__)
            return False

    def authorize_flask(action: str) -> bool:
        person = _caller()
        return bool(flask(action)) or (
            action == "read" and person is not None and also(person.username, auth._artifact_proxy_path())
        )

    def authorize_fastapi(path: str, username: str, query_path: str | None, action: str) -> bool:
        # These routes serve what their path names, whatever the query says.
        return bool(fastapi(path, username, query_path, action)) or (
            action == "read" and also(username, auth._artifact_proxy_path_from_request_path(path, None))
        )

    auth._authorize_flask_artifact_proxy = authorize_flask
    auth._authorize_fastapi_artifact_proxy = authorize_fastapi


def _denied(username: str, path: str | None) -> bool:
    """Whether DENY stands on the experiment, or on its runs or logged models: that holds whatever else is granted."""
    tiers, experiment = auth._artifact_proxy_child(path, "read")
    kinds = [experiment, *((tier, "*") for tier in tiers)]
    need = [auth.Requirement(*kind, auth.ACTION_NOT_DENIED) for kind in kinds]
    return not auth.authorize(username, experiment, need)


def _closed(function: Callable[[list[str]], list[str]]) -> Callable[[list[str]], list[str]]:
    """The engine's filter lets everything through on two exceptions; ours nothing on any."""

    def filtered(experiment_ids: list[str]) -> list[str]:
        if not has_request_context():
            return []
        try:
            auth.sender_is_admin()
            return function(experiment_ids)
        except Exception as error:
            _logger.error("filtering experiments failed, nothing is shown: %s", type(error).__name__)
            return []

    return filtered


def _forbidden(contact: str) -> Response:
    params = request_params()
    subject = words.subject_of(request.path, params)
    message = words.denied(subject, words.verb_of(request.method, request.path), contact)
    return refusal_response("PERMISSION_DENIED", message, 403)


def refusal_response(error_code: str, message: str, status: int) -> Response:
    """A JSON refusal."""
    refusal = Refusal(message)
    refusal.error_code, refusal.status = error_code, status
    return Response(*answer(refusal))


def _graphql_guard(base: Any, contact: str) -> Any:
    from mlflow.server.graphql import autogenerated_graphql_schema as schema

    class Guard(base):  # type: ignore[misc]  # MLflow is untyped
        """The engine's guard, but a denial says so: MLflow's UI stays blank on a bare null."""

        def resolve(self, next: Any, root: Any, info: Any, **args: Any) -> Any:
            result = super().resolve(next, root, info, **args)
            name = GRAPHQL_ERRORS.get(info.field_name)
            if result is not None or name is None or info.parent_type.name != "Query":
                return result
            given = args.get("input")
            params = {
                key: getattr(given, key, None) for key in ("run_id", "run_uuid", "experiment_id", "experiment_ids")
            }
            message = words.denied(words.subject_of("", params), "read", contact)
            error = schema.ApiError(code="PERMISSION_DENIED", message=message)
            return getattr(schema, name)(apiError=error)

    return Guard()


def native_route_matcher(fastapi_app: Any) -> Callable[[Any], bool]:
    """Whether a request is served by FastAPI itself rather than by Flask (a table, not a path prefix)."""
    routes = [route for route in fastapi_app.routes if not isinstance(route, Mount)]

    def is_native(scope: Any) -> bool:
        return any(route.matches(scope)[0] != Match.NONE for route in routes)

    return is_native
