"""What ``mlflow-prokube-auth doctor`` looks at: settings, Keycloak, database and MLflow, one finding each."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import quote

import requests

from .identity.directory import Directory
from .identity.provider import GrantRefused, OtherIssuer, Provider, ProviderDown, TokenInvalid
from .mlflow_auth.releases import EngineChanged, check_mlflow
from .settings import Settings, SettingsError, load
from .startup import BACKEND_STORE_ENV, database_problem, database_uri, unsafe, why_unanswered

TIMEOUT_SECONDS = 5
WARN_SECONDS, FAIL_SECONDS = 30, 60
GROUP_MAPPER = "oidc-group-membership-mapper"
ADMIN_URL = "PROKUBE_AUTH_KEYCLOAK_ADMIN_URL"
VIEW_USERS = "Give the client's service account the role `view-users` of `realm-management`"

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One line: how it is, what was looked at, what was found and what to do."""

    level: Level
    what: str
    text: str


def examine(environ: Mapping[str, str], backend_store_uri: str | None) -> Iterator[Finding]:
    """All findings, as they come. Nothing is changed anywhere, and no secret is told."""
    yield examine_mlflow()
    try:
        settings, mistakes = load(environ), unsafe(environ)
    except SettingsError as error:
        settings, mistakes = None, error.mistakes + unsafe(environ)
    for mistake in mistakes:
        yield Finding("fail", "settings", mistake)
    if settings is None:
        return
    if not mistakes:
        yield Finding("ok", "settings", "all are usable")
    yield _database(settings, backend_store_uri or environ.get(BACKEND_STORE_ENV))
    yield from _keycloak(settings)
    yield _external_url(settings)


def examine_mlflow() -> Finding:
    """Whether the installed MLflow is one that this version works with."""
    try:
        version = check_mlflow()
    except EngineChanged as error:
        return Finding("fail", "MLflow", str(error))
    return Finding("ok", "MLflow", f"{version} has all that is needed")


def _database(settings: Settings, backend: str | None) -> Finding:
    from sqlalchemy.exc import SQLAlchemyError

    from .store.database import SchemaOutdated, check_schema, head_revision, is_writable, open_engine

    uri = database_uri(settings, backend)
    ways = "PROKUBE_AUTH_DATABASE_URI, --backend-store-uri or MLFLOW_BACKEND_STORE_URI"
    if uri is None:
        return Finding("fail", "database", f"no SQL database is named. Set one of {ways}")
    problem = database_problem(uri)
    if problem is not None:
        return Finding("fail", "database", f"{problem}. Check {ways}")
    engine = open_engine(uri)
    try:
        with engine.connect():
            pass  # it answers
        check_schema(engine)
        writable = is_writable(engine)
    except SchemaOutdated as error:
        return Finding("fail", "database", str(error))
    except (SQLAlchemyError, OSError) as error:
        return Finding("fail", "database", f"it does not answer ({why_unanswered(uri, error)}). Check {ways}")
    finally:
        engine.dispose()
    if not writable:
        return Finding("warn", "database", "it takes no changes (a standby?): people read, and nobody logs in anew")
    return Finding("ok", "database", f"it answers, and its tables are at revision {head_revision()}")


def _keycloak(settings: Settings) -> Iterator[Finding]:
    """What is asked of Keycloak; where the discovery document is not to be had, nothing else can be."""
    found, dated = _discovery(settings)
    yield found
    if found.level == "fail":
        return
    provider = Provider(settings)
    try:
        yield _keys(provider)
        secret, token = _secret(provider)
        yield secret
        yield _clock(dated, _claims(token).get("iat"))
        if token is not None:
            yield _token(provider, token)
        if secret.level != "fail":
            directory = Directory(settings, provider)
            yield _view_users(settings, provider, directory, token)
            yield _group_paths(settings, provider, directory, token)
    except ProviderDown as error:
        yield Finding("fail", "Keycloak", f"it stopped answering ({error})")


