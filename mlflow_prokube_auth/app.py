"""The one wiring place: objects are made here and handed on."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from . import request_heads
from .housekeeping import AuditRetention, ExpiringKeys, Housekeeping
from .identity import misfits
from .identity.authenticators import (
    Authenticators,
    DelegatedTokens,
    IssuerTokens,
    JobTokens,
    KeyCredentials,
    Named,
    OneCredential,
    OriginOfPasswords,
    Recently,
    SessionCookies,
)
from .identity.bearer import BearerTokens
from .identity.bodies import AsgiBodies, BodyLimits, WsgiBodies
from .identity.bounds import AsgiBounds, RequestLine, WsgiBounds
from .identity.caller import CALLER, RequestFacts, actor_of
from .identity.delegation import Delegation
from .identity.directory import Directory
from .identity.legacy_keys import LegacyKeyCredentials
from .identity.middleware import Asgi, AsgiIdentity, WsgiIdentity
from .identity.oidc import RelyingParty
from .identity.pace import AsgiPace, WsgiPace
from .identity.provider import Provider
from .identity.reading import Reader
from .identity.recheck import AccountRevalidator
from .identity.sessions import StoredSessions
from .identity.shares import AsgiShares
from .identity.token_cipher import TokenCipher
from .identity.visitors import Visitors
from .identity.workloads import TrustedTokens, WorkloadTokens
from .key_mail import KeyMail
from .logs import show_ours
from .metrics import Counts
from .mlflow_auth.releases import check_mlflow
from .policy import words
from .policy.artifacts import ModelArtifacts
from .policy.guards.table import Guards
from .policy.names import NamePolicy
from .policy.rules import TeamRules
from .prefix import static_prefix
from .services import BackgroundWorker, open_services
from .settings import SettingsError, load
from .startup import BACKEND_STORE_ENV, JOB_TOKEN_ENV, database_uri, refused
from .web.context import Web
from .web.routes import register


def create() -> Any:
    """MLflow's application with us around it: ASGI under uvicorn, Flask's under gunicorn.

    Raises:
        SettingsError: the environment is not usable.
        EngineChanged: this MLflow has another engine.
        SchemaOutdated: nobody has migrated the database.
    """
    show_ours()
    request_heads.bound()
    check_mlflow()
    settings = load(os.environ)
    if mistakes := refused(os.environ, {}):
        raise SettingsError(mistakes)
    uri = database_uri(settings, os.environ.get(BACKEND_STORE_ENV))
    if uri is None:
        raise RuntimeError("PROKUBE_AUTH_DATABASE_URI is not set, and the tracking backend is not SQL")
    # Whatever imports MLflow's: only now is it known that all of it is there.
    from .mlflow_auth import bypass, permissions, short_way, user_endpoints
    from .mlflow_auth.answers import EngineAnswers
    from .mlflow_auth.auth_store import ProkubeStore
    from .mlflow_auth.catalog import MlflowCatalog
    from .mlflow_auth.install import flask_app, install
    from .mlflow_auth.native_names import NativeChecks, NativeNames
    from .mlflow_auth.pipeline import Enforcement
    from .mlflow_auth.places import ExperimentPlaces
    from .mlflow_auth.searches import Searches
    from .plugin import ProkubePlugin

    services = open_services(settings, uri)
    later = BackgroundWorker()
    previous = settings.secret_key_previous
    box = TokenCipher(settings.secret_key.get_secret_value(), previous.get_secret_value() if previous else None)
    provider = Provider(settings)
    directory = Directory(settings, provider)
    later(lambda: misfits.tell(provider, settings))
    later(directory.check_right)
    counts = Counts()
    reader = Reader(settings, provider)
    revalidator = AccountRevalidator(
        settings, provider, reader, directory, services.people, services.sessions, services.teams, box, later,
        counts,
    )  # fmt: skip
    delegation = Delegation(settings.secret_key.get_secret_value())
    other_origins = frozenset(filter(None, os.environ.get("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", "").split(",")))
    named = Named(services.people, revalidator, settings.keys_url)
    recently = Recently(later)
    authenticate = Authenticators(
        [
            OneCredential(),
            OriginOfPasswords(settings.origin, other_origins),
            JobTokens(os.environ.get(JOB_TOKEN_ENV), named),
            LegacyKeyCredentials(services.legacy_keys, revalidator, recently, settings.keys_url, settings.contact),
            KeyCredentials(
                services.access_keys, services.people, revalidator, recently, settings.keys_url, settings.contact
            ),
            DelegatedTokens(delegation, named),
            WorkloadTokens(
                TrustedTokens(settings),
                settings.trust.audiences,
                services.workloads,
                services.people,
                revalidator,
                recently,
                settings.contact,
            ),
            IssuerTokens(BearerTokens(settings, provider, services.people), revalidator),
            SessionCookies(services.sessions, revalidator, recently, settings.origin),
        ],
        settings.session_cookie,
        counts,
    )
    store = ProkubeStore(services.database, services.teams, settings.provider_name)
    places = ExperimentPlaces()
    catalog = MlflowCatalog(
        permissions.readable,
        permissions.manageable,
        permissions.changeable,
        permissions.level,
        store.is_granted,
        store.grant_manage,
        store.sweep,
        places.owned,
    )
    answers = EngineAnswers(catalog, store.active_workspace)
    models = ModelArtifacts(
        catalog,
        services.counted_versions,
        permissions.version_readable,
        permissions.path_readable,
        permissions.path_denied,
    )
    guards = Guards(answers, models, settings.artifact_locations, settings.contact)
    flask_app.session_interface = StoredSessions(settings, services.sessions)
    web = Web(
        settings=settings,
        services=services,
        relying_party=RelyingParty(flask_app, settings, provider, reader),
        store=store,
        catalog=catalog,
        names=NamePolicy(services.names, catalog, TeamRules(services.teams), settings.contact, actor_of),
        models=models,
        guards=guards,
        box=box,
        provider=provider,
        directory=directory,
        visitors=Visitors(),
    )
    searches = Searches(store.held, store.active_workspace, services.database.engine)
    enforcement = Enforcement(web, counts, searches.narrow)
    # Before the engine's, which may answer.
    works: list[Callable[[int], None]] = [
        AuditRetention(services.database, settings.audit_retention_days),
        ExpiringKeys(services.accounts, services.sessions),
    ]
    if settings.smtp_host is not None:
        # In a thread of its own: a mail server that is slow holds up nothing else.
        mail, mail_later = KeyMail(services.key_reminders, settings), BackgroundWorker()
        works.append(lambda now: mail_later(lambda: mail(now)))
    flask_app.before_request(Housekeeping(works, later).look)
    # Registered before the engine's, so it runs after the engine has granted MANAGE.
    flask_app.after_request(enforcement.after)
    plugin = ProkubePlugin(settings, uri, store, enforcement, answers, models, guards, delegation, places)
    made = install(flask_app, plugin)
    flask_app.after_request(enforcement.created)  # registered after the engine's, so it runs before it grants
    register(flask_app, web)
    user_endpoints.replace(flask_app, web)
    prefix = static_prefix()
    line, bodies = RequestLine(prefix), BodyLimits(settings.largest_body)
    if made is flask_app:
        identified = WsgiIdentity(WsgiBodies(WsgiPace(flask_app.wsgi_app), bodies), authenticate, prefix)
        flask_app.wsgi_app = WsgiBounds(identified, line)
        return flask_app
    flask_app.wsgi_app = WsgiIdentity(flask_app.wsgi_app, authenticate, prefix)
    is_native = bypass.native_route_matcher(made)
    native_names = NativeNames(made, web.names, searches.narrowed)
    inner: Asgi = NativeChecks(native_names, is_native)
    if settings.short_way:
        inner = short_way.take(made, flask_app, inner, bypass.only_passed_on(is_native), prefix)
    asgi = AsgiBodies(AsgiPace(AsgiShares(inner)), bodies)
    native_words = _native_words(settings.contact, counts)
    return AsgiBounds(AsgiIdentity(asgi, authenticate, is_native, native_words, prefix), line)


def _native_words(contact: str, counts: Counts) -> Callable[[RequestFacts, int, str], str]:
    def rewrite(facts: RequestFacts, status: int, text: str) -> str:
        """Words for the engine's plain-text refusals on FastAPI's own routes."""
        if status not in (401, 403):
            return text
        counts.refusal(status, "UNAUTHENTICATED" if status == 401 else "PERMISSION_DENIED")
        if status == 401:
            return "You are not logged in. Send your user name and an access key, or log in with the browser."
        if text != "Permission denied":
            return text
        caller = CALLER.get()
        if caller is not None and caller.refused:
            return caller.refused
        return words.denied_native(facts.method, facts.path, contact)

    return rewrite
