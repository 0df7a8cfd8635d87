"""What administrators do to workloads, by JSON or by command: the same checks, the same words."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta, timezone
from typing import Any

from .api_models import NewWorkload
from .errors import BadRequest, Conflict, NotFound
from .model import Actor
from .policy.words import iso
from .services import Services
from .store.accounts import Account
from .store.workloads import AccountGone, AlreadyBound, Binding
from .trusted_issuers import Trust


class WorkloadAdministration:
    """Acts on the bindings of service accounts; every refusal is a :class:`errors.Refusal`."""

    def __init__(self, services: Services, trust: Trust) -> None:
        self._services = services
        self._trust = trust

    def list(self, found: Account) -> list[dict[str, Any]]:
        """The bindings of an account, the oldest first, as JSON shows them."""
        return [self._describe(each) for each in self._services.workloads.of_user(found.user_id)]

    def bind(self, found: Account, wanted: NewWorkload, actor: Actor) -> dict[str, Any]:
        """Bind a service account to tokens of a trusted issuer.

        Raises:
            BadRequest: it is not a service account, or the settings do not trust the issuer or know the audience.
            Conflict: an account is bound to the very same tokens.
            NotFound: the account has been deleted meanwhile.
        """
        if not found.is_service:
            raise BadRequest(f"'{found.username}' is not a service account: people log in by themselves.")
        if not self._trust.issuers:
            raise BadRequest(
                "This server trusts no issuer beside that of logins. An operator lists them in "
                "PROKUBE_AUTH_TRUSTED_ISSUERS."
            )
        if wanted.issuer not in self._trust.issuers:
            raise BadRequest(
                f"'issuer' is '{wanted.issuer}', expected one of PROKUBE_AUTH_TRUSTED_ISSUERS, exactly as there: "
                f"{', '.join(self._trust.issuers)}."
            )
        if not self._trust.audiences:
            raise BadRequest("Set PROKUBE_AUTH_EXTERNAL_URL or PROKUBE_AUTH_WORKLOAD_AUDIENCES, as for the server.")
        audience = wanted.audience or self._trust.audiences[0]
        if audience not in self._trust.audiences:
            raise BadRequest(
                f"'audience' is '{audience}', expected a name of this server: {', '.join(self._trust.audiences)}. An "
                "operator adds others in PROKUBE_AUTH_WORKLOAD_AUDIENCES."
            )
        expires_at = _end_of(wanted.expires_on, actor.at) if wanted.expires_on else None
        try:
            made = self._services.workloads.bind(
                found.user_id, wanted.issuer, audience, wanted.claims, expires_at, actor
            )
        except AlreadyBound as error:
            raise Conflict(
                f"The service account '{error}' is bound to these tokens already. Remove that binding first, or name "
                "other claims."
            ) from None
        except AccountGone:
            raise NotFound(f"'{found.username}' has been deleted meanwhile.") from None
        return self._describe(made)

    def unbind(self, found: Account, binding_id: int, actor: Actor) -> None:
        """Remove a binding; tokens that rely on it are refused at once.

        Raises:
            NotFound: the account has no such binding.
        """
        if not self._services.workloads.unbind(binding_id, found.user_id, actor):
            raise NotFound(f"'{found.username}' has no binding with the number {binding_id}.")

    def _describe(self, each: Binding) -> dict[str, Any]:
        trusted = each.issuer in self._trust.issuers and each.audience in self._trust.audiences
        ended = each.expires_at is not None and each.expires_at <= time.time()
        return {
            "id": each.id,
            "issuer": each.issuer,
            "audience": each.audience,
            "claims": dict(each.claims),
            "state": "expired" if ended else "active" if trusted else "not trusted",
            "created_at": iso(each.created_at),
            "expires_at": iso(each.expires_at) if each.expires_at is not None else None,
            "last_used_at": iso(each.last_used_at) if each.last_used_at is not None else None,
            "last_used_from": each.last_used_from,
        }


def _end_of(day: str, now: int) -> int:
    """UTC seconds of the end of that day.

    Raises:
        BadRequest: it is no day, or over.
    """
    try:
        end = datetime.combine(date.fromisoformat(day), datetime.min.time(), timezone.utc) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise BadRequest(f"'expires_on' is '{day[:40]}', expected a day such as 2027-01-31.") from None
    if end.timestamp() <= now:
        raise BadRequest(f"'expires_on' is {day}, which is over. Expected a day from today on.")
    return int(end.timestamp())
