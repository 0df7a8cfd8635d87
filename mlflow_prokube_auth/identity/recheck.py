"""Whether Keycloak still vouches for whoever is calling: sessions by their refresh token, others by the directory.

While Keycloak does not answer, whoever was last seen in order goes on for ``OUTAGE_GRACE_SECONDS``; after that
each request is 503 until it answers again. Nothing here runs on an event loop.

Where an answer to a session's re-check says nothing any more of a claim that was there before, the directory is asked,
which knows; where it cannot tell, the person goes on for the same time, as what was known before lets them. After it,
what is not said is not so: Keycloak leaves out the groups of a person who has none.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace

from .. import logs
from ..errors import AccountOut, Unavailable
from ..metrics import Counts
from ..model import AccountState, Admission, Person, keycloak
from ..policy import words
from ..settings import Settings
from ..store.new_accounts import LOCAL_ISSUERS
from ..store.people import NameTaken, People
from ..store.sessions import SessionRow, Sessions
from ..store.teams import Teams
from .claims import VERIFIED, Denial, Membership, admit, deciding, implied, known, said, same
from .directory import Directory, NoRight
from .faults import GrantRefused, ProviderDown
from .kept import Kept, opened
from .provider import Provider
from .reading import OtherSubject, Reader, Sources
from .token_cipher import TokenCipher

_logger = logs.logger(__name__)

# One process asks at a time; after an answer that did not come, the next one asks this much later.
CLAIM_SECONDS = 20
# Identities that Keycloak does not know: local administrators and service accounts made here.


class AccountRevalidator:
    """Answers with the person as of now, or refuses."""

    def __init__(
        self,
        settings: Settings,
        provider: Provider,
        reader: Reader,
        directory: Directory,
        people: People,
        sessions: Sessions,
        teams: Teams,
        box: TokenCipher,
        later: Callable[[Callable[[], None]], None],
        counts: Counts,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._reader = reader
        self._directory = directory
        self._people = people
        self._sessions = sessions
        self._teams = teams
        self._box = box
        self._later = later
        self._clock = clock
        self._counts = counts

    def for_session(self, row: SessionRow, standing: AccountState) -> Person | None:
        """The person of a session; None where Keycloak has ended it.

        Raises:
            Unavailable: Keycloak has not answered for longer than the grace allows.
            AccountOut: the directory says that the person is out.
        """
        now = int(self._clock())
        recently = row.checked_at + self._settings.session_recheck_seconds > now
        if recently and self._is_fresh(standing, now):
            return standing.person  # nothing is due, so nothing is decrypted
        kept = opened(self._box, row.tokens)
        if row.tokens is None or (kept is not None and kept.refresh_token is None):
            return self.for_standing(standing)
        if recently:
            return standing.person
        if kept is None:  # sealed with a key that is gone
            self._sessions.let_go(row.id, now)
            return None
        if not self._sessions.claim(row, now, CLAIM_SECONDS):
            return self._within_grace(standing.person, row.checked_at, self._settings.session_recheck_seconds)
        try:
            return self._refresh(row, standing, kept, now)
        except ProviderDown as error:
            _logger.warning("session re-check: %s does not answer (%s)", self._provider_words(), error)
            return self._within_grace(standing.person, row.checked_at, self._settings.session_recheck_seconds)

    def _refresh(self, row: SessionRow, standing: AccountState, kept: Kept, now: int) -> Person | None:
        try:
            tokens = self._provider.refresh(str(kept.refresh_token))
        except GrantRefused as error:
            _logger.info(
                "session re-check: %s refuses (%s), the session of a user is over", self._settings.provider_name, error
            )
            self._sessions.let_go(row.id, now)
            self._people.ask_soon(standing.issuer, standing.subject)
            return None
        kept = replace(kept, refresh_token=tokens.refresh_token, id_token=tokens.id_token or kept.id_token)
        # First of all: the refresh token before it may be worth nothing any more.
        row = self._sessions.keep(row, kept.sealed(self._box))
        try:
            sources = self._reader.of_refresh(tokens, standing.subject)
        except OtherSubject as error:
            _logger.error("session re-check: %s; the session of a user is over", error)
            self._sessions.end(row.id)
            return None
        return self._weigh(row, kept, standing, sources, now)

    def _weigh(self, row: SessionRow, kept: Kept, standing: AccountState, sources: Sources, now: int) -> Person | None:
        """Follow what Keycloak says; of what it says nothing any more, the directory or, within the grace, what was."""
        there = said(sources, self._settings)
        unsaid = self._remembered(kept, standing) - there
        verdict, completed = admit(sources, self._settings), self._completed(sources, unsaid, standing)
        if same(verdict, completed):  # nothing hangs on what is not said
            return self._in_full(row, replace(kept, claims=there), standing, completed, now)
        _logger.warning(
            "session re-check: %s no longer sends the claim %s of %s",
            self._settings.provider_name,
            " and ".join(f"'{path}'" for path in sorted(unsaid)),
            standing.person.username,
        )
        looked_up = self._looked_up(standing, unsaid, now)
        if looked_up is not None:
            if looked_up.disabled:
                return None
            return self._in_full(row, kept, looked_up, self._completed(sources, unsaid, looked_up), now)
        ends_at = row.checked_at + self._settings.session_recheck_seconds + self._settings.outage_grace_seconds
        if ends_at < now:
            return self._in_full(row, replace(kept, claims=there), standing, verdict, now)
        self._sessions.postpone(row, min(now + self._settings.session_recheck_seconds, ends_at + 1))
        return self._follow(completed, standing, now, in_full=False)

    def _remembered(self, kept: Kept, standing: AccountState) -> frozenset[str]:
        """The deciding claims that were there when the person was last judged by an answer in full."""
        if kept.claims is None:
            return implied(self._settings, standing.admitted_by, standing.admin_by)
        return kept.claims & deciding(self._settings)

    def _completed(self, sources: Sources, unsaid: frozenset[str], standing: AccountState) -> Admission | Denial:
        """The verdict on what an answer says and, where it says nothing any more, on what was known before."""
        held = (standing.admitted_by, standing.admin_by if standing.person.is_admin else None)
        memberships = [Membership.parse(each) for each in held if each is not None]
        memberships += [Membership(path, team) for path in unsaid for team in self._teams_of(standing)]
        before = known(self._settings, unsaid, standing.person.username, memberships)
        verdict = admit([*sources, *before], self._settings)
        if isinstance(verdict, Admission) and VERIFIED in unsaid:  # nobody has verified another name
            return replace(verdict, username=standing.person.username)
        return verdict

    def _in_full(
        self, row: SessionRow, kept: Kept, standing: AccountState, verdict: Admission | Denial, now: int
    ) -> Person | None:
        """Follow an answer after which the next check is due an interval later."""
        person = self._follow(verdict, standing, now, in_full=True)
        if person is not None:
            self._sessions.checked(row, kept.sealed(self._box), now)
        return person

    def _follow(self, verdict: Admission | Denial, standing: AccountState, now: int, *, in_full: bool) -> Person | None:
        if isinstance(verdict, Denial):
            self._people.withdraw(standing.person.user_id, verdict.reason, keycloak(now))
            return None
        try:
            return self._people.confirm(verdict, standing, keycloak(now), in_full=in_full)
        except NameTaken as error:
            taken = words.user_name_taken(error.name, kept=error.kept)
            _logger.warning("session re-check: '%s' keeps that user name. %s", standing.person.username, taken)
            verdict = replace(verdict, username=standing.person.username)
            return self._people.confirm(verdict, standing, keycloak(now), in_full=in_full)

    def for_standing(self, standing: AccountState) -> Person:
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

    def _is_fresh(self, standing: AccountState, now: int) -> bool:
        return now - standing.confirmed_at < self._settings.directory_recheck_seconds and not standing.check_due

    def _ask_quietly(self, standing: AccountState, now: int) -> None:
        with contextlib.suppress(Unavailable):  # the next request will say so
            self._ask(standing, now)

    def _ask(self, standing: AccountState, now: int) -> AccountState:
        if not self._directory.may_be_asked():
            return self._without_right(standing)
        if not self._people.claim_check(standing.person.user_id, now, CLAIM_SECONDS):
            self._directory_grace(standing)
            return standing
        try:
            return self._look_up(standing, now)
        except NoRight:
            return self._without_right(standing)
        except ProviderDown:
            self._directory_grace(standing)
            return standing

    def _looked_up(self, standing: AccountState, unsaid: frozenset[str], now: int) -> AccountState | None:
        """What the directory says of a person of whom claims are not said; None where it cannot tell, or not now."""
        if (
            self._settings.directory_check == "off"
            or not self._directory.can_tell(unsaid)
            or not self._directory.may_be_asked()
            or not self._people.claim_check(standing.person.user_id, now, CLAIM_SECONDS)
        ):
            return None
        try:
            return self._look_up(standing, now)
        except (NoRight, ProviderDown):
            return None

    def _look_up(self, standing: AccountState, now: int) -> AccountState:
        """Ask the directory and keep what it says.

        Raises:
            NoRight, ProviderDown: as :meth:`Directory.look_up`; it is counted and logged.
        """
        try:
            found = self._directory.look_up(standing, self._teams_of(standing))
        except NoRight:
            self._counts.directory("no_right")
            raise
        except ProviderDown as error:
            self._counts.directory("unreachable")
            _logger.warning("directory check: %s does not answer (%s)", self._provider_words(), error)
            raise
        self._counts.directory("in_order" if found.enabled else "out")
        self._people.checked(standing, found.enabled, found.is_admin, keycloak(now))
        if found.lost_teams:
            self._teams.drop_from(standing.person.user_id, found.lost_teams, standing.person.username, keycloak(now))
        # Something may have been withdrawn while the directory was asked: what is less counts.
        present = self._people.standing(standing.issuer, standing.subject) or replace(standing, disabled=True)
        return replace(
            present,
            disabled=present.disabled or not found.enabled,
            person=replace(present.person, is_admin=present.person.is_admin and found.is_admin),
        )

    def _teams_of(self, standing: AccountState) -> list[str]:
        """The teams that the person is in for a group in Keycloak."""
        return [team.name for team in self._teams.of(standing.person.user_id) if team.from_keycloak]

    def _provider_words(self) -> str:
        return f"{self._settings.provider_name} ({self._settings.discovery_url})"

    def _directory_grace(self, standing: AccountState) -> None:
        self._within_grace(standing.person, standing.confirmed_at, self._settings.directory_recheck_seconds)

    def _without_right(self, standing: AccountState) -> AccountState:
        if self._settings.directory_check == "required":
            raise Unavailable(
                f"The server is not allowed to look up users in {self._settings.provider_name}, which its settings "
                f"require. Ask {self._settings.contact}."
            )
        return standing

    def _in_order(self, standing: AccountState) -> Person:
        if standing.blocked:
            raise AccountOut(
                f"An administrator has blocked the account '{standing.person.username}'. Ask {self._settings.contact}."
            )
        if standing.disabled:
            raise AccountOut(
                f"{self._settings.provider_name} no longer lets '{standing.person.username}' use this server. "
                f"Ask {self._settings.contact}."
            )
        return standing.person

    def _within_grace(self, person: Person, seen_at: int, interval: int) -> Person:
        if seen_at + interval + self._settings.outage_grace_seconds < self._clock():
            raise Unavailable(
                f"{self._settings.provider_name} does not answer, and the last successful check of this account is "
                "too long ago. Try again shortly."
            )
        return person
