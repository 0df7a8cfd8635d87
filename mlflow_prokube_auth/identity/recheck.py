"""Whether Keycloak still vouches for whoever is calling: sessions by their refresh token, others by the directory.

While Keycloak does not answer, whoever was last seen in order goes on for ``OUTAGE_GRACE_SECONDS``; after that
each request is 503 until it answers again. Nothing here runs on an event loop.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from ..errors import AccountOut, Unavailable
from ..metrics import Counts, NoCounts
from ..settings import Settings
from ..store.accounts import SERVICE_ISSUER
from ..store.local_admins import LOCAL_ISSUER
from ..store.people import NameTaken, People, Person, Standing
from ..store.sessions import SessionRow, Sessions
from ..store.teams import Teams
from .claims import Denial, admit
from .directory import Directory, NoRight
from .provider import GrantRefused, Provider, ProviderDown
from .secretbox import SecretBox

_logger = logging.getLogger(__name__)

# One process asks at a time; after an answer that did not come, the next one asks this much later.
CLAIM_SECONDS = 20
# Identities that Keycloak does not know: local administrators and service accounts made here.
LOCAL_ISSUERS = frozenset({LOCAL_ISSUER, SERVICE_ISSUER})


def seal_tokens(box: SecretBox, refresh_token: str | None, id_token: str | None) -> str:
    """What a session keeps of Keycloak's tokens, encrypted."""
    return box.seal(json.dumps({"refresh_token": refresh_token, "id_token": id_token}))


def open_tokens(box: SecretBox, sealed: str | None) -> dict[str, str | None]:
    """The opposite; empty where there is nothing or the key is another."""
    text = box.open(sealed) if sealed else None
    return dict(json.loads(text)) if text else {}


