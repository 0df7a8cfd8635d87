"""From claims to a person who may or may not come in. Pure.

``USER_GROUPS`` and ``ADMIN_GROUPS`` name *top-level* groups (a leading ``/`` is optional) or roles: with
full group paths, ``/team-x/prokube-admins`` makes nobody an administrator.

A claim that is there says something, an empty list too. One that is not there says nothing: providers leave out what
they cannot or may not tell, and Keycloak leaves out an empty list. What follows is for ``recheck.py`` to say.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Protocol

from .. import logs, plain
from ..model import LONGEST_TEAM, Admission
from ..settings import Settings

_logger = logs.logger(__name__)
VERIFIED = "email_verified"


@dataclass(frozen=True)
class Denial:
    """A person who may not use this server: the account at the provider, and what it lacks."""

    account: str
    reason: str
    # The claims that would have had to say otherwise, and are not there.
    unsaid: tuple[str, ...] = ()


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted ``path``, or None."""
    value: Any = claims
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _first(sources: Iterable[Mapping[str, Any]], path: str) -> Any:
    """The first value at ``path``; an empty text is none."""
    return next((value for source in sources if (value := claim(source, path)) not in (None, "")), None)


@dataclass(frozen=True)
class Membership:
    """A group or role, and the claim that said so. As text: ``claim:name``."""

    claim: str
    name: str

    def __str__(self) -> str:
        return f"{self.claim}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> Membership:
        """The opposite of ``str``."""
        claim_path, _, name = text.partition(":")
        return cls(claim_path, name)


def groups_of(sources: Iterable[Mapping[str, Any]], paths: Sequence[str]) -> tuple[Membership, ...]:
    """All groups and roles found under ``paths`` in any source, in order, once each."""
    found: dict[Membership, None] = {}
    for source in sources:
        for path in paths:
            value = claim(source, path)
            if isinstance(value, str):
                value = [value]
            if isinstance(value, Sequence):
                found.update((Membership(path, item), None) for item in value if isinstance(item, str))
    return tuple(found)


def first_match(memberships: Iterable[Membership], wanted: Iterable[str]) -> Membership | None:
    """The first that is one of ``wanted``, at top level."""
    names = {name.removeprefix("/") for name in wanted}
    return next((each for each in memberships if each.name.removeprefix("/") in names), None)


class TeamRules(Protocol):
    """The settings that say which groups are teams."""

    @property
    def groups_claims(self) -> tuple[str, ...]: ...

    @property
    def user_groups(self) -> tuple[str, ...]: ...

    @property
    def admin_groups(self) -> tuple[str, ...]: ...

    @property
    def team_groups(self) -> tuple[str, ...]: ...


def team_of(group: str, settings: TeamRules) -> tuple[str | None, str]:
    """The team that a group of the first groups claim makes; None and the reason where it makes none."""
    memberships = (Membership(settings.groups_claims[0], group),)
    for name in _team_names(memberships, settings):
        why = _why_no_team(name)
        return (name, "") if why is None else (None, why)
    return None, "by TEAM_GROUPS, USER_GROUPS and ADMIN_GROUPS it is no team here"


def teams_of(memberships: Iterable[Membership], settings: Settings) -> tuple[str, ...]:
    """The names of the teams that these groups make: without the leading slash, in order.

    Groups of the first groups claim become teams, unless they only admit people or make them administrators; with
    ``TEAM_GROUPS``, whatever matches it, roles too.
    """
    return tuple(name for name in _team_names(memberships, settings) if _why_no_team(name) is None)


def no_teams(memberships: Iterable[Membership], settings: Settings) -> tuple[str, ...]:
    """The groups that would be teams and cannot be, each with the reason: for who looks for such a team."""
    reasons = ((name, _why_no_team(name)) for name in _team_names(memberships, settings))
    return tuple(f"{plain.escaped(name, 60)}: {reason}" for name, reason in reasons if reason is not None)


def _team_names(memberships: Iterable[Membership], settings: TeamRules) -> tuple[str, ...]:
    gates = {name.removeprefix("/") for name in (*settings.user_groups, *settings.admin_groups)}
    found: dict[str, None] = {}
    for each in memberships:
        name = each.name.removeprefix("/")
        wanted = (
            any(_matches(name, pattern) for pattern in settings.team_groups)
            if settings.team_groups
            else each.claim == settings.groups_claims[0]
        )
        if wanted and name and name not in gates:
            found[name] = None
    return tuple(found)


@functools.lru_cache(maxsize=1024)  # so that each name is told once, and not with each login
def _why_no_team(name: str) -> str | None:
    try:
        plain.check(name, LONGEST_TEAM)
        if name.startswith("__user_"):
            raise plain.NotPlain("MLflow reserves names that begin with '__user_' for the roles of single users")
    except plain.NotPlain as error:
        _logger.warning("the group '%s' does not become a team: %s", name, error)
        return str(error)
    return None