def _discovery(settings: Settings) -> tuple[Finding, float | None]:
    """The document, and by how much this clock is before the Date that came with it."""
    url = settings.discovery_url
    try:
        answer = requests.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        text = f"{url} does not answer ({type(error).__name__}). Check the network and PROKUBE_AUTH_OIDC_ISSUER"
        return Finding("fail", "discovery document", text), None
    ahead = _ahead(answer)
    try:
        document = answer.json()
    except ValueError:
        document = None
    if answer.status_code != 200 or not isinstance(document, dict):
        text = f"{url} answers {answer.status_code}, expected a JSON document. Check PROKUBE_AUTH_OIDC_ISSUER"
        return Finding("fail", "discovery document", text), ahead
    issuer = document.get("issuer")
    if issuer != settings.oidc_issuer:
        return Finding("fail", "discovery document", str(OtherIssuer(issuer, settings))), ahead
    wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    missing = [name for name in wanted if not isinstance(document.get(name), str)]
    if missing:
        return Finding("fail", "discovery document", f"{url} names no {', '.join(missing)}"), ahead
    return Finding("ok", "discovery document", f"{url} is of the issuer {issuer}"), ahead


def _clock(dated: float | None, issued: Any, now: Callable[[], float] = time.time) -> Finding:
    """By how much this clock is before Keycloak's, by a Date that stands for it or by a token just made."""
    ahead = dated
    if ahead is None and isinstance(issued, (int, float)):
        ahead = now() - issued - 0.5
    if ahead is None:
        return Finding("warn", "clock", "unknown: Keycloak's answers have no Date, and no token says when it was made")
    apart = abs(round(ahead))
    text = f"this one is {apart} seconds {'before' if ahead > 0 else 'behind'} Keycloak's"
    if apart > FAIL_SECONDS:
        return Finding("fail", "clock", f"{text}, so no login holds. Set both by NTP")
    if apart > WARN_SECONDS:
        return Finding("warn", "clock", f"{text}; beyond {FAIL_SECONDS} no login holds. Set both by NTP")
    return Finding("ok", "clock", text)


def _ahead(answer: requests.Response, now: Callable[[], float] = time.time) -> float | None:
    try:
        theirs = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (KeyError, ValueError, TypeError):  # Keycloak itself sends none; a proxy before it does
        return None
    # The answer is as old as it took to come, and Date knows whole seconds.
    return now() - answer.elapsed.total_seconds() / 2 - theirs - 0.5


def _keys(provider: Provider) -> Finding:
    url = provider.endpoint("jwks_uri")
    found = provider.get_json(url)
    keys = found.get("keys") if isinstance(found, dict) else None
    number = sum(isinstance(key, dict) and key.get("use", "sig") == "sig" for key in keys or ())
    if not number:
        return Finding("fail", "keys", f"{url} has no key that signs")
    return Finding("ok", "keys", f"{number} at {url}")


def _secret(provider: Provider) -> tuple[Finding, str | None]:
    """Whether the client's secret holds, and a token of its service account."""
    try:
        return Finding("ok", "client secret", "Keycloak gives the client a token"), provider.service_token()
    except GrantRefused:
        pass  # the secret, or the right to such a token: a refresh token that is none tells them apart
    try:
        provider.refresh("none")
    except GrantRefused as error:
        if str(error) == "invalid_grant":
            return Finding("ok", "client secret", "Keycloak takes it (the client has no service account)"), None
        text = f"Keycloak refuses it ({error}). Check PROKUBE_AUTH_OIDC_CLIENT_ID and PROKUBE_AUTH_OIDC_CLIENT_SECRET"
        return Finding("fail", "client secret", text), None
    return Finding("warn", "client secret", "unknown: Keycloak gave a token for none"), None


