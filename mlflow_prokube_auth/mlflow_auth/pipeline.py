"""Around the engine: our routes before it, names after it, words for what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flask import Response, g, redirect, request
from mlflow.version import VERSION
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from .. import logs
from ..errors import AlreadyExists, BadRequest, MethodNotServed, NotServed, Refusal, Unauthenticated, Unavailable
from ..identity import inside
from ..identity.caller import current_identity, grants_changed
from ..identity.middleware import answer
from ..metrics import Counts
from ..model import Person
from ..policy import ids, words
from ..policy.artifacts import CREATE, record_for_readers
from ..policy.guards import limits, queries, shape
from ..policy.guards.table import flask_guards
from ..policy.named import BESIDE, LOOKUPS, NameReservation
from ..prefix import static_prefix, without
from ..store.database import DATABASE_DOWN, TAKES_NO_WRITES, why_down
from ..store.names import NameLock
from ..web import failures
from ..web.context import OWN, Web, is_navigation, is_typed
from . import outages, several
from .install import refusal_response
from .protocol import find_alias_spelling, named_values, normalize_body, request_params
from .scopes import check_found

_logger = logs.logger(__name__)
# One of MLflow's has no slash before its name: /api/2.0mlflow/experiments/search-datasets.
_API_ROUTE = re.compile(r"/(?:ajax-)?api/\d+\.\d+/?mlflow/(.+)")
# Of the artifact store's: how many parts an upload has, and which.
_PARTS_ROUTE = re.compile(r"/(?:ajax-)?api/\d+\.\d+/mlflow-artifacts/mpu/.+")
# Below these nobody opens a page, whether there is such a route or not.
_API_PATH = re.compile(r"/(?:(?:ajax-)?api|graphql|gateway|v1|mlflow-artifacts|prokube-auth/(?:api|assets))(?:/|$)")


def path_here() -> str:
    """The running request's path without the static prefix."""
    return without(request.path, static_prefix())


def rule_here() -> str:
    """The running request's rule without the static prefix; empty where there is none."""
    return without(request.url_rule.rule, static_prefix()) if request.url_rule is not None else ""


def api_route() -> str:
    """The running request's route behind ``/api/2.0/mlflow/``; empty elsewhere."""
    match = _API_ROUTE.fullmatch(rule_here())
    return match.group(1) if match else ""


def takes_json(rule: str) -> bool:
    """Whether a rule is that of a route whose body is JSON."""
    return bool(_API_ROUTE.fullmatch(rule) or _PARTS_ROUTE.fullmatch(rule))


