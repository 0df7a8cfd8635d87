"""The server's side of ``mlflow-prokube-auth login``: a person allows a command to fetch one access key.

A loopback redirect (RFC 8252, section 7.3) with PKCE (RFC 7636): the command opens our page in the browser; Allow
makes a one-time code, which goes to 127.0.0.1 and nowhere else, or is shown for pasting; the command trades it
for the key with the verifier that it alone knows.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, jsonify, redirect, request

from .. import api_models as takes
from .. import plain
from ..errors import BadRequest
from ..identity.caller import actor_of, current_identity
from ..identity.pkce import CHALLENGE, VERIFIER, challenge_of
from ..model import LONGEST_NOTE
from ..policy.words import iso
from .access_key import DAY, describe, mint
from .context import Web, acting, is_navigation, session_identity

_STATE = re.compile(r"[A-Za-z0-9_-]{16,128}")
_CODE = re.compile(r"[A-Za-z0-9_-]{43}")
_NUMBER = re.compile(r"[1-9][0-9]{0,4}")


@dataclass(frozen=True)
class Ask:
    """What a command asks for. Without a port the code is shown for pasting."""

    port: int | None
    state: str
    challenge: str
    days: int
    name: str
    note: str

    def query(self) -> str:
        """The same as a query string, in ASCII."""
        given = {"port": self.port, "state": self.state, "challenge": self.challenge}
        given |= {"days": self.days, "name": self.name, "note": self.note or None}
        return urlencode({name: value for name, value in given.items() if value is not None})

    def callback(self, **answer: str) -> str | None:
        """Where the command listens: always on loopback."""
        if self.port is None:
            return None
        return f"http://127.0.0.1:{self.port}/callback?{urlencode({**answer, 'state': self.state})}"


def parse(values: Any, max_days: int) -> Ask:
    """What the page's query, or the same as JSON, asks for.

    Raises:
        BadRequest: with every mistake at once.
    """
    if not isinstance(values, Mapping):
        raise BadRequest("Expected a JSON object with the parameters of the page.")

    def number(low: int, high: int) -> Callable[[str], bool]:
        return lambda text: _NUMBER.fullmatch(text) is not None and low <= int(text) <= high

    rules: dict[str, tuple[Callable[[str], Any], str]] = {
        "port": (number(1024, 65535), "a port from 1024 to 65535, or no port at all"),
        "state": (_STATE.fullmatch, "16 to 128 of the characters A-Z a-z 0-9 - _"),
        "challenge": (CHALLENGE.fullmatch, "43 of the characters A-Z a-z 0-9 - _ (S256)"),
        "days": (number(1, max_days), f"1 to {max_days} (no access key lives longer here)"),
        "name": (lambda text: 1 <= len(text) <= 100 and text.isprintable(), "1 to 100 printable characters"),
        "note": (lambda text: plain.is_name(text, LONGEST_NOTE), f"plain text of at most {LONGEST_NOTE} characters"),
    }
    mistakes = []
    for name, (holds, expected) in rules.items():
        value = values.get(name)
        if value is None and name in ("port", "note"):
            continue
        if not isinstance(value, str) or not holds(value):
            found = f"found {ascii(value)[:44]}" if value is not None else "is missing"
            mistakes.append(f"{name}: {found}, expected {expected}.")
    if mistakes:
        raise BadRequest("This is not a request of `mlflow-prokube-auth login`. " + " ".join(mistakes))
    port = int(values["port"]) if values.get("port") is not None else None
    return Ask(
        port, values["state"], values["challenge"], int(values["days"]), values["name"], values.get("note") or ""
    )


def about(web: Web) -> Any:
    """What the command must know before it opens a browser: the page's address, and how long a key may live."""
    return jsonify(page=f"{web.settings.external_url}/prokube-auth/cli", max_days=web.settings.token_max_days)


def page(web: Web) -> Any:
    """The question; a browser without a session goes through login and comes back."""
    if not request.args and is_navigation():
        return web.message(
            400,
            "Log in on the command line",
            "Start this login with mlflow-prokube-auth login. The full command is:",
            {"label": "Back to MLflow", "href": web.base, "primary": True},
            command=f"mlflow-prokube-auth login --tracking-uri {web.settings.external_url}",
        )
    twice = sorted({name for name in request.args if len(request.args.getlist(name)) > 1})
    if twice:
        raise BadRequest(f"Given more than once: {', '.join(ascii(name)[:44] for name in twice[:5])}. Expected once.")
    ask = parse(request.args.to_dict(), web.settings.token_max_days)
    if current_identity() is None:
        return redirect(web.url(f"login?next={quote(web.url(f'cli?{ask.query()}'), safe='')}"))
    person = session_identity().person
    response = web.page(
        "cli.html",
        me={"username": person.username},
        ask=ask,
        key=describe(web, person.user_id),
        until=iso(int(time.time()) + ask.days * DAY),
        cancel_url=ask.callback(error="access_denied") or web.base,
    )
    # Nothing may lay this page under a bait (RFC 6819, section 4.4.1.9).
    response.headers["Content-Security-Policy"] = web.policy(frames="'none'")
    return response


def consent(web: Web, body: takes.Consent) -> Any:
    """Allow: a one-time code, in a redirect to the waiting command or for pasting. Needs a session."""
    person = session_identity().person
    ask = parse(body.model_dump(), web.settings.token_max_days)
    code = secrets.token_urlsafe(32)
    web.services.consents.create(code, person, ask.challenge, ask.days, acting(), name=ask.name, note=ask.note)
    callback = ask.callback(code=code)
    response = jsonify({"redirect": callback} if callback is not None else {"code": code})
    response.headers["Cache-Control"] = "no-store"
    return response


def token(web: Web, body: takes.Code) -> Response:
    """Trade a code and its verifier for the key. The code is the credential, and any try uses it up."""
    found = None
    if _CODE.fullmatch(body.code):
        found = web.services.consents.take(body.code, int(time.time()))
    if found is None or not VERIFIER.fullmatch(body.verifier):
        raise BadRequest(takes.Code.one_refusal)
    if not hmac.compare_digest(challenge_of(body.verifier), found.challenge):
        raise BadRequest(takes.Code.one_refusal)
    if found.standing is None or found.standing.disabled:
        raise BadRequest(takes.Code.one_refusal)
    person = found.standing.person
    actor = actor_of(person)
    return mint(web, person, actor.at + found.days * DAY, actor, found.note)