def _claims(token: str | None) -> dict[str, Any]:
    """What a token says, unverified: only when it was made, and for whom."""
    try:
        part = (token or "").split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _token(provider: Provider, token: str) -> Finding:
    try:
        provider.verify(token)
    except TokenInvalid as error:
        return Finding("fail", "tokens", f"Keycloak's own token does not hold here: {error}")
    return Finding("ok", "tokens", "Keycloak's own token holds here")


def _view_users(settings: Settings, provider: Provider, directory: Directory, token: str | None) -> Finding:
    if settings.directory_check == "off":
        return Finding("ok", "view-users", "not needed: PROKUBE_AUTH_DIRECTORY_CHECK is off")
    level: Level = "fail" if settings.directory_check == "required" else "warn"
    if token is None:
        text = f"the client has no service account, so keys of disabled users go on working. Switch it on. {VIEW_USERS}"
        return Finding(level, "view-users", text)
    try:
        # A list is answered, empty, to `query-users` alone; one's own account needs the right.
        itself = quote(str(_claims(token).get("sub", "")), safe="")
        found = provider.get_json(f"{directory.admin_url()}/users{'/' + itself if itself else '?max=1'}", token)
    except GrantRefused as error:
        text = f"the client may not look up users ({error}), so keys of disabled users go on working. {VIEW_USERS}"
        return Finding(level, "view-users", text)
    if not found:
        return Finding(level, "view-users", f"the client's own account is not found there. Check {ADMIN_URL}")
    return Finding("ok", "view-users", "the client may look up users")


def _group_paths(settings: Settings, provider: Provider, directory: Directory, token: str | None) -> Finding:
    """Without full paths, any group of the same name below another makes an administrator."""
    try:
        if token is None:
            raise GrantRefused("the client has no service account")
        mappers = _mappers(settings, lambda path: provider.get_json(f"{directory.admin_url()}/{path}", token))
    except GrantRefused as error:
        advice = 'See to it that the group mapper of the client has "Full group path" on'
        text = f"unknown: without `view-clients` no mapper can be read ({error}). {advice}"
        return Finding("warn", "group paths", text)
    configs = [
        mapper.get("config", {})
        for mapper in mappers
        if mapper.get("protocolMapper") == GROUP_MAPPER
        and mapper.get("config", {}).get("claim.name") in settings.groups_claims
    ]
    if not configs:
        claims = ", ".join(settings.groups_claims)
        return Finding("warn", "group paths", f"no group mapper writes one of the claims {claims}; roles alone count")
    # Keycloak takes a missing value for true.
    if any(str(config.get("full.path", "true")).lower() == "false" for config in configs):
        text = "the realm sends bare names, so a group of the same name below any other counts, too"
        return Finding("warn", "group paths", f'{text}. Switch on "Full group path" in the mapper')
    return Finding("ok", "group paths", "the realm sends full paths")


def _mappers(settings: Settings, get: Callable[[str], Any]) -> list[dict[str, Any]]:
    """The protocol mappers of the client and of its default scopes."""
    found = get(f"clients?clientId={quote(settings.oidc_client_id, safe='')}") or []
    mappers: list[dict[str, Any]] = []
    for client in found:
        mappers += client.get("protocolMappers") or []
        for scope in get(f"clients/{client['id']}/default-client-scopes") or []:
            mappers += get(f"client-scopes/{scope['id']}/protocol-mappers/models") or []
    return mappers


def _external_url(settings: Settings) -> Finding:
    url = f"{settings.external_url}/prokube-auth/health"
    try:
        answer = requests.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        if answer.status_code == 200 and answer.json() == {"status": "ok"}:
            return Finding("ok", "external URL", f"the server answers at {settings.external_url}")
        found = f"answers {answer.status_code}, and not as this server does"
    except requests.RequestException as error:  # a body that is no JSON is one of them
        found = f"does not answer from here ({type(error).__name__})"
    return Finding("warn", "external URL", f"{url} {found}. Check PROKUBE_AUTH_EXTERNAL_URL, if the server runs")
