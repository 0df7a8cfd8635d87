"""Why a login was not completed: one row for each cause, with what the person reads. Pure.

The log has the details that an operator needs (:class:`LoginFailed`). In the texts, ``{provider}`` is the identity
provider's name, ``{contact}`` whom to ask, ``{url}`` the external URL and ``{minutes}`` the time for one login.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

CLOCKS = "check the clocks of both servers"
# A state begins with the time when its login began, in seconds since 1970, so that an expired login is known as one
# when nothing else is left of it. It only chooses words: whether a state is one of this browser's, its session says.
_STATE = re.compile(r"([0-9]{1,12})\.")


@dataclass(frozen=True)
class Cause:
    """What the person reads."""

    title: str
    text: str


EXPIRED = Cause(
    "The login took too long",
    "You have {minutes} minutes to finish a login. Log in again.",
)
NO_COOKIE = Cause(
    "Your browser did not send this login's cookie",
    "The login began in another browser or at another address than {url}, or this browser blocks cookies. "
    "Open {url} and log in there.",
)
OTHER_COOKIE = Cause(
    "Another login replaced this one",
    "The cookie in this browser belongs to another login, in another tab or at another MLflow server with the same "
    "host name. Log in again.",
)
NOT_BEGUN = Cause(
    "No login is in progress",
    "This address only completes a login, so do not bookmark it. Log in again.",
)
CANCELLED = Cause("The login was cancelled", "{provider} says that the login was cancelled. Log in again.")
NOT_NOW = Cause("{provider} could not log you in", "{provider} could not log you in at the moment. Log in again.")
CODE_REFUSED = Cause(
    "{provider} no longer accepts this login",
    "The login was already used, or took too long to return to this server. Log in again. If it happens again, "
    "ask {contact}.",
)
CLIENT_REFUSED = Cause(
    "{provider} refuses this server",
    "{provider} does not accept this server's client id and secret, so nobody can log in. Ask {contact} to fix it.",
)
REQUEST_REFUSED = Cause(
    "{provider} refuses this server's logins",
    "The settings of this server and {provider} do not match, so nobody can log in. Ask {contact} to fix it.",
)
CLOCK = Cause(
    "The clocks of this server and {provider} differ",
    "They differ by more than a minute, so nobody can log in. Ask {contact} to correct them.",
)
OTHER_ISSUER = Cause(
    "The answer came from an unexpected identity provider",
    "The answer names another address of {provider} than this server expects. Ask {contact}.",
)
INVALID = Cause(
    "The answer of {provider} was not accepted",
    "It failed a security check of this server. Log in again. If it happens again, ask {contact}.",
)

# The ``error`` of a callback (RFC 6749, section 4.1.2.1; OpenID Connect Core 1.0, section 3.1.2.6): the cause, and what
# the operator should look at.
IN_CALLBACK = {
    "access_denied": (CANCELLED, ""),
    "login_required": (NOT_NOW, ""),
    "interaction_required": (NOT_NOW, ""),
    "temporarily_unavailable": (NOT_NOW, ""),
    "server_error": (NOT_NOW, ""),
    "unauthorized_client": (REQUEST_REFUSED, "Is the client's standard flow (authorization code) switched on?"),
    "invalid_scope": (REQUEST_REFUSED, "Check PROKUBE_AUTH_OIDC_SCOPES and the client's scopes"),
}
# Of the token endpoint (RFC 6749, section 5.2). Keycloak calls a wrong secret ``unauthorized_client``.
AT_TOKEN_ENDPOINT = {
    "invalid_grant": (CODE_REFUSED, "The authorization code was already used, has expired or belongs to another login"),
    "invalid_client": (
        CLIENT_REFUSED,
        "Check PROKUBE_AUTH_OIDC_CLIENT_ID and PROKUBE_AUTH_OIDC_CLIENT_SECRET",
    ),
}
AT_TOKEN_ENDPOINT["unauthorized_client"] = AT_TOKEN_ENDPOINT["invalid_client"]


class LoginFailed(Exception):
    """The login was not completed: the cause, and a text that is fit for the log and holds no secret."""

    def __init__(self, cause: Cause, text: str) -> None:
        self.cause = cause
        super().__init__(text)


def refused(name: str, error: str, *, in_callback: bool) -> LoginFailed:
    """What an ``error`` of the provider means; ``name`` is what the provider is called."""
    if in_callback:
        cause, advice = IN_CALLBACK.get(error, (REQUEST_REFUSED, ""))
        text = f"{name} returned the browser with {error!r:.80}"
    else:
        cause, advice = AT_TOKEN_ENDPOINT.get(error, (REQUEST_REFUSED, ""))
        text = f"{name} answers {error!r:.80} to the exchange of the code"
    return LoginFailed(cause, f"{text}. {advice}".removesuffix(". "))


def new_state(now: int) -> str:
    """An unguessable state (RFC 6749, section 10.12) that tells when its login began."""
    return f"{now}.{secrets.token_urlsafe(24)}"


def unknown_state(state: str, now: int, login_seconds: int, *, cookie: bool) -> LoginFailed:
    """Why the browser's session knows nothing of a state; ``cookie``: whether the browser sent one."""
    made = _STATE.match(state)
    if made is None:
        return LoginFailed(NOT_BEGUN, "the callback has no state from this server")
    age = now - int(made.group(1))
    if age >= login_seconds:
        return LoginFailed(EXPIRED, f"it began {age} seconds ago, PROKUBE_AUTH_LOGIN_SECONDS is {login_seconds}")
    if not cookie:
        return LoginFailed(NO_COOKIE, f"it began {age} seconds ago, and the browser sent no cookie")
    return LoginFailed(OTHER_COOKIE, f"it began {age} seconds ago, and the browser's cookie belongs to another login")
