"""From claims to a person who may or may not come in. Pure.

``USER_GROUPS`` and ``ADMIN_GROUPS`` name *top-level* groups (a leading ``/`` is optional) or roles: with
full group paths, ``/team-x/prokube-admins`` makes nobody an administrator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..settings import Settings


@dataclass(frozen=True)
class Admission:
    """A person who may log in, and why."""

    issuer: str
    subject: str
    username: str
    email_verified: bool
    display_name: str
    groups: tuple[str, ...]
    admitted_by: str
    admin_by: str | None

    @property
    def is_admin(self) -> bool:
        """Whether a group or role makes this person an administrator."""
        return self.admin_by is not None


@dataclass(frozen=True)
class Denial:
    """A person who may not log in: the account that signed in, and what it lacks."""

    account: str
    reason: str


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted ``path``, or None."""
    value: Any = claims
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def groups_of(sources: Iterable[Mapping[str, Any]], paths: Sequence[str]) -> tuple[str, ...]:
    """All group and role names found under ``paths`` in any source, in order, once each."""
    found: dict[str, None] = {}
    for source in sources:
        for path in paths:
            value = claim(source, path)
            if isinstance(value, str):
                value = [value]
            if isinstance(value, Sequence):
                found.update((item, None) for item in value if isinstance(item, str))
    return tuple(found)


def first_match(groups: Iterable[str], wanted: Iterable[str]) -> str | None:
    """The first of ``groups`` that is one of ``wanted``, at top level."""
    names = {name.removeprefix("/") for name in wanted}
    return next((group for group in groups if group.removeprefix("/") in names), None)


def admit(sources: Sequence[Mapping[str, Any]], settings: Settings) -> Admission | Denial:
    """Decide whether the person described by ``sources`` (ID token first) may log in."""
    identity = sources[0]
    named = next((value for s in sources if (value := claim(s, settings.username_claim))), None)
    account = str(named or identity.get("preferred_username") or identity.get("sub") or "this account")
    if not isinstance(named, str) or not named.strip() or ":" in named or len(named) > 255:
        return Denial(account, f"Its claim '{settings.username_claim}' is missing or is not usable as a user name.")
    verified = any(source.get("email_verified") is True for source in sources)
    if settings.require_verified_email and settings.username_claim == "email" and not verified:
        return Denial(account, "Its e-mail address is not verified in Keycloak.")
    groups = groups_of(sources, settings.groups_claims)
    admin_by = first_match(groups, settings.admin_groups)
    admitted_by = first_match(groups, settings.user_groups) or admin_by
    if admitted_by is None:
        wanted = " or ".join(f"'{name}'" for name in settings.user_groups)
        return Denial(account, f"It is not a member of the group {wanted}.")
    return Admission(
        issuer=settings.oidc_issuer,
        subject=str(identity["sub"]),
        username=named.strip().lower(),
        email_verified=verified,
        display_name=str(identity.get("name") or named),
        groups=groups,
        admitted_by=admitted_by,
        admin_by=admin_by,
    )
