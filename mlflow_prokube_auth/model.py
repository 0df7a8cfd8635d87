"""Values that all of the package speaks of. This module imports nothing of ours."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

LONGEST_TEAM = 150
# Characters of a note on an access key.
LONGEST_NOTE = 60
DAY = 86400
# Keys that end within so many days are told: to their owners, to administrators, in the log and as a metric.
EXPIRING_DAYS = 14
# So long an account that may be bound anew waits for the login that does it, where nothing else is said.
REBIND_DAYS = 30


@dataclass(frozen=True)
class Person:
    """A user as MLflow knows them."""

    user_id: int
    username: str
    is_admin: bool


@dataclass(frozen=True)
class AccountState:
    """What we know of a person's standing in Keycloak, and since when (UTC seconds)."""

    person: Person
    issuer: str
    subject: str
    disabled: bool
    admitted_by: str
    admin_by: str | None
    confirmed_at: int
    check_due: bool
    generation: int
    blocked: bool = False
    # The person's roles with their versions, as of then (:data:`store.role_grants.ROLES`).
    roles: str = ""


@dataclass(frozen=True)
class Admission:
    """A person who may log in, and why."""

    issuer: str
    subject: str
    username: str
    # The user name is an address that Keycloak has verified; a name that one may choose proves nothing.
    name_verified: bool
    display_name: str
    groups: tuple[str, ...]
    admitted_by: str
    admin_by: str | None
    teams: tuple[str, ...] = ()
    # Groups that would be teams by the settings, and cannot be: name and reason in words.
    no_teams: tuple[str, ...] = ()

    @property
    def is_admin(self) -> bool:
        """Whether a group or role makes this person an administrator."""
        return self.admin_by is not None


@dataclass(frozen=True)
class Team:
    """A team; ``from_keycloak`` says that its members follow a group there."""

    id: int
    name: str
    from_keycloak: bool


@dataclass(frozen=True)
class Rule:
    """``permission`` on everything whose name begins with ``prefix``; ``kind`` is a resource type of MLflow."""

    id: int
    team_id: int
    kind: str
    prefix: str
    permission: str


@dataclass(frozen=True)
class Resource:
    """A type and a pattern of MLflow's (an id; of a model a name), in a workspace."""

    resource_type: str
    pattern: str
    workspace: str


@dataclass(frozen=True)
class Actor:
    """The actor, as the audit trail names them, when and from where; an operator at the database is no user.

    One act has one time, ``at`` (UTC seconds), whatever it writes.
    """

    name: str
    at: int
    client: str = ""
    user_id: int | None = None


def keycloak(at: int) -> Actor:
    """Keycloak, whose word is followed at that time (UTC seconds)."""
    return Actor("keycloak", at)


@dataclass(frozen=True)
class AccessKeySecret:
    """A well-formed token. ``text`` is the secret itself and stays out of every ``repr``."""

    key_id: str
    text: str = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the whole text, hexadecimal. 256 random bits need no slow hash."""
        return hashlib.sha256(self.text.encode("ascii")).hexdigest()


@dataclass(frozen=True)
class AccessKey:
    """What is known of a key, without the key. Times are UTC seconds."""

    key_id: str
    user_id: int
    created_at: int
    expires_at: int
    ended_at: int | None
    ended_by: str | None
    last_used_at: int | None
    last_used_from: str | None
    note: str = ""
