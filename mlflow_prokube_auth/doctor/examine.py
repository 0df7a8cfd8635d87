"""What ``mlflow-prokube-auth doctor`` looks at: settings, identity provider, database and MLflow, one finding each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from ..identity import offers, rehearsal
from ..identity.directory import Directory, unverified
from ..identity.faults import (
    ClientRefused,
    GrantRefused,
    LoginsRefused,
    NoDiscovery,
    OtherIssuer,
    ProviderDown,
    TokenInvalid,
)
from ..identity.issuer_keys import IssuerKeys
from ..identity.provider import Provider
from ..mlflow_auth.releases import EngineChanged, check_mlflow
from ..settings import Settings, SettingsError, load
from ..startup import BACKEND_STORE_ENV, database_problem, database_uri, unsafe, why_unanswered
from .finding import Finding, Level
from .mail import examine_mail
from .realm import known_groups, mappers_of

TIMEOUT_SECONDS = 5
WARN_SECONDS, FAIL_SECONDS = 30, 60
GROUP_MAPPER = "oidc-group-membership-mapper"
NOT_YET = "not there yet: the server makes them when it starts"
ADMIN_URL = "PROKUBE_AUTH_KEYCLOAK_ADMIN_URL"
VIEW_USERS = "Give the client's service account the role `view-users` of `realm-management`"


def examine(environ: Mapping[str, str], backend_store_uri: str | None) -> Iterator[Finding]:
    """All findings, in order. Changes nothing, and shows no secret."""
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
    yield from _provider(settings)
    yield from _trusted(settings)
    yield _external_url(settings)
    yield from examine_mail(settings)


def examine_mlflow() -> Finding:
    """Whether the installed MLflow is one that this version works with."""
    try:
        version = check_mlflow()
    except EngineChanged as error:
        return Finding("fail", "MLflow", str(error))
    return Finding("ok", "MLflow", f"{version} has all that is needed")


def _database(settings: Settings, backend: str | None) -> Finding:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    from ..store.database import SchemaOutdated, check_schema, current_revision, head_revision, is_writable, open_engine

    uri = database_uri(settings, backend)
    ways = "PROKUBE_AUTH_DATABASE_URI, --backend-store-uri or MLFLOW_BACKEND_STORE_URI"
    if uri is None:
        return Finding("fail", "database", f"no SQL database is named. Set one of {ways}")
    problem = database_problem(uri)
    if problem is not None:
        return Finding("fail", "database", f"{problem}. Check {ways}")
    file = make_url(uri).database
    if uri.startswith("sqlite") and file and not file.startswith(("file:", ":memory:")) and not Path(file).exists():
        return Finding("ok", "database", f"the file {file} and its tables are {NOT_YET}")
    engine = open_engine(uri)
    try:
        with engine.connect():
            pass  # it answers
        if current_revision(engine) is None and is_writable(engine):
            return Finding("ok", "database", f"it answers; the auth tables are {NOT_YET}")
        check_schema(engine)
        writable = is_writable(engine)
    except SchemaOutdated as error:
        return Finding("fail", "database", str(error))
    except (SQLAlchemyError, OSError) as error:
        return Finding("fail", "database", f"it does not answer ({why_unanswered(uri, error)}). Check {ways}")
    finally:
        engine.dispose()
    if not writable:
        return Finding("warn", "database", "it is read-only (a standby?): people can read, but nobody can log in")
    return Finding("ok", "database", f"it answers, and its tables are at revision {head_revision()}")


def _provider(settings: Settings) -> Iterator[Finding]:
    """The checks of the identity provider; without its discovery document, no other check is possible."""
    found, dated = _discovery(settings)
    yield found
    if found.level == "fail":
        return
    provider = Provider(settings)
    try:
        yield _keys(provider)
        secret, token = _secret(provider, settings)
        yield secret
        yield from _logins(provider, settings)
        yield _clock(dated, unverified(token).get("iat"), settings.provider_name)
        if token is not None:
            yield _token(provider, token, settings.provider_name)
            yield _audience(provider, token, settings)
        yield from _offers(provider.metadata(), settings)
        if secret.level != "fail" and offers.is_keycloak(provider.metadata(), settings):
            directory = Directory(settings, provider)
            yield _view_users(settings, provider, directory, token)
            yield _group_paths(settings, provider, directory, token)
            if token is not None:
                yield from known_groups(
                    settings, lambda path: provider.get_json(f"{directory.admin_url()}/{path}", token)
                )
    except ProviderDown as error:
        yield Finding("fail", settings.provider_name, f"it stopped answering ({error})")


def _trusted(settings: Settings) -> Iterator[Finding]:
    """Whether the keys of each trusted issuer can be had."""
    for issuer in settings.trusted_issuers:
        try:
            number = IssuerKeys(issuer, 0).number()
        except ProviderDown as error:
            text = f"no token of {issuer.url} can be checked: {error}. Check PROKUBE_AUTH_TRUSTED_ISSUERS"
            yield Finding("fail", "trusted issuer", text)
        else:
            yield Finding("ok", "trusted issuer", f"{issuer.url}: {number} key(s) that sign")


def _discovery(settings: Settings) -> tuple[Finding, float | None]:
    """The document, and by how much this clock is before the Date that came with it."""
    url = settings.discovery_url
    try:
        answer = requests.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        text = f"{url} does not answer ({type(error).__name__}). Check the network and PROKUBE_AUTH_OIDC_ISSUER"
        return Finding("fail", "discovery document", text), None
    ahead = _ahead(answer)
    if answer.status_code == 404:
        return Finding("fail", "discovery document", str(NoDiscovery(settings))), ahead
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


def _clock(dated: float | None, issued: Any, name: str, now: Callable[[], float] = time.time) -> Finding:
    """By how much this clock is before the provider's, by a Date that stands for it or by a token just made."""
    ahead = dated
    if ahead is None and isinstance(issued, (int, float)):
        ahead = now() - issued - 0.5
    if ahead is None:
        return Finding(
            "warn", "clock", f"unknown: the answers of {name} have no Date, and no token says when it was made"
        )
    apart = abs(round(ahead))
    text = f"this one is {apart} seconds {'before' if ahead > 0 else 'behind'} that of {name}"
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