class Vouching:
    """Answers with the person as of now, or refuses."""

    def __init__(
        self,
        settings: Settings,
        provider: Provider,
        directory: Directory,
        people: People,
        sessions: Sessions,
        teams: Teams,
        box: SecretBox,
        later: Callable[[Callable[[], None]], None],
        clock: Callable[[], float] = time.time,
        counts: Counts | None = None,
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._directory = directory
        self._people = people
        self._sessions = sessions
        self._teams = teams
        self._box = box
        self._later = later
        self._clock = clock
        self._counts = counts or NoCounts()

    def for_session(self, row: SessionRow, standing: Standing) -> Person | None:
        """The person of a session; None where Keycloak has ended it.

        Raises:
            Unavailable: Keycloak has not answered for longer than the grace allows.
            AccountOut: the directory says that the person is out.
        """
        now = int(self._clock())
        recently = row.checked_at + self._settings.session_recheck_seconds > now
        if recently and self._is_fresh(standing, now):
            return standing.person  # nothing is due, so nothing is decrypted
        kept = open_tokens(self._box, row.tokens)
        refresh_token = kept.get("refresh_token")
        if row.tokens is None or (kept and refresh_token is None):
            return self.for_standing(standing)
        if recently:
            return standing.person
        if refresh_token is None:  # sealed with a key that is gone
            self._sessions.let_go(row.id, now)
            return None
        if not self._sessions.claim(row, now, CLAIM_SECONDS):
            return self._within_grace(standing.person, row.checked_at, self._settings.session_recheck_seconds)
        try:
            return self._refresh(row, standing, refresh_token, now)
        except ProviderDown as error:
            _logger.warning("session re-check: Keycloak (%s) does not answer (%s)", self._settings.discovery_url, error)
            return self._within_grace(standing.person, row.checked_at, self._settings.session_recheck_seconds)

    def _refresh(self, row: SessionRow, standing: Standing, refresh_token: str, now: int) -> Person | None:
        try:
            tokens = self._provider.refresh(refresh_token)
        except GrantRefused as error:
            _logger.info("session re-check: Keycloak refuses (%s), the session of a user is over", error)
            self._sessions.let_go(row.id, now)
            self._people.ask_soon(standing.issuer, standing.subject)
            return None
        verdict = admit(tokens.sources, self._settings)
        if tokens.sources[0].get("sub") != standing.subject:
            _logger.error("session re-check: the refreshed tokens are another subject's")
            self._sessions.end(row.id)
            return None
        if isinstance(verdict, Denial):
            self._people.withdraw(standing.person.user_id, verdict.reason, now)
            return None
        try:
            person = self._people.confirm(verdict, standing, now)
        except NameTaken:
            _logger.warning("session re-check: the new user name belongs to another identity; the old one stays")
            person = self._people.confirm(replace(verdict, username=standing.person.username), standing, now)
        self._sessions.refreshed(row.id, seal_tokens(self._box, tokens.refresh_token, tokens.id_token), now)
        return person

    def for_standing(self, standing: Standing) -> Person:
        """The owner of a key, a token or a session without a refresh token.

        Raises:
            AccountOut: Keycloak does not let the person in any more.
            Unavailable: Keycloak has not answered for longer than the grace allows, or may not be asked.
        """
        if standing.issuer in LOCAL_ISSUERS or self._settings.directory_check == "off":
            return self._in_order(standing)
        now = int(self._clock())
        if self._is_fresh(standing, now):
            return self._in_order(standing)
        soon = now - standing.confirmed_at < 2 * self._settings.directory_recheck_seconds
        if soon and not standing.check_due and not standing.disabled:
            self._later(lambda: self._ask_quietly(standing, now))
            return standing.person
        # Nothing was heard for long: the answer must come first.
        return self._in_order(self._ask(standing, now))

    def _is_fresh(self, standing: Standing, now: int) -> bool:
        return now - standing.confirmed_at < self._settings.directory_recheck_seconds and not standing.check_due

    def _ask_quietly(self, standing: Standing, now: int) -> None:
        with contextlib.suppress(Unavailable):  # the next request will say so
            self._ask(standing, now)

    def _ask(self, standing: Standing, now: int) -> Standing:
        if not self._directory.may_be_asked():
            return self._without_right(standing)
        if not self._people.claim_check(standing.person.user_id, now, CLAIM_SECONDS):
            self._directory_grace(standing)
            return standing
        try:
            teams = [team.name for team in self._teams.of(standing.person.user_id) if team.from_keycloak]
            found = self._directory.look_up(standing, teams)
        except NoRight:
            self._counts.directory("no_right")
            return self._without_right(standing)
        except ProviderDown as error:
            self._counts.directory("unreachable")
            _logger.warning("directory check: Keycloak (%s) does not answer (%s)", self._settings.discovery_url, error)
            self._directory_grace(standing)
            return standing
        self._counts.directory("in_order" if found.enabled else "out")
        self._people.checked(standing, found.enabled, found.is_admin, now)
        if found.lost_teams:
            self._teams.drop_from(standing.person.user_id, found.lost_teams, standing.person.username)
        # Something may have been withdrawn while the directory was asked: what is less counts.
        present = self._people.standing(standing.issuer, standing.subject) or replace(standing, disabled=True)
        return replace(
            present,
            disabled=present.disabled or not found.enabled,
            person=replace(present.person, is_admin=present.person.is_admin and found.is_admin),
        )

    def _directory_grace(self, standing: Standing) -> None:
        self._within_grace(standing.person, standing.confirmed_at, self._settings.directory_recheck_seconds)

    def _without_right(self, standing: Standing) -> Standing:
        if self._settings.directory_check == "required":
            raise Unavailable(
                "The server may not look up users in Keycloak, and its settings demand it. Ask the MLflow admin."
            )
        return standing

    def _in_order(self, standing: Standing) -> Person:
        if standing.blocked:
            raise AccountOut(
                f"An administrator has blocked the account '{standing.person.username}'. Ask {self._settings.contact}."
            )
        if standing.disabled:
            raise AccountOut(
                f"Keycloak does not let '{standing.person.username}' use this server any more. "
                f"Ask {self._settings.contact}."
            )
        return standing.person

    def _within_grace(self, person: Person, seen_at: int, interval: int) -> Person:
        if seen_at + interval + self._settings.outage_grace_seconds < self._clock():
            raise Unavailable(
                "Keycloak does not answer, and this account was last seen in order too long ago. Try again shortly."
            )
        return person

