"""What a guarded request says, and what a guard may ask about its caller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ...errors import BadRequest, PermissionDenied
from ...model import Person
from .. import kinds, words
from ..artifacts import ModelArtifacts

VERBS = {"read": "read", "update": "change", "use": "use", "manage": "manage"}
NEEDED = {"read": "READ", "update": "EDIT", "use": "USE", "manage": "MANAGE"}
# So many other things of a kind one request may refer to: each is asked for.
MOST_REFERENCES = 100


class AuthorizationQueries(Protocol):
    """What MLflow's engine and tables say, for the caller of the running request."""

    def may(self, kind: str, key: str, action: str) -> bool:
        """Whether the caller may "read", "update", "use" or "manage" it.

        False for what is not there and where asking fails.
        """

    def standing(self, subject: words.Subject) -> words.Standing | None:
        """What the caller holds on it; None where they may not read it."""

    def exists(self, kind: str, key: str) -> bool:
        """Whether a run, trace, logged model, or registered model is there; True where asking fails."""

    def trace_tag(self, trace_id: str, key: str) -> str | None:
        """A tag of a trace as it is now."""

    def assessment_traces(self, assessment_ids: list[str]) -> set[str]:
        """The traces of those assessments that are there."""

    def traces_there(self, trace_ids: list[str]) -> list[str]:
        """Those of these traces that are there."""

    def experiments_at(self, location: str) -> list[str]:
        """Experiments whose artifacts are at, above or below a location, in the trash too."""

    def artifact_root(self) -> str:
        """Where MLflow puts the artifacts of experiments that choose no location."""

    def prompts_of(self, uri: str) -> list[str]:
        """The prompts that MLflow may take a prompt's URI for."""

    def endpoint_of(self, optimizer_config: str) -> str | None:
        """The gateway endpoint that an optimizer's configuration names."""

    def job_name(self, job_id: str) -> str | None:
        """What a job runs; None where it is not there."""

    def destination_keys(self) -> frozenset[str]:
        """The options that choose a host, as MLflow lists them."""

    def detection_providers(self) -> frozenset[str]:
        """The providers that issue detection calls itself, as MLflow lists them."""

    def endpoint_of_scorer(self, serialized: str) -> str | None:
        """The gateway endpoint that a scorer asks."""


@dataclass(frozen=True)
class GuardContext:
    """One request. ``params`` are the query of a GET or the JSON body of another, ``path`` what stands in the path."""

    method: str
    params: Mapping[str, Any]
    path: Mapping[str, Any]
    person: Person
    answers: AuthorizationQueries
    models: ModelArtifacts
    locations: tuple[str, ...]
    contact: str

    def text(self, name: str) -> str:
        """A parameter as text; empty where there is none."""
        value = self.params.get(name)
        return "" if value is None else str(value)

    def need(self, kind: str, key: str, action: str) -> None:
        """Let through whoever may do this.

        Raises:
            PermissionDenied: in the words that a missing one is told in, too.
        """
        if not self.answers.may(kind, key, action):
            raise self.denied(kind, key, action)

    def need_if_there(self, kind: str, key: str, action: str) -> None:
        """The same, but what is not there may be named: a note may outlive what it speaks of.

        Raises:
            PermissionDenied: it is there.
        """
        if self.answers.exists(kind, key) and not self.answers.may(kind, key, action):
            raise self.denied(kind, key, action)

    def need_each_if_there(self, kind: str, keys: Iterable[str], action: str) -> None:
        """The same for several, each asked for once.

        Raises:
            BadRequest: they are more than :data:`MOST_REFERENCES`.
            PermissionDenied: as :meth:`need_if_there`.
        """
        for key in distinct(keys, kinds.word_of_named(kind)):
            self.need_if_there(kind, key, action)

    def denied(self, kind: str, key: str, action: str) -> PermissionDenied:
        """The refusal, in the words that a missing one is told in, too, unless the caller may read it."""
        by_name = kinds.of(kind).is_keyed_by_name or kind == "gateway_endpoint"  # guards know an endpoint by its name
        subject = words.Subject(kinds.word_of_named(kind), key[:200], by_name, kind)
        if (standing := self.answers.standing(subject)) is not None:
            return PermissionDenied(words.more_needed(standing, NEEDED[action], self.contact))
        return PermissionDenied(words.denied(subject, VERBS[action], self.contact))


def pairs(value: Any) -> Iterator[tuple[str, str | None]]:
    """Tags or metadata, which MLflow takes as an object and as a list of keys with values; strange ones are skipped."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield str(key), each if isinstance(each, str) else None
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping) and isinstance(item.get("key"), str):
                each = item.get("value")
                yield item["key"], each if isinstance(each, str) else None


def distinct(keys: Iterable[str], what: str, most: int = MOST_REFERENCES) -> list[str]:
    """Each of them once.

    Raises:
        BadRequest: they are too many.
    """
    found = list(dict.fromkeys(keys))
    if len(found) > most:
        raise BadRequest(f"The request refers to {len(found)} of the kind '{what}', {most} are allowed at once.")
    return found


def folded(key: str) -> str:
    """A tag's key as the laxest of databases compares it."""
    return key.strip().casefold()
