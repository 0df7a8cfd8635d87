"""The directory: Keycloak's Admin REST API, asked through our client's own service account (``view-users``).

Keycloak announces no disabled or deleted user; for the owner of an access key this is the one way to learn of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .. import logs
from ..model import AccountState
from ..settings import Settings
from .claims import Membership
from .provider import GrantRefused, Provider, ProviderDown

_logger = logs.logger(__name__)

# After a refusal the right is asked for again this much later: an administrator may have given it.
RIGHT_SECONDS = 300
PAGE = 500
# The claims in which Keycloak's own mappers put what the directory tells, too.
GROUPS, REALM_ROLES = "groups", "realm_access.roles"


class NoRight(Exception):
    """Our client may not look up users."""


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

    def may_be_asked(self) -> bool:
        """Whether the right was not refused a moment ago."""
        return self._no_right_until <= self._clock()

    def check_right(self) -> None:
        """Say plainly in the log, at start, where a disabled user's key would live on."""
        if self._settings.directory_check == "off":
            _logger.info("directory check: off (PROKUBE_AUTH_DIRECTORY_CHECK); keys of disabled users go on working")
            return
        try:
            if not isinstance(self._get("users?max=1"), list):
                self._warn("finds no list of users at Keycloak's Admin REST API")
        except NoRight:
            pass  # it has been said
        except ProviderDown as error:
            url = self._settings.discovery_url
            _logger.warning("directory check: Keycloak (%s) does not answer yet (%s)", url, error)

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
            raise ProviderDown("the directory does not say whether the person is enabled")
        if not isinstance(found, dict) or found["enabled"] is not True:
            return Entry(enabled=False, is_admin=False)
        held = _Held(self._get, user)
        admitted = held.holds(Membership.parse(standing.admitted_by))
        is_admin = admitted and standing.admin_by is not None and held.holds(Membership.parse(standing.admin_by))
        # Where the realm sends full paths, a group below another confirms no team of its bare name.
        paths = Membership.parse(standing.admitted_by).name.startswith("/")
        lost = [name for name in teams if not self._is_team_of(held, name, paths)]
        return Entry(enabled=admitted, is_admin=is_admin, lost_teams=tuple(lost))

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
        except GrantRefused as error:
            self._no_right_until = self._clock() + RIGHT_SECONDS
            self._warn(f"has no right to look up users in Keycloak ({error})")
            raise NoRight(str(error)) from None

    def admin_url(self) -> str:
        """The Admin REST API of the realm.

        Raises:
            GrantRefused: the identity provider is no Keycloak.
            ProviderDown: Keycloak does not answer.
        """
        if self._settings.keycloak_admin_url is not None:
            return self._settings.keycloak_admin_url
        before, realms, after = self._provider.endpoint("token_endpoint").partition("/realms/")
        if not realms:
            raise GrantRefused("the identity provider is no Keycloak")
        return f"{before}/admin/realms/{after.split('/', 1)[0]}"

    def _warn(self, what: str) -> None:
        _logger.warning(
            "directory check: the client %s %s. The access key of a user who is disabled or deleted in Keycloak "
            "works until the key expires or its owner logs in again. Give the client's service account the role "
            "`view-users` of `realm-management`.",
            self._settings.oidc_client_id,
            what,
        )


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