def _secret(provider: Provider, settings: Settings) -> tuple[Finding, str | None]:
    """Whether the client's secret holds, and a token of its service account."""
    name = settings.provider_name
    try:
        return Finding("ok", "client secret", f"{name} gives the client a token"), provider.service_token()
    except ClientRefused as error:
        return Finding("fail", "client secret", f"{name} refuses logins: {error}"), None
    except GrantRefused:
        return Finding("ok", "client secret", f"{name} takes it (the client has no service account)"), None


def _logins(provider: Provider, settings: Settings) -> Iterator[Finding]:
    """The answers that a browser would get when it begins a login or logs out."""
    name = settings.provider_name
    try:
        known = provider.check_reception()
    except LoginsRefused as error:
        yield Finding("fail", "redirect URI", str(error))
        return
    if known:
        yield Finding("ok", "redirect URI", f"{name} lets logins begin, and knows {settings.callback_url}")
    elif offers.is_keycloak(provider.metadata(), settings):
        text = f"the login page of {name} does not answer from here. See to it that it knows {settings.callback_url}"
        yield Finding("warn", "redirect URI", f"unknown: {text}")
    for url in rehearsal.unknown_logout(settings, provider.metadata()):
        yield Finding("warn", "logout", f"{name} does not know {url}: {rehearsal.LOGOUT_ADVICE}")


def _audience(provider: Provider, token: str, settings: Settings) -> Finding:
    """Whether an access token of the client is for it; others' tokens then are as well, by the same mapper."""
    if provider.is_for_us(unverified(token)):
        return Finding("ok", "audience", f"access tokens of the client are for '{settings.oidc_client_id}'")
    text = (
        f"access tokens of the client are not for '{settings.oidc_client_id}' (aud), so none is taken as Bearer token"
    )
    return Finding("warn", "audience", f"{text}. Add an audience mapper to the client; logins need none")