def _matches(name: str, pattern: str) -> bool:
    """A regular expression begins with ``^``; all else is a glob, whose slash is optional at the beginning."""
    if pattern.startswith("^"):
        return re.fullmatch(pattern, name) is not None
    return fnmatchcase(name, pattern.removeprefix("/"))


def service_account_name(claims: Mapping[str, Any]) -> str | None:
    """The name of the client whose own service account these claims describe (Keycloak's naming).

    A person does not pass for one: only the tokens of client credentials carry ``client_id``.
    """
    client, name = claims.get("client_id"), claims.get("preferred_username")
    return str(name) if client and name == f"service-account-{client}" else None


def deciding(settings: Settings) -> frozenset[str]:
    """The claims that decide whether a person comes in, and as what."""
    verified = {VERIFIED} if settings.require_verified_email and settings.username_claim == "email" else set()
    return frozenset({settings.username_claim, *verified, *settings.groups_claims})


def said(sources: Sequence[Mapping[str, Any]], settings: Settings) -> frozenset[str]:
    """The deciding claims that are there."""
    return frozenset(path for path in deciding(settings) if _first(sources, path) is not None)


def implied(settings: Settings, *memberships: str | None) -> frozenset[str]:
    """The deciding claims that must have been there when these memberships let somebody in."""
    paths = {Membership.parse(each).claim for each in memberships if each is not None}
    return deciding(settings) & {settings.username_claim, VERIFIED, *paths}


def known(
    settings: Settings, unsaid: Iterable[str], username: str, memberships: Sequence[Membership]
) -> list[Mapping[str, Any]]:
    """What was known of a person before, in the words of the claims that are not there any more."""
    singles = {settings.username_claim: username, VERIFIED: True}
    return [
        _nested(path, singles.get(path, [each.name for each in memberships if each.claim == path]))
        for path in sorted(unsaid)
    ]


def same(one: Admission | Denial, other: Admission | Denial) -> bool:
    """Whether two verdicts let a person in, or not, as the same."""
    if isinstance(one, Denial) or isinstance(other, Denial):
        return isinstance(one, Denial) and isinstance(other, Denial)
    return (one.username, one.is_admin, set(one.teams)) == (other.username, other.is_admin, set(other.teams))


def _nested(path: str, value: Any) -> Mapping[str, Any]:
    """The opposite of :func:`claim`."""
    for part in reversed(path.split(".")):
        value = {part: value}
    return value  # type: ignore[no-any-return]  # a path has at least one part


def admit(sources: Sequence[Mapping[str, Any]], settings: Settings) -> Admission | Denial:
    """Decide whether the person described by ``sources`` (ID token first) may log in."""
    identity, there = sources[0], said(sources, settings)
    service = service_account_name(identity)
    named = service or _first(sources, settings.username_claim)
    known_as = named or _first(sources, "preferred_username") or identity.get("sub") or "this account"
    account = plain.escaped(str(known_as))
    try:
        username = plain.user_name(named)
    except plain.NotPlain as error:
        why = "missing" if named is None else f"not usable as a user name: {error}"
        reason = f"The claim '{settings.username_claim}' of this account is {why}."
        return Denial(account, reason, tuple({settings.username_claim} - there))
    verified = any(source.get(VERIFIED) is True for source in sources)
    by_email = settings.username_claim == "email" and service is None
    if settings.require_verified_email and by_email and not verified:
        reason = f"The e-mail address of this account is not verified in {settings.provider_name}."
        return Denial(account, reason, tuple({VERIFIED} - there))
    groups = groups_of(sources, settings.groups_claims)
    admin_by = first_match(groups, settings.admin_groups)
    admitted_by = first_match(groups, settings.user_groups) or admin_by
    if admitted_by is None:
        wanted = " or ".join(f"'{name}'" for name in settings.user_groups)
        unsaid = tuple(path for path in settings.groups_claims if path not in there)
        reason = f"This account is not a member of the group {wanted}."
        if len(unsaid) == len(settings.groups_claims):
            reason += f" {settings.provider_name} sent no groups for it."
        return Denial(account, reason, unsaid)
    return Admission(
        issuer=settings.oidc_issuer,
        subject=str(identity["sub"]),
        username=username,
        name_verified=verified and by_email,
        display_name=plain.shown(str(_first(sources, "name") or ""), username),
        groups=tuple(dict.fromkeys(each.name for each in groups)),
        admitted_by=str(admitted_by)[:255],
        admin_by=str(admin_by)[:255] if admin_by is not None else None,
        teams=teams_of(groups, settings),
        no_teams=no_teams(groups, settings),
    )
