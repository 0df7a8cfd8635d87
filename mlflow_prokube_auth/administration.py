"""What administrators do to accounts and teams, by JSON or by command: the same checks, the same words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import plain
from .api_models import NewRule, NewServiceAccount, NewTeam
from .errors import BadRequest, Conflict, NotFound
from .model import Actor, Person, Rule, Team
from .policy import kinds, rule_effects, words
from .policy.named import NamedResource
from .policy.words import iso
from .services import Services
from .store import audit
from .store.accounts import Account
from .store.legacy_keys import LegacyUse
from .store.new_accounts import LOCAL_ISSUER, LOCAL_ISSUERS
from .store.ownership import NeedsSuccessor
from .store.people import NameTaken
from .store.rebinds import Bound, IdentityTaken
from .store.teams import TeamExists
from .store.user_names import NotKept, StillUsed
from .trusted_issuers import Trust
from .workloads import WorkloadAdministration

# Events that an export reads in one transaction.
EXPORTED_AT_ONCE = 1000


class Administration:
    """Acts on the stores; every refusal is a :class:`errors.Refusal`."""

    def __init__(self, services: Services, provider_name: str) -> None:
        self._services = services
        self._provider_name = provider_name

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
        return self._describe(found), total

    def describe(self, account: Account) -> dict[str, Any]:
        """An account as JSON shows it."""
        return self._describe([account])[0]

    def _describe(self, accounts: Sequence[Account]) -> list[dict[str, Any]]:
        ids = [each.user_id for each in accounts]
        teams = self._services.teams.names_of(ids)
        legacy = self._services.legacy_keys.uses(ids, int(time.time()))
        return [_shown(each, teams.get(each.user_id, []), legacy.get(each.user_id)) for each in accounts]

    def legacy_keys(self) -> list[dict[str, Any]]:
        """All keys of an old server that work, those used last first."""
        return [
            {
                "username": name,
                "key": key.name,
                "expires_at": iso(key.expires_at),
                "last_used_at": iso(key.last_used_at) if key.last_used_at else None,
            }
            for name, key in self._services.legacy_keys.in_force(int(time.time()))
        ]

    def create_service(self, wanted: NewServiceAccount, actor: Actor) -> Account:
        """A new service account; it has no key yet.

        Raises:
            Conflict: somebody has, or had, the name.
        """
        try:
            self._services.accounts.create_service(wanted.name, wanted.description or "", actor)
        except NameTaken as error:
            taken = words.user_name_taken(error.name, kept=error.kept)
            raise Conflict(f"{taken} {'Or choose' if error.kept else 'Choose'} another name.") from None
        return self.account(wanted.name)

    def block(self, found: Account, actor: Actor) -> Account:
        """Block an account at once.

        Raises:
            BadRequest: it is one's own, or there is nothing to block.
        """
        if found.user_id == actor.user_id:
            raise BadRequest("You cannot block your own account. Ask another administrator to block it.")
        if found.issuer is None:
            raise BadRequest(
                f"'{found.username}' has never logged in, so there is no login to block. Revoke its key of the old "
                "server, if it has one, or delete the account."
            )
        _not_local(found)
        self._services.accounts.set_blocked(found, True, actor)
        return self.account(found.username)

    def unblock(self, found: Account, actor: Actor) -> Account:
        """Open it again."""
        self._services.accounts.set_blocked(found, False, actor)
        return self.account(found.username)

    def end_sessions(self, found: Account, actor: Actor) -> None:
        """End an account's sessions."""
        self._services.accounts.end_sessions(found, actor)

    def revoke_key(self, found: Account, actor: Actor) -> bool:
        """End an account's key; whether there was one."""
        return self._services.access_keys.revoke(found.user_id, actor)

    def delete(self, found: Account, successor_name: str | None, actor: Actor) -> dict[str, Any]:
        """Delete an account; the successor manages from then on what nobody else does.

        Raises:
            BadRequest: it is one's own, a local administrator's, or the successor's.
            NotFound: there is no such successor.
            Conflict: it alone manages something, and no successor is named.
        """
        if found.user_id == actor.user_id:
            raise BadRequest("You cannot delete your own account. Ask another administrator to delete it.")
        _not_local(found)
        successor = self._successor(successor_name)
        if successor is not None and successor.user_id == found.user_id:
            raise BadRequest("The successor is the account to delete. Expected another account in 'successor'.")
        try:
            inherited = self._services.accounts.delete(found, successor, actor)
        except NeedsSuccessor as error:
            raise _left_alone(
                f"'{found.username}' alone manages", error, "Name an account in 'successor' to manage them."
            ) from None
        return _deleted(found.username, successor, inherited)

    def kept_names(self, search: str, *, first: int, size: int) -> tuple[list[dict[str, Any]], int]:
        """Former names, by name, as JSON shows them; and how many there are."""
        found, total = self._services.accounts.kept_names(search, first=first, size=size)
        return [{"name": each.name, "account": each.account} for each in found], total

    def uses_of_name(self, name: str) -> list[dict[str, Any]]:
        """Where MLflow still keeps a user name, by table, as JSON shows it."""
        found = self._services.accounts.uses_of_name(name)
        return [{"table": table, "rows": rows} for table, rows in sorted(found.items())]

    def release_name(self, name: str, actor: Actor, *, anyway: bool = False) -> None:
        """Release the kept name of a renamed or deleted account, so that any account may get it.

        Raises:
            NotFound: it is nobody's former name.
            Conflict: somebody has it, or its next bearer would be taken for the one before.
        """
        try:
            self._services.accounts.release_name(name, actor, anyway=anyway)
        except NotKept as error:
            shown = plain.escaped(name, 80)
            if error.taken:
                raise Conflict(f"'{shown}' is the name of an account. Only former names can be released.") from None
            raise NotFound(f"No renamed or deleted account had the name '{shown}'.") from None
        except StillUsed as error:
            raise Conflict(
                f"'{plain.escaped(name, 80)}' is not released: {error}. The next account with the name would inherit "
                "that. Resolve it first, or release the name with 'anyway'."
            ) from None

    def rebind(self, name: str, issuer: str, subject: str | None, days: int, actor: Actor) -> None:
        """Bind a person's account to another identity.

        Args:
            name: the name of the account.
            issuer: the issuer of the new identity.
            subject: its subject; None where the next login with the account's verified address brings it.
            days: for how long that login is awaited.
            actor: who acts.

        Raises:
            BadRequest, NotFound: as :meth:`rebindable`; or the name is no address, and no subject is given.
            Conflict: another account is bound to that identity.
        """
        bound = self.rebindable(name)
        if subject is None:
            if not bound.is_by_address:
                raise BadRequest(
                    f"'{bound.username}' is not an e-mail address, so a login cannot prove who owns it. Give the "
                    "subject (the claim 'sub') of the new identity."
                )
            self.rebind_all([bound], issuer, days, actor)
            return
        try:
            self._services.rebinds.bind(bound, issuer, subject, actor)
        except IdentityTaken as error:
            raise Conflict(
                f"The account '{error}' is bound to that identity. If it is not needed, delete it first."
            ) from None

    def rebindable(self, name: str) -> Bound:
        """The identity of a person's account.

        Raises:
            NotFound: there is no such account.
            BadRequest: it is no person's, or nobody has logged in to it yet.
        """
        found = self.account(name)
        if found.issuer is None:
            raise BadRequest(f"Nobody has logged in as '{found.username}' yet: the first login binds the account.")
        if found.issuer in LOCAL_ISSUERS:
            raise BadRequest(f"'{found.username}' was made here. It has no identity of {self._provider_name}.")
        return self._services.rebinds.bound(user_ids=[found.user_id])[0]

    def rebindable_of(self, issuer: str) -> list[Bound]:
        """The identities of ``issuer``, by the names of their accounts."""
        return [] if issuer in LOCAL_ISSUERS else self._services.rebinds.bound(issuer=issuer)

    def rebind_all(self, accounts: Sequence[Bound], issuer: str, days: int, actor: Actor) -> None:
        """Let the next login at ``issuer`` with an account's verified address bind it, for so many days."""
        self._services.rebinds.allow(accounts, issuer, actor.at + days * 86400, actor)

    def expiring(self, days: int) -> list[dict[str, Any]]:
        """Accounts whose key expires within so many days, the next first."""
        found = self._services.accounts.expiring(int(time.time()), days * 86400)
        return self._describe(found)

    def workloads(self, trust: Trust) -> WorkloadAdministration:
        """What may be done to bindings of service accounts, within that trust."""
        return WorkloadAdministration(self._services, trust)

    # Teams

    def team(self, name: str) -> Team:
        """The team of that name.

        Raises:
            NotFound: there is none.
        """
        found = self._services.teams.find(name)
        if found is None:
            raise NotFound(f"There is no team '{plain.escaped(name, 80)}'.")
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

    def create_team(self, wanted: NewTeam, actor: Actor) -> Team:
        """A team whose members administrators choose.

        Raises:
            Conflict: a team or a role has it.
        """
        name = wanted.team
        try:
            return self._services.teams.create(name, actor)
        except TeamExists:
            raise Conflict(f"The team or role '{name}' already exists. Choose another name.") from None

    def delete_team(self, team: Team, successor_name: str | None, actor: Actor) -> dict[str, Any]:
        """End a team; what it held, it holds no more. One of Keycloak's comes back with a member's next login.

        Raises:
            NotFound: there is no such successor.
            Conflict: its members alone manage something, and no successor is named.
        """
        successor = self._successor(successor_name)
        try:
            inherited = self._services.teams.delete(team, actor, successor_id=successor.user_id if successor else None)
        except NeedsSuccessor as error:
            raise _left_alone(
                f"Only members of the team '{team.name}' manage",
                error,
                "Name an account in 'successor' to manage them.",
            ) from None
        return _deleted(team.name, successor, inherited)

    def _successor(self, name: str | None) -> Person | None:
        if not name:
            return None
        known = self.account(name)
        return Person(known.user_id, known.username, known.is_admin)

    def members(self, team: Team) -> list[str]:
        """User names of a team's members."""
        return self._services.teams.members(team)

    def join(self, team: Team, user: Account, actor: Actor) -> list[str]:
        """Add an account to a team that administrators manage.

        Raises:
            BadRequest: the team's members follow Keycloak.
        """
        _by_hand(team, user, self._provider_name)
        self._services.teams.join(team, user.user_id, actor)
        return self.members(team)

    def leave(self, team: Team, user: Account, actor: Actor) -> list[str]:
        """The opposite.

        Raises:
            BadRequest: the team's members follow Keycloak.
            Conflict: nobody would manage any more what the team does.
        """
        _by_hand(team, user, self._provider_name)
        try:
            self._services.teams.leave(team, user.user_id, actor)
        except NeedsSuccessor as error:
            raise _left_alone(
                f"'{user.username}' is the last member of '{team.name}', which alone manages",
                error,
                "First add another member, or share the resources with someone else.",
            ) from None
        return self.members(team)

    def effects_of_rule(
        self, team: Team, wanted: NewRule, there: Callable[[str, str], Sequence[NamedResource]]
    ) -> rule_effects.Effects:
        """What :meth:`add_rule` would do with the same arguments."""
        return rule_effects.of_rule(
            team,
            self.members(team),
            wanted.kind,
            wanted.prefix,
            there,
            self._services.grants.managers,
            self._services.teams.rules(),
        )

    def add_rule(
        self,
        team: Team,
        wanted: NewRule,
        there: Callable[[str, str], Sequence[NamedResource]],
        actor: Actor,
    ) -> dict[str, Any]:
        """Give the team this level on everything whose name begins with this prefix, now and in the future.

        Args:
            team: whose rule it is.
            wanted: kind, prefix and level.
            there: the existing resources of a kind whose name begins with a prefix.
            actor: who acts.

        Raises:
            Conflict: the team has a rule for that prefix.
        """
        kind, prefix, level = wanted.kind, wanted.prefix, wanted.level
        teams = self._services.teams
        try:
            rule = teams.add_rule(team, kind, prefix, level, actor)
        except TeamExists:
            raise Conflict(
                f"The team '{team.name}' already has a rule for {kind} {prefix}*. Delete it first."
            ) from None
        found = [each.resource for each in there(kind, prefix)]
        teams.apply(rule, team, found, actor)
        return {**describe_rule(rule), "team": team.name, "matched": len(found)}

    def delete_rule(self, wanted: int, actor: Actor) -> None:
        """End a rule, by its id, with all that it gave.

        Raises:
            NotFound: there is none.
            Conflict: nobody would manage any more what the team does by it.
        """
        for rule, team in self._services.teams.rules():
            if rule.id == wanted:
                try:
                    self._services.teams.delete_rule(rule, team, actor)
                except NeedsSuccessor as error:
                    raise _left_alone(
                        f"Only this rule of the team '{team.name}' gives anyone MANAGE on",
                        error,
                        "Share them with someone first.",
                    ) from None
                return
        raise NotFound(f"There is no rule {wanted}.")

    # The audit trail

    def events(self, *, first: int = 0, size: int = 50, **wanted: Any) -> tuple[list[dict[str, Any]], int]:
        """Events, the newest first, as :class:`store.audit.Filter` finds them and JSON shows them; and how many."""
        with self._services.database.read() as connection:
            found, total = audit.page(connection, audit.Filter(**wanted), first, size)
        return [_event(each) for each in found], total

    def all_events(self, **wanted: Any) -> Iterator[list[dict[str, Any]]]:
        """The same without an end, in portions; each is a transaction of its own."""
        of, last = audit.Filter(**wanted), None
        while True:
            with self._services.database.read() as connection:
                found = audit.before(connection, of, last, EXPORTED_AT_ONCE)
            if not found:
                return
            yield [_event(each) for each in found]
            last = found[-1].id


