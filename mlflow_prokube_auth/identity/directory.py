"""The directory: Keycloak's Admin REST API, asked through our client's own service account (``view-users``).

Keycloak announces no disabled or deleted user; for the owner of an access key this is the one way to learn of it.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .. import logs
from ..model import AccountState
from ..settings import Settings
from . import offers
from .claims import Membership, first_match
from .faults import ClientRefused, GrantRefused, ProviderDown
from .provider import Provider

_logger = logs.logger(__name__)

# After a refusal the right is asked for again this much later: an administrator may have given it.
RIGHT_SECONDS = 300
PAGE = 500
# The claims in which Keycloak's own mappers put what the directory tells, too.
GROUPS, REALM_ROLES = "groups", "realm_access.roles"


class NoRight(Exception):
    """Our client may not look up users."""


class NoDirectory(GrantRefused):
    """The identity provider is no Keycloak: there is nothing that could be asked."""


@dataclass(frozen=True)
class Entry:
    """What the directory says of a person."""

    enabled: bool
    is_admin: bool
    lost_teams: tuple[str, ...] = ()


class Directory:
    """Looks people up."""

    def __init__(self, settings: Settings, provider: Provider, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._provider = provider
        self._clock = clock
        self._no_right_until = 0.0
        self._told_of_none = False

    def may_be_asked(self) -> bool:
        """Whether the right was not refused a moment ago."""
        return self._no_right_until <= self._clock()

    def check_right(self) -> None:
        """Say plainly in the log, at start, where a disabled user's key would live on."""
        if self._settings.directory_check == "off":
            _logger.info(
                "directory check: off (PROKUBE_AUTH_DIRECTORY_CHECK); access keys of disabled users keep working"
            )
            return
        try:
            if not isinstance(self._get("users?max=1"), list):
                self._warn("gets 404 for the list of users from Keycloak's Admin REST API")
            elif itself := unverified(self._provider.service_token()).get("sub"):
                # A list is answered, empty, to `query-users` alone; one's own account needs the right.
                self._get(f"users/{quote(str(itself), safe='')}")
        except (NoRight, GrantRefused):
            pass  # it has been said
        except ProviderDown as error:
            name, url = self._settings.provider_name, self._settings.discovery_url
            _logger.warning("directory check: %s (%s) does not answer yet (%s)", name, url, error)

    def can_tell(self, claims: Iterable[str]) -> bool:
        """Whether what these claims say can be looked up, as far as it admits people or makes them something."""
        return set(claims) & set(self._settings.groups_claims) <= {GROUPS, REALM_ROLES}

    def look_up(self, standing: AccountState, teams: Sequence[str] = ()) -> Entry:
        """Ask for exactly what admitted the person: enabled, and the group or role; the same for an administrator.

        Of ``teams`` those come back of which the person is no member any more; new ones come with a login.

        Raises:
            NoRight: our client may not ask.
            ProviderDown: Keycloak does not answer.
        """
        user = f"users/{quote(standing.subject, safe='')}"
        found = self._get(user)
        if isinstance(found, dict) and "enabled" not in found:
            raise ProviderDown("the directory's answer has no field 'enabled'")
        if not isinstance(found, dict) or found["enabled"] is not True:
            return Entry(enabled=False, is_admin=False)
        held = _Held(self._get, user)
        admitted = held.holds(Membership.parse(standing.admitted_by))
        is_admin = admitted and standing.admin_by is not None and held.holds(Membership.parse(standing.admin_by))
        # Where the realm sends full paths, a group below another confirms no team of its bare name.
        paths = Membership.parse(standing.admitted_by).name.startswith("/")
        lost = [name for name in teams if not self._is_team_of(held, name, paths)]
        return Entry(enabled=admitted, is_admin=is_admin, lost_teams=tuple(lost))

    def admits(self, subject: str) -> Membership | None:
        """The top-level group, or the realm role, by which the settings would let a person in.

        Raises:
            NoRight: our client may not ask.
            ProviderDown: Keycloak does not answer.
        """
        held = _Held(self._get, f"users/{quote(subject, safe='')}")
        of_groups = [Membership(GROUPS, path) for path in sorted(held.groups()) if path.startswith("/")]
        of_roles = [Membership(REALM_ROLES, name) for name in sorted(held.roles())]
        return first_match([*of_groups, *of_roles], (*self._settings.user_groups, *self._settings.admin_groups))

    def _is_team_of(self, held: _Held, name: str, paths: bool) -> bool:
        if self._settings.groups_claims[0] != GROUPS:
            return True  # where that claim comes from is not known here
        names = {f"/{name}"} if paths else {name, f"/{name}"}
        is_role = bool(self._settings.team_groups) and name in held.roles()
        return is_role or not names.isdisjoint(held.groups())

    def _get(self, path: str) -> Any:
        try:
            url = f"{self.admin_url()}/{path}"
            try:
                return self._provider.get_json(url, self._provider.service_token())
            except GrantRefused:
                self._provider.forget_service_token()
                return self._provider.get_json(url, self._provider.service_token())
        except NoDirectory:
            self._no_right_until = self._clock() + RIGHT_SECONDS
            self._warn_of_none()
            raise NoRight("no Keycloak") from None
        except ClientRefused as error:
            self._no_right_until = self._clock() + RIGHT_SECONDS
            _logger.error("directory check: cannot query %s: %s", self._settings.provider_name, error)
            raise NoRight(str(error)) from None
        except GrantRefused as error:
            self._no_right_until = self._clock() + RIGHT_SECONDS
            self._warn(f"is not allowed to look up users in Keycloak ({error})")
            raise NoRight(str(error)) from None

    def admin_url(self) -> str:
        """The Admin REST API of the realm.

        Raises:
            NoDirectory: the identity provider is no Keycloak.
            ProviderDown: Keycloak does not answer.
        """
        if self._settings.keycloak_admin_url is not None:
            return self._settings.keycloak_admin_url
        if not offers.is_keycloak(self._provider.metadata(), self._settings):
            raise NoDirectory(f"{self._settings.provider_name} is no Keycloak")
        before, _, after = self._provider.endpoint("token_endpoint").partition("/realms/")
        return f"{before}/admin/realms/{after.split('/', 1)[0]}"

    def _warn_of_none(self) -> None:
        if self._told_of_none:
            return
        self._told_of_none = True
        name = self._settings.provider_name
        if self._settings.directory_check == "required":
            _logger.error(
                "directory check: required (PROKUBE_AUTH_DIRECTORY_CHECK), but %s is no Keycloak and has no user "
                "directory to query, so no access key works",
                name,
            )
            return
        _logger.warning(
            "directory check: %s is no Keycloak and has no user directory to query. The access key of a user who "
            "is disabled or deleted there works until the key expires, or until a login or the re-check of a session "
            "finds that they lost access. Set PROKUBE_AUTH_DIRECTORY_CHECK=off to accept this",
            name,
        )

    def _warn(self, what: str) -> None:
        _logger.warning(
            "directory check: the client %s %s. The access key of a user who is disabled or deleted in Keycloak "
            "works until the key expires or its owner logs in again. Give the client's service account the role "
            "`view-users` of `realm-management`.",
            self._settings.oidc_client_id,
            what,
        )


