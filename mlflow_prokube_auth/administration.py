"""What administrators do to accounts and teams, by JSON or by command: the same checks, the same words."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from . import plain
from .errors import BadRequest, Conflict, NotFound
from .model import Actor, Person, Rule, Team
from .policy import checks, words
from .policy.named import NamedResource
from .policy.words import iso
from .services import Services
from .store import audit
from .store.accounts import Account
from .store.custody import NeedsHeir
from .store.local_admins import LOCAL_ISSUER
from .store.people import NameTaken
from .store.teams import TeamExists
from .store.user_names import NotKept, StillUsed


class Administration:
    """Acts on the stores; every refusal is a :class:`errors.Refusal`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    # Accounts

    def account(self, name: str) -> Account:
        """The account of that name.

        Raises:
            NotFound: there is none.
        """
        found = self._services.accounts.find(name)
        if found is None:
            raise NotFound(f"There is no account '{plain.escaped(name, 80)}'.")
        return found

    def page(self, search: str, *, service: bool, first: int, size: int) -> tuple[list[dict[str, Any]], int]:
        """Accounts of people, or of services, by name, as JSON shows them; and how many there are."""
        found, total = self._services.accounts.page(search, service=service, first=first, size=size)
        return [self.describe(each) for each in found], total

    def describe(self, each: Account) -> dict[str, Any]:
        """An account as JSON shows it."""
        status = "blocked" if each.blocked else "disabled" if each.disabled else "active"
        return {
            "username": each.username,
            "display_name": each.display_name,
            "kind": "service" if each.is_service else "local" if each.issuer == LOCAL_ISSUER else "person",
            "is_admin": each.is_admin,
            "status": status if each.issuer is not None else "never logged in",
            "last_login_at": iso(each.last_login_at) if each.last_login_at else None,
            "key_expires_at": iso(each.key_expires_at) if each.key_expires_at else None,
            "key_last_used_at": iso(each.key_last_used_at) if each.key_last_used_at else None,
            "teams": [team.name for team in self._services.teams.of(each.user_id)],
        }

    def create_service(self, name: Any, description: Any, actor: Actor) -> Account:
        """A new service account; it has no key yet.

        Raises:
            BadRequest: the name or the description is not usable.
            Conflict: somebody has, or had, the name.
        """
        name, description = checks.service_name(name), checks.description(description)
        try:
            self._services.accounts.create_service(name, description, int(time.time()), actor.name, actor.client)
        except NameTaken as error:
            taken = words.user_name_taken(error.name, kept=error.kept)
            raise Conflict(f"{taken} {'Or choose' if error.kept else 'Choose'} another name.") from None
        return self.account(name)

    def block(self, found: Account, actor: Actor) -> Account:
        """Shut an account at once.

        Raises:
            BadRequest: it is one's own, or there is nothing to block.
        """
        if found.user_id == actor.user_id:
            raise BadRequest("That is your own account. Another administrator may block it.")
        if found.issuer is None:
            raise BadRequest(f"'{found.username}' has never logged in, so there is nothing to block.")
        _not_local(found)
        self._services.accounts.set_blocked(found, True, actor.name, actor.client)
        return self.account(found.username)

    def unblock(self, found: Account, actor: Actor) -> Account:
        """Open it again."""
        self._services.accounts.set_blocked(found, False, actor.name, actor.client)
        return self.account(found.username)

    def end_sessions(self, found: Account, actor: Actor) -> None:
        """End an account's sessions."""
        self._services.accounts.end_sessions(found, actor.name, actor.client)

    def revoke_key(self, found: Account, actor: Actor) -> bool:
        """End an account's key; whether there was one."""
        return self._services.tokens.revoke(found.user_id, int(time.time()), actor.name, actor.client)

    def delete(self, found: Account, heir_name: str | None, actor: Actor) -> dict[str, Any]:
        """Delete an account; the heir manages from then on what nobody else does.

        Raises:
            BadRequest: it is one's own, a local administrator's, or the heir's.
            NotFound: there is no such heir.
            Conflict: it alone manages something, and no heir is named.
        """
        if found.user_id == actor.user_id:
            raise BadRequest("That is your own account. Another administrator may delete it.")
        _not_local(found)
        heir = self._heir(heir_name)
        if heir is not None and heir.user_id == found.user_id:
            raise BadRequest("The heir is the account that is to be deleted. Expected another in 'heir'.")
        try:
            inherited = self._services.accounts.delete(found, heir, actor.name, actor.client)
        except NeedsHeir as error:
            raise _left_alone(
                f"'{found.username}' alone manages", error, "Name in 'heir' who is to manage them."
            ) from None
        return {"deleted": found.username, "heir": heir.username if heir else None, "inherited": inherited}

    def kept_names(self, search: str, *, first: int, size: int) -> tuple[list[dict[str, Any]], int]:
        """Former names, by name, as JSON shows them; and how many there are."""
        found, total = self._services.accounts.kept_names(search, first=first, size=size)
        return [{"name": each.name, "account": each.account} for each in found], total

    def release_name(self, name: str, actor: Actor, *, anyway: bool = False) -> None:
        """Release the kept name of a renamed or deleted account, so that any account may get it.

        Raises:
            NotFound: it is nobody's former name.
            Conflict: somebody has it, or its next bearer would be taken for the one before.
        """
        try:
            self._services.accounts.release_name(name, actor.name, actor.client, anyway=anyway)
        except NotKept as error:
            shown = plain.escaped(name, 80)
            if error.taken:
                raise Conflict(f"'{shown}' is the name of an account. Only former names can be released.") from None
            raise NotFound(f"No account that was renamed or deleted had the name '{shown}'.") from None
        except StillUsed as error:
            raise Conflict(
                f"'{plain.escaped(name, 80)}' is not released: {error}. The next bearer of the name would be taken for "
                "the one before. See to that first; then release it with 'anyway'."
            ) from None

    def expiring(self, days: int) -> list[dict[str, Any]]:
        """Accounts whose key expires within so many days, the next first."""
        found = self._services.accounts.expiring(int(time.time()), days * 86400)
        return [self.describe(each) for each in found]

    # Teams

    def team(self, name: Any) -> Team:
        """The team of that name.

        Raises:
            BadRequest: it is no name.
            NotFound: there is none.
        """
        name = checks.printable(name, "team")
        found = self._services.teams.find(name)
        if found is None:
            raise NotFound(f"There is no team '{name}'.")
        return found

    def teams(self) -> list[dict[str, Any]]:
        """All teams with their rules."""
        rules = self._services.teams.rules()
        return [
            {
                "team": team.name,
                "from_keycloak": team.from_keycloak,
                "rules": [describe_rule(rule) for rule, owner in rules if owner.id == team.id],
            }
            for team in self._services.teams.everyone()
        ]

    def create_team(self, name: Any, actor: Actor) -> Team:
        """A team whose members are chosen by hand.

        Raises:
            BadRequest: the name is not usable.
            Conflict: a team or a role has it.
        """
        name = checks.team_name(name)
        try:
            return self._services.teams.create(name, int(time.time()), actor.name, actor.client)
        except TeamExists:
            raise Conflict(f"There is a team or a role '{name}' already. Choose another name.") from None

    def delete_team(self, team: Team, heir_name: Any, actor: Actor) -> dict[str, Any]:
        """End a team; what it held, it holds no more. One of Keycloak's comes back with a member's next login.

        Raises:
            NotFound: there is no such heir.
            Conflict: its members alone manage something, and no heir is named.
        """
        heir = self._heir(checks.printable(heir_name, "heir") if heir_name is not None else None)
        try:
            inherited = self._services.teams.delete(
                team, actor.name, actor.client, heir_id=heir.user_id if heir else None
            )
        except NeedsHeir as error:
            raise _left_alone(
                f"Nobody but members of the team '{team.name}' manages", error, "Name in 'heir' who is to manage them."
            ) from None
        return {"deleted": team.name, "heir": heir.username if heir else None, "inherited": inherited}

    def _heir(self, name: str | None) -> Person | None:
        if not name:
            return None
        known = self.account(name)
        return Person(known.user_id, known.username, known.is_admin)

    def members(self, team: Team) -> list[str]:
        """User names of a team's members."""
        return self._services.teams.members(team)

    def join(self, team: Team, user: Account, actor: Actor) -> list[str]:
        """Make an account a member of a team made by hand.

        Raises:
            BadRequest: the team's members follow Keycloak.
        """
        _by_hand(team, user)
        self._services.teams.join(team, user.user_id, actor.name, actor.client)
        return self.members(team)

    def leave(self, team: Team, user: Account, actor: Actor) -> list[str]:
        """The opposite.

        Raises:
            BadRequest: the team's members follow Keycloak.
            Conflict: nobody would manage any more what the team does.
        """
        _by_hand(team, user)
        try:
            self._services.teams.leave(team, user.user_id, actor.name, actor.client)
        except NeedsHeir as error:
            raise _left_alone(
                f"'{user.username}' is the last member of '{team.name}', through which alone somebody manages",
                error,
                "Make somebody else a member, or share them with somebody, first.",
            ) from None
        return self.members(team)

    def add_rule(
        self,
        team: Team,
        wanted: tuple[str, str, str],
        there: Callable[[str, str], Sequence[NamedResource]],
        actor: Actor,
    ) -> dict[str, Any]:
        """What bears a name with this prefix, now or one day, is at this level to the team.

        Args:
            team: whose rule it is.
            wanted: kind, prefix and level, out of :func:`policy.checks.rule`.
            there: what of a kind bears a name with a prefix now.
            actor: who acts.

        Raises:
            Conflict: the team has a rule for that prefix.
        """
        kind, prefix, level = wanted
        teams = self._services.teams
        try:
            rule = teams.add_rule(team, kind, prefix, level, actor.name, actor.client)
        except TeamExists:
            raise Conflict(
                f"The team '{team.name}' has a rule for {kind} {prefix}* already. Delete it first."
            ) from None
        found = [each.resource for each in there(kind, prefix)]
        teams.apply(rule, team, found, actor)
        return {**describe_rule(rule), "team": team.name, "matched": len(found)}

    def delete_rule(self, wanted: Any, actor: Actor) -> None:
        """End a rule, by its id, with all that it gave.

        Raises:
            NotFound: there is none.
            Conflict: nobody would manage any more what the team does by it.
        """
        for rule, team in self._services.teams.rules():
            if rule.id == wanted:
                try:
                    self._services.teams.delete_rule(rule, team, actor.name, actor.client)
                except NeedsHeir as error:
                    raise _left_alone(
                        f"Only by this rule of '{team.name}' somebody manages", error, "Share them with somebody first."
                    ) from None
                return
        raise NotFound(f"There is no rule {wanted!r:.40}.")

    # The audit trail

    def events(self, **wanted: Any) -> tuple[list[dict[str, Any]], int]:
        """Events, the newest first, as :func:`store.audit.page` finds them and JSON shows them; and how many."""
        with self._services.database.read() as connection:
            found, total = audit.page(connection, **wanted)
        return [_event(each) for each in found], total


def describe_rule(rule: Rule) -> dict[str, Any]:
    """A team's rule as JSON shows it."""
    return {"id": rule.id, "kind": rule.kind, "prefix": rule.prefix, "level": rule.permission}


def _event(event: audit.Event) -> dict[str, Any]:
    shown = {name: getattr(event, name) for name in ("actor", "action", "target", "client")}
    return {**shown, "at": iso(event.at), "detail": dict(event.detail)}


def _left_alone(who: str, error: NeedsHeir, remedy: str) -> Conflict:
    some = ", ".join(f"{words.kind_of(each.resource_type)} '{each.pattern}'" for each in error.resources[:5])
    return Conflict(f"{who} {len(error.resources)} resources ({some}). {remedy}")


def _not_local(found: Account) -> None:
    if found.issuer == LOCAL_ISSUER:
        raise BadRequest(f"'{found.username}' is a local administrator. Use `mlflow-prokube-auth break-glass remove`.")


def _by_hand(team: Team, user: Account) -> None:
    # A service account made here is in no group of Keycloak's; its teams are always an administrator's choice.
    if team.from_keycloak and not user.is_service:
        raise BadRequest(f"The members of the team '{team.name}' follow its group in Keycloak. Change them there.")