def describe_rule(rule: Rule) -> dict[str, Any]:
    """A team's rule as JSON shows it."""
    return {"id": rule.id, "kind": rule.kind, "prefix": rule.prefix, "level": rule.permission}


def _event(event: audit.Event) -> dict[str, Any]:
    shown = {name: getattr(event, name) for name in ("actor", "action", "target", "client")}
    return {**shown, "at": iso(event.at), "detail": dict(event.detail)}


def _left_alone(who: str, error: NeedsSuccessor, remedy: str) -> Conflict:
    some = ", ".join(f"{kinds.word_of(each.resource_type)} '{each.pattern}'" for each in error.resources[:5])
    return Conflict(f"{who} {len(error.resources)} resources ({some}). {remedy}")


def _deleted(name: str, successor: Person | None, inherited: int) -> dict[str, Any]:
    """What a deletion did; ``inherited`` is how many resources the successor manages now."""
    return {"deleted": name, "successor": successor.username if successor else None, "inherited": inherited}


def _not_local(found: Account) -> None:
    if found.issuer == LOCAL_ISSUER:
        raise BadRequest(f"'{found.username}' is a local administrator. Use `mlflow-prokube-auth break-glass remove`.")


def _by_hand(team: Team, user: Account, provider_name: str) -> None:
    # A service account made here is in no group of the provider's; its teams are always an administrator's choice.
    if team.from_keycloak and not user.is_service:
        raise BadRequest(words.members_follow(team.name, provider_name))


def _shown(each: Account, teams: list[str], legacy: LegacyUse | None) -> dict[str, Any]:
    """An account as JSON shows it, with the names of its teams and its keys of an old server."""
    status = "blocked" if each.blocked else "disabled" if each.disabled else "active"
    return {
        "username": each.username,
        "display_name": each.display_name,
        "kind": "service" if each.is_service else "local" if each.issuer == LOCAL_ISSUER else "person",
        "is_admin": each.is_admin,
        "status": status if each.issuer is not None else "never logged in",
        "last_login_at": iso(each.last_login_at) if each.last_login_at else None,
        "key_expires_at": iso(each.key_expires_at) if each.key_expires_at else None,
        "key_note": each.key_note,
        "key_last_used_at": iso(each.key_last_used_at) if each.key_last_used_at else None,
        "legacy_key_expires_at": iso(legacy.last_expires_at) if legacy is not None else None,
        "legacy_key_last_used_at": iso(legacy.last_used_at) if legacy is not None and legacy.last_used_at else None,
        "teams": teams,
    }
