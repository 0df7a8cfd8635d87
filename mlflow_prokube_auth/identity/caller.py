"""One request's caller: asked for many times, answered once.

The outermost middleware puts a :class:`Caller` into a context variable; MLflow's authorization function,
our pages and the store read it there. The first answer, a refusal too, is final for the request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from ..model import Actor, Person


@dataclass(frozen=True)
class Identity:
    """Who is calling, and by which credential."""

    person: Person
    credential: str
    session_id: str | None = None
    # The person's roles with their versions, from the very query that said who they are; None where none did.
    roles: str | None = None
    # The header that held the credential, in lower case.
    header: str = "cookie"


@dataclass(frozen=True)
class RequestFacts:
    """What authenticators may look at. Header names are lower-case; ``path`` has no static prefix, one slash first."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    client: str


class Caller:
    """The memoized answer of the authenticators for one request."""

    def __init__(self, facts: RequestFacts, authenticate: Callable[[RequestFacts], Identity | None]) -> None:
        self.facts = facts
        self._authenticate = authenticate
        self._lock = threading.Lock()
        self._settled = False
        self._identity: Identity | None = None
        self._error: Exception | None = None
        self._grants_changed = False
        # What to say where MLflow's engine has refused this request; empty for what is said of a missing thing.
        self.refused = ""

    @property
    def is_settled(self) -> bool:
        """Whether it was asked, so that the answer is there without waiting."""
        return self._settled

    def settle(self) -> None:
        """Ask now, keep the answer; a refusal is raised later, by :meth:`identity`."""
        with self._lock:
            if self._settled:
                return
            try:
                self._identity = self._authenticate(self.facts)
            except Exception as error:  # whatever went wrong, nobody is let in by it
                self._error = error
            self._settled = True

    def grants_changed(self) -> None:
        """This very request has changed grants: what was read with the identity is out of date."""
        self._grants_changed = True

    def roles(self) -> str | None:
        """The caller's roles with their versions, as far as they were read with the identity and still hold."""
        identity = self.identity()
        return None if identity is None or self._grants_changed else identity.roles

    def identity_or_none(self) -> Identity | None:
        """The caller; None without a credential, and with one that is not valid."""
        self.settle()
        return self._identity

    def identity(self) -> Identity | None:
        """The caller; None without a credential.

        Raises:
            Refusal: a credential was presented and does not hold, or the database is away.
        """
        self.settle()
        if self._error is not None:
            raise self._error
        return self._identity


CALLER: ContextVar[Caller | None] = ContextVar("prokube_auth_caller", default=None)


def actor_of(person: Person) -> Actor:
    """That person as the one who acts in the running request, now."""
    return Actor(person.username, int(time.time()), _client(), person.user_id)


def actor_named(name: str) -> Actor:
    """The same for somebody who is no caller, by the name that the audit trail is to have."""
    return Actor(name, int(time.time()), _client())


def _client() -> str:
    running = CALLER.get()
    return running.facts.client if running is not None else ""


def grants_changed() -> None:
    """The running request must not rely on the grants that were read with its identity any more."""
    caller = CALLER.get()
    if caller is not None:
        caller.grants_changed()


def current_identity() -> Identity | None:
    """The identity of the running request; None outside of one.

    Raises:
        Refusal: as :meth:`Caller.identity`.
    """
    caller = CALLER.get()
    return None if caller is None else caller.identity()