def unverified(token: str | None) -> dict[str, Any]:
    """What a token says, unverified: only when it was made, of whom, and for whom."""
    try:
        part = (token or "").split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


class _Held:
    """The groups and effective realm roles of one user, fetched when first needed."""

    def __init__(self, get: Callable[[str], Any], user: str) -> None:
        self._get = get
        self._user = user
        self._groups: set[str] | None = None
        self._roles: set[str] | None = None

    def holds(self, membership: Membership) -> bool:
        """Whether the user still has the group (by path, or by bare name as the claim had it) or the realm role."""
        if membership.claim.startswith("resource_access."):
            return True  # roles of clients cannot be asked for with `view-users` alone
        if membership.claim != REALM_ROLES and membership.name in self.groups():
            return True  # a role of that name is no group of that name, which anybody may make below another
        return not membership.name.startswith("/") and membership.name in self.roles()

    def groups(self) -> set[str]:
        """Paths and bare names of direct memberships."""
        if self._groups is None:
            self._groups = set()
            first = 0
            while True:
                page = self._get(f"{self._user}/groups?briefRepresentation=true&first={first}&max={PAGE}") or []
                for group in page:
                    self._groups |= {str(group.get("path")), str(group.get("name"))}
                if len(page) < PAGE:
                    break
                first += PAGE
        return self._groups

    def roles(self) -> set[str]:
        """Effective realm roles: direct, through groups and their parents, and out of composites."""
        if self._roles is None:
            found = self._get(f"{self._user}/role-mappings/realm/composite") or []
            self._roles = {str(role.get("name")) for role in found}
        return self._roles