class Enforcement:
    """The hooks around MLflow's engine."""

    def __init__(self, web: Web, counts: Counts, narrow: Callable[[str, Person], bool]) -> None:
        self._web = web
        self._counts = counts
        self._narrow = narrow

    def before(self, engine: Callable[[], Any]) -> Any:
        """Our own routes by exact endpoint; else the engine decides, then names are claimed."""
        if (request.endpoint or "").startswith(OWN):
            return None
        try:
            return self._decide(engine)
        except Refusal as refusal:
            return self.refuse(refusal)
        except DATABASE_DOWN as error:
            _logger.error("the database does not answer: %s", type(error).__name__)
            return self.refuse(Unavailable(why_down(error)))

    def narrow(self, route: str) -> bool:
        """Whether the running request's search finds in SQL what its caller may read, from here on."""
        identity = current_identity()
        return identity is not None and self._narrow(route, identity.person)

    def _decide(self, engine: Callable[[], Any]) -> Any:
        identity = current_identity()
        if request.routing_exception is not None:
            return self._not_served(request.routing_exception) if identity is not None else self.unauthenticated()
        if identity is not None:
            # MLflow's handlers read for themselves whom it names; they have not yet.
            request.environ["HTTP_AUTHORIZATION"] = inside.named(identity)
            try:
                _check_shape()
            except RecursionError:
                raise BadRequest("The body is nested too deeply.") from None
            if (nothing := self._leave_out(identity.person)) is not None:
                return nothing
        decision = self._hide_missing(engine())
        if identity is None:
            return decision
        for _ in range(2):  # what was not there may be there by now, and not granted yet
            if not self._is_outdated(decision, identity.person):
                break
            grants_changed()
            decision = self._hide_missing(engine())
        if decision is None:
            self._guard(identity.person)
            self._narrow(api_route(), identity.person)
        if decision is None and request.method in ("POST", "PATCH", "DELETE"):
            decision = self._names(engine, identity.person)
        return decision

    def _is_outdated(self, decision: Any, person: Person) -> bool:
        """Whether another request has just created what the engine did not find or refused.

        A request for a name that is being created waits for it: MLflow's client would create it, hear that it exists
        and go on without it (mlflow/tracking/fluent.py, ``set_experiment``).
        """
        status = decision.status_code if isinstance(decision, Response) else None
        if status == 404 or (decision is None and person.is_admin):  # of administrators the engine asks nothing
            return api_route() in LOOKUPS and self._web.names.settled(api_route(), request_params())
        return status == 403 and self._is_granted_by_now(person)

    def _leave_out(self, person: Person) -> Response | None:
        """Keep a search in several experiments to those that its caller may read; the answer where none is left."""

        def is_granted_by_now() -> bool:
            if granted := self._is_granted_by_now(person):
                grants_changed()
            return granted

        return None if person.is_admin else several.narrow(api_route(), is_granted_by_now)

    def _not_served(self, error: HTTPException) -> Any:
        """What no route takes, to a caller who is logged in; the engine would refuse it like what they may not do.

        MLflow's client must not read that as an answer about a name. A redirect, as to a path without a double slash,
        is left to Flask.
        """
        path = path_here()
        if is_typed() or (is_navigation() and not _API_PATH.match(path)):
            return self._web.no_such_page(path)
        if isinstance(error, MethodNotAllowed):
            methods = set(error.valid_methods or ()) - {"OPTIONS"}
            return self.refuse(MethodNotServed(words.method_not_served(request.method, request.path, methods), methods))
        if isinstance(error, NotFound):
            return self.refuse(NotServed(words.not_served(request.path, self._web.settings.external_url, VERSION)))
        return None

    def _is_granted_by_now(self, person: Person) -> bool:
        """Whether a refused person may see more than when the engine decided: another request has just created it."""
        if person.is_admin:
            return False
        names, store = self._web.names, self._web.store
        return names.heal(person) or names.settled(api_route(), request_params()) or store.grants_are_others_now()

    def _guard(self, person: Person) -> None:
        method = request.method
        if request.url_rule is not None and (found := flask_guards(method, rule_here(), VERSION)):
            body = request.get_json(silent=True)
            params = request.args if method == "GET" else normalize_body(method, request.url_rule.rule, body)
            self._web.guards.check(found, method, params, request.view_args or {}, person)

    def _names(self, engine: Callable[[], Any], person: Person) -> Any:
        """Hold the name that is given up, then claim the new one."""
        route, params = api_route(), request_params()
        g.prokube_lock = self._web.names.lock(route, params, person)
        try:
            if g.prokube_lock is not None:
                grants_changed()  # somebody else may have changed them while the name was waited for
            if g.prokube_lock is not None and (refused := self._hide_missing(engine())) is not None:
                self._unlock()
                return refused
            self._claim(route, params, person)
        except BaseException:
            self._unlock()
            raise
        return None

    def _claim(self, route: str, params: dict[str, Any], person: Person) -> None:
        """Claim the name, then that of what MLflow creates beside it."""
        own, beside = self._web.names.claim(route, params, person), None
        if route in BESIDE and request.url_rule is not None:  # of other routes nobody walks the body here
            try:
                said = normalize_body(request.method, request.url_rule.rule, request.get_json(silent=True))
                beside = self._web.names.claim_beside(route, said, person)
            except BaseException:
                if own is not None:
                    self._web.names.failed(own, exists=False)
                raise
        g.prokube_claims = [claim for claim in (own, beside) if claim is not None]

    def _unlock(self) -> None:
        held: NameLock | None = g.pop("prokube_lock", None)
        if held is not None:
            self._web.names.unlock(held)

    def _hide_missing(self, decision: Any) -> Any:
        """A validator's "no such id" is answered like "not for you"; names may be said to be free."""
        if not isinstance(decision, Response) or decision.status_code != 404:
            return decision
        subject = words.subject_of(path_here(), request_params())
        if subject is None or subject.by_name:
            return decision
        verb = words.verb_of(request.method, request.path)
        return refusal_response("PERMISSION_DENIED", words.denied(subject, verb, self._web.settings.contact), 403)

    def created(self, response: Response) -> Response:
        """Before the engine grants MANAGE on what was created; without this, it is not granted now."""
        if response.status_code < 400:
            try:
                for claim in g.get("prokube_claims", ()):
                    self._web.names.created(claim)
            except SQLAlchemyError as error:
                _logger.error("old grants on a new id were not removed: %s", type(error).__name__)
                return self.refuse(Unavailable("The server's database does not answer. Try again shortly."))
        return response

    def after(self, response: Response) -> Response:
        """Settle names; let no SQL out."""
        claims: list[NameReservation] = g.pop("prokube_claims", [])
        refused: Refusal | None = g.pop("prokube_refusal", None)
        try:
            self._unlock()
            if refused is not None:
                raise refused
            response = self._after(check_found(response), claims)
        except Refusal as refusal:
            response = Response(*answer(refusal))
        except SQLAlchemyError as error:
            _logger.error("updating the reservation of a name failed: %s", type(error).__name__)
        if response.status_code in REFUSED:
            body = _json_of(response)
            self._counts.refusal(response.status_code, str(body.get("error_code", "")) if body else "page")
        return response

    def _after(self, response: Response, claims: list[NameReservation]) -> Response:
        if response.status_code < 400:
            _reduce(response)
            for claim in claims:
                self._web.names.succeeded(claim)
            if api_route() == CREATE:
                self._version_created(response)
            return response
        if (failure := failures.of_page(response)) is not None:
            headers = {name: value for name, value in response.headers.items() if name in KEPT_HEADERS}
            response = self.refuse(failure)
            response.headers.update(headers)
        body = _json_of(response)
        exists = body is not None and body.get("error_code") == AlreadyExists.error_code
        message = str(body.get("message", "")) if body is not None else ""
        refusals = [self._web.names.failed(claim, exists=exists and not claim.on_the_fly) for claim in claims]
        if outages.is_lost(message):
            raise Unavailable("The server's database does not answer. Try again in a few seconds.")
        for refusal in filter(None, refusals):
            raise refusal
        if body is not None and body.get("error_code") == Unavailable.error_code:
            response.headers.setdefault("Retry-After", Unavailable(message).headers["Retry-After"])
        if body is None:
            return response
        if words.is_read_only(message):
            raise Unavailable(TAKES_NO_WRITES)
        if words.verb_of(request.method, request.path) == "read" and (too_much := words.gave_up(message)) is not None:
            raise BadRequest(too_much)  # not MLflow's 503: its client would ask for the same again and again
        cleaned = words.without_sql(message)
        if cleaned is not None:
            _logger.warning("an answer of MLflow on %s contained SQL, which was removed", request.url_rule)
            response.set_data(json.dumps({**body, "message": cleaned}))
        return response

    def _version_created(self, response: Response) -> None:
        """What goes wrong here keeps the version's files to who may read its experiment, and says so in the log."""
        try:
            made, identity = response.get_json()["model_version"], current_identity()
            if identity is not None:
                self._web.models.created(made["name"], made["version"], identity.person)
        except Exception as error:
            _logger.error("the readers of a model cannot read the files of its new version: %s", type(error).__name__)

    def refuse(self, refusal: Refusal) -> Response:
        """A page for a browser that opens one, JSON for the rest: API paths never answer with a page."""
        is_api = api_route() or _API_PATH.match(path_here())
        return Response(*answer(refusal)) if is_api else self._web.refuse(refusal)

    def unauthenticated(self) -> Response:
        """The answer without a valid credential: a page for browsers, JSON for others. API paths are not redirected."""
        if is_navigation() and request.endpoint == "serve":
            return self._web.page("boot.html")
        if is_navigation() and not api_route() and request.endpoint in PAGES:
            query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
            # As the browser sees it: a proxy may have taken the prefix off.
            path = self._web.base + path_here().lstrip("/")
            target = quote(f"{path}{query}", safe="")
            return redirect(self._web.url(f"login?next={target}"))  # type: ignore[return-value]  # werkzeug's
        if is_navigation() and request.endpoint is None and not _API_PATH.match(path_here()):
            # No such page, so MLflow's own is where login leads.
            return redirect(self._web.url(f"login?next={quote(self._web.base, safe='')}"))  # type: ignore[return-value]
        refusal = Unauthenticated(
            "You are not logged in. In a browser, log in at "
            f"{self._web.settings.external_url}/prokube-auth/login ; elsewhere, set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD to your user name and an access key."
        )
        return Response(*answer(refusal))


