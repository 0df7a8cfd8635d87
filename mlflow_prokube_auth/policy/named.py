"""What has a globally unique name: the routes that give one, the resource that has it, and who is asked about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

from ..errors import BadRequest
from ..model import Actor, Person, Resource
from ..store.names import Reservation
from . import kinds

# Route (after /api/<version>/mlflow/) -> kind and the parameter that holds the new name.
CREATES = {each.route: (kind.type, each.name) for kind in kinds.NAMED if (each := kind.create)}
RENAMES = {each.route: (kind.type, each.name) for kind in kinds.NAMED if (each := kind.rename)}
LOOKUPS = {each.route: (kind.type, each.name) for kind in kinds.NAMED if (each := kind.lookup)}
DELETES = {each.route: (kind.type, each.name) for kind in kinds.NAMED if (each := kind.delete)}
# Routes that get or create the experiment ``gateway/<endpoint>`` beside what they are about, and whether they do where
# the request does not say usage_tracking.
BESIDE: Mapping[str, bool | None] = {"gateway/endpoints/create": True, "gateway/endpoints/update": None}


@dataclass(frozen=True)
class NamedResource:
    """A resource with a name: its grant's address (``resource_type``, ``pattern``) and where it lives."""

    kind: str
    name: str
    resource_type: str
    pattern: str
    created_ms: int
    workspace: str
    trashed: bool

    @property
    def resource(self) -> Resource:
        """What a grant on it is on."""
        return Resource(self.resource_type, self.pattern, self.workspace)


class Catalog(Protocol):
    """What exists in MLflow, in every workspace and in the trash, and who may read it."""

    def find(self, kind: str, name: str) -> NamedResource | None:
        """The resource with the name."""

    def readable(self, found: NamedResource, username: str) -> bool:
        """Whether that user may read it."""

    def is_granted(self, found: NamedResource) -> bool:
        """Whether anybody holds a grant on it."""

    def grant_manage(self, found: NamedResource, user_id: int, connection: Connection) -> None:
        """Give that user MANAGE on it, in that transaction."""

    def manageable(self, found: NamedResource, username: str) -> bool:
        """Whether that user may manage it."""

    def sweep(self, kind: str, name: str, user_id: int, connection: Connection) -> None:
        """Delete the grants that anybody but that user still holds on what is free, or was just created."""

    def changeable(self, found: NamedResource, username: str) -> bool:
        """Whether that user may change it."""

    def name_of(self, kind: str, params: Mapping[str, Any]) -> str | None:
        """The present name of what a rename request addresses."""

    def beside(self, route: str, params: Mapping[str, Any]) -> tuple[str, str] | None:
        """Kind and name of what MLflow gets or creates by name beside what a request is about."""


class Rules(Protocol):
    """Teams' rules on names."""

    def matching(self, kind: str, name: str) -> Sequence[Any]:
        """The rules whose prefix this name has."""

    def check(self, kind: str, name: str, person: Person, contact: str) -> None:
        """Raise where the prefix is a team's of which the person is no member."""

    def sync_grants(
        self, found: NamedResource, actor: Actor, old_name: str | None = None
    ) -> Callable[[Connection], None]:
        """A resource has this name now, and had the old one before: what is to be written then."""


@dataclass(frozen=True)
class NameReservation:
    """A name that the running request wants.

    ``fresh`` is False where an earlier request of the same user reserved the name and has not answered in time: this
    one goes on under the same reservation, and leaves it alone where it fails. ``on_the_fly``: MLflow creates it beside
    what the request is about, and its engine grants nothing on it.
    """

    kind: str
    name: str
    person: Person
    id: str
    fresh: bool
    old: Reservation | None = None
    old_name: str | None = None
    on_the_fly: bool = False


def skill_name(organization: Any, name: Any) -> str:
    """The name of a skill as its grants have it, organization included; empty where MLflow takes none of the two."""
    if not isinstance(name, str) or not isinstance(organization, str) or not name:
        return ""
    return f"@{organization}/{name}" if organization else name


def skill_of(name: str) -> tuple[str, str] | None:
    """Organization and name of a skill by the name that its grants have; None where it can be none's."""
    if not name.startswith("@"):
        return "", name
    organization, _, own = name[1:].partition("/")
    return (organization, own) if organization and own else None


def check(kind: str, name: str) -> None:
    """Whether a name can be one here.

    Raises:
        BadRequest: it is too long, no text, or would be a wildcard where grants are kept.
    """
    row, word = kinds.of(kind), kinds.word_of_named(kind)
    expected = f"A name has 1 to {row.longest_name} characters."
    if len(name) > row.longest_name:
        raise BadRequest(f"The {word} name has {len(name)} characters. {expected}")
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in name):
        raise BadRequest(f"The {word} name contains something that is not a character. {expected}")
    # A grant on "*" is one on all of its kind (mlflow/server/auth/permissions.py): its creator would get MANAGE on it.
    if row.is_keyed_by_name and "*" in name:
        raise BadRequest(f"The {word} name '{name}' holds a '*', which means any name in permissions.")
