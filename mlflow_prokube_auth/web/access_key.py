"""Create, replace and revoke the caller's access key. Needs a session: a key never mints a key."""

from __future__ import annotations

import secrets
import time
from datetime import date, datetime, timedelta, timezone
from typing import Any

from flask import Response, jsonify

from .. import api_models as takes
from ..errors import BadRequest
from ..identity import key_format
from ..model import AccessKey, Actor, Person
from ..policy.words import iso
from .context import Web, acting, caller

DAY = 86400
WARNING = 14 * DAY
# Days of life that the pages offer.
PRESETS = (7, 30, 90, 365)


def expiry(body: takes.NewKey, now: int, max_days: int) -> int:
    """UTC seconds at which the wanted key expires.

    Raises:
        BadRequest: neither ``days`` nor ``expires_on`` is usable.
    """
    latest = now + max_days * DAY
    expected = f'Expected {{"days": 1 to {max_days}}} or {{"expires_on": "YYYY-MM-DD"}}.'
    days, on = body.days, body.expires_on
    if isinstance(days, int) and not isinstance(days, bool):
        if not 1 <= days <= max_days:
            raise BadRequest(f"An access key lives 1 to {max_days} days, found {days}. {expected}")
        return now + days * DAY
    if not isinstance(on, str):
        raise BadRequest(f"An access key needs an expiry. {expected}")
    try:
        end = datetime.combine(date.fromisoformat(on), datetime.min.time(), timezone.utc) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise BadRequest(f"'{on[:40]}' is not a date. {expected}") from None
    seconds = int(end.timestamp())
    if seconds <= now or seconds - DAY > latest:
        raise BadRequest(f"{on} is not within the next {max_days} days. {expected}")
    return min(seconds, latest)


def create(web: Web, body: takes.NewKey) -> Any:
    """Mint a key, replacing the one before."""
    person, actor = caller(), acting()
    return mint(web, person, expiry(body, actor.at, web.settings.token_max_days), actor, body.note or "")


def mint(web: Web, person: Person, expires_at: int, actor: Actor, note: str) -> Response:
    """A new key for ``person``, replacing the one before; the only kind of answer that ever holds a key."""
    token = key_format.compose(secrets.token_bytes(41))
    replaced = web.services.access_keys.mint(token, person.user_id, expires_at, actor, note)
    response = jsonify(
        access_key=token.text,
        key_id=token.key_id,
        expires_at=iso(expires_at),
        note=note,
        replaced_expires_at=iso(replaced.expires_at) if replaced is not None else None,
        username=person.username,
        tracking_uri=web.settings.external_url,
    )
    response.status_code = 201
    response.headers["Cache-Control"] = "no-store"
    return response


def revoke(web: Web) -> Any:
    """End the key in force."""
    web.services.access_keys.revoke(caller().user_id, acting())
    return Response(status=204)


def describe(web: Web, user_id: int) -> dict[str, Any] | None:
    """What a page shows of the key in force."""
    token = web.services.access_keys.active(user_id)
    if token is None:
        return None
    now = int(time.time())
    return {
        "key_id": token.key_id,
        "created_at": iso(token.created_at),
        "expires_at": iso(token.expires_at),
        "days_left": max(0, (token.expires_at - now) // DAY),
        "expires_soon": expires_soon(token, now),
        "state": "active" if token.expires_at > now else "expired",
        "last_used_at": iso(token.last_used_at) if token.last_used_at else None,
        "last_used_from": token.last_used_from,
        "note": token.note,
    }


def describe_legacy(web: Web, user_id: int) -> dict[str, Any] | None:
    """What a page shows of the keys of an old server that still work; None where there are none."""
    use = web.services.legacy_keys.uses([user_id], int(time.time())).get(user_id)
    if use is None:
        return None
    return {
        "expires_at": iso(use.first_expires_at),
        "last_used_at": iso(use.last_used_at) if use.last_used_at else None,
    }


def expires_soon(token: AccessKey, now: int) -> bool:
    """Whether it is time to warn, as it stays after the end: a short life would else be spent under a warning."""
    return token.expires_at - now <= min(WARNING, (token.expires_at - token.created_at) / 4)