def _reduce(response: Response) -> None:
    """Leave of a record what its reader may see, where the engine let them through for a version's sake alone."""
    if g.pop("prokube_of_a_version", False):
        body = _json_of(response) or {}
        response.set_data(json.dumps({"model": record_for_readers(body.get("model") or {})}))


def _json_of(response: Response) -> dict[str, Any] | None:
    body = response.get_json(silent=True) if response.is_json and not response.is_streamed else None
    return body if isinstance(body, dict) else None


def _check_shape() -> None:
    """MLflow's JSON routes only: uploads and forms are read by nobody but their handlers."""
    graphql, path = request.endpoint == "_graphql", request.view_args or {}
    asking = limits.Asking()
    asking.take(request.args.lists())
    shape.check_spellings(request.args, path)
    ids.check_parameters(rule_here(), [*request.args.items(multi=True), *path.items()])
    if request.endpoint in NOT_JSON or not (graphql or takes_json(rule_here())):
        return
    # Of GraphQL, MLflow's handler reads a body of whatever type.
    body = request.get_json(force=graphql, silent=True) if request.is_json or graphql else None
    if isinstance(body, dict):
        limits.check_depth(request.get_data(), body)
        asking.take(body.items())
    shape.reject_ambiguous_request(
        request.method,
        request.args,
        path,
        request.is_json,
        body,
        bool(request.content_length or request.get_data(cache=True)),
        graphql,
    )
    if graphql:
        queries.check(body if isinstance(body, dict) else {})
    if isinstance(body, dict) and not graphql and request.url_rule is not None:
        shape.check_spellings(request.args, path, body)
        if (found := find_alias_spelling(request.method, request.url_rule.rule, body)) is not None:
            raise shape.misspelt(*found)
        if _PARTS_ROUTE.fullmatch(rule_here()):
            shape.check_file_name(body.get("path"))
        ids.check_parameters(rule_here(), named_values(request.method, request.url_rule.rule, body))


# Of a failure that is told anew.
KEPT_HEADERS = frozenset({"Allow", "Retry-After"})
# What counts as a refusal.
REFUSED = frozenset({401, 403, 503})
# Routes of the API that take something else than JSON.
NOT_JSON = frozenset({"serve_upload_artifact", "signup", "<lambda>"})
# MLflow's routes outside the API that people open in a browser.
PAGES = frozenset({"serve_artifacts", "serve_model_version_artifact"})