def _token(provider: Provider, token: str, name: str) -> Finding:
    try:
        provider.verify(token)
    except TokenInvalid as error:
        return Finding("fail", "tokens", f"a token of {name} does not hold here: {error}")
    return Finding("ok", "tokens", f"a token of {name} holds here")


def _offers(document: Mapping[str, Any], settings: Settings) -> Iterator[Finding]:
    """What only matters where the provider is no Keycloak, which sends refresh tokens and groups without a scope."""
    name = settings.provider_name
    why = offers.why_no_recheck(document, settings)
    if why is not None:
        yield Finding("warn", "re-checks", f"sessions may never be re-checked: {why}")
    if offers.is_keycloak(document, settings):
        return
    hint = offers.scope_for_groups(document, settings)
    if hint is not None:
        yield Finding("warn", "groups", hint)
    if not offers.ends_sessions(document):
        text = f"{name} has no end_session_endpoint: a logout here ends no session there"
        yield Finding("warn", "logout", text)
    level: Level = {"required": "fail", "auto": "warn"}.get(settings.directory_check, "ok")  # type: ignore[assignment]
    text = f"{name} is no Keycloak and has no user directory to query, so keys of disabled users keep working"
    if level == "fail":
        text = f"{name} is no Keycloak and has no user directory to query, so no access key works"
    yield Finding(level, "directory", f"{text}. PROKUBE_AUTH_DIRECTORY_CHECK is {settings.directory_check}")


def _view_users(settings: Settings, provider: Provider, directory: Directory, token: str | None) -> Finding:
    if settings.directory_check == "off":
        return Finding("ok", "view-users", "not needed: PROKUBE_AUTH_DIRECTORY_CHECK is off")
    level: Level = "fail" if settings.directory_check == "required" else "warn"
    if token is None:
        text = f"the client has no service account, so keys of disabled users keep working. Switch it on. {VIEW_USERS}"
        return Finding(level, "view-users", text)
    try:
        # A list is answered, empty, to `query-users` alone; one's own account needs the right.
        itself = quote(str(unverified(token).get("sub", "")), safe="")
        found = provider.get_json(f"{directory.admin_url()}/users{'/' + itself if itself else '?max=1'}", token)
    except GrantRefused as error:
        text = f"the client may not look up users ({error}), so keys of disabled users keep working. {VIEW_USERS}"
        return Finding(level, "view-users", text)
    if not found:
        return Finding(level, "view-users", f"the client's own account is not found there. Check {ADMIN_URL}")
    return Finding("ok", "view-users", "the client may look up users")


def _group_paths(settings: Settings, provider: Provider, directory: Directory, token: str | None) -> Finding:
    """Without full paths, any group of the same name below another makes an administrator."""
    try:
        if token is None:
            raise GrantRefused("the client has no service account")
        mappers = mappers_of(settings, lambda path: provider.get_json(f"{directory.admin_url()}/{path}", token))
    except GrantRefused as error:
        advice = 'See to it that the group mapper of the client has "Full group path" on, and try `doctor --as USER`'
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
        text = f"no group mapper writes one of the claims {claims}, so that roles alone count"
        return Finding("warn", "group paths", f"{text}. {offers.mapper_for_groups(settings)}")
    values = [str(config.get("full.path", "")).lower() for config in configs]
    # Keycloak's pages always write a value. What a missing one means depends on the release (GroupMembershipMapper).
    if "" in values:
        text = 'the group mapper says nothing of "Full group path", which some releases of Keycloak take for off'
        return Finding(
            "warn", "group paths", f"{text}: groups of the same name below any other may count. Switch it on"
        )
    if "false" in values:
        text = "the realm sends bare names, so a group of the same name below any other counts, too"
        return Finding("warn", "group paths", f'{text}. Switch on "Full group path" in the mapper')
    return Finding("ok", "group paths", "the realm sends full paths")


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
