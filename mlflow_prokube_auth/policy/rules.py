"""Teams' rules on names: who may use a prefix, and what a name's bearer is to the team."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from ..errors import PermissionDenied
from ..model import Actor, Person, Rule, Team
from ..store.teams import Teams
from . import kinds, words
from .named import NamedResource


class TeamRules:
    """Decides on prefixes, and keeps the grants that rules make in step with names."""

    def __init__(self, teams: Teams) -> None:
        self._teams = teams

    def matching(self, kind: str, name: str) -> list[tuple[Rule, Team]]:
        """The rules whose prefix this name has; models and prompts share their names."""
        return [
            (rule, team)
            for rule, team in self._teams.rules()
            if kinds.name_space(rule.kind) == kind and name.startswith(rule.prefix)
        ]

    def check(self, kind: str, name: str, person: Person, contact: str) -> None:
        """Whether somebody may create, or rename to, this name.

        Raises:
            PermissionDenied: the prefix is a team's, and they are no member.
        """
        rules = [] if person.is_admin else self.matching(kind, name)
        if not rules:
            return
        own = {team.id for team in self._teams.of(person.user_id)}
        if not any(team.id in own for _, team in rules):
            raise PermissionDenied(words.prefix_taken(kinds.word_of_named(kind), name, rules[0][0].prefix, contact))

    def sync_grants(
        self, found: NamedResource, actor: Actor, old_name: str | None = None
    ) -> Callable[[Connection], None]:
        """A resource has this name now, and had the old one before: what makes its grants follow, in a transaction."""
        now = [(rule, team) for rule, team in self.matching(found.kind, found.name) if rule.kind == found.resource_type]
        kept = {rule.id for rule, _ in now}
        before = self.matching(found.kind, old_name) if old_name is not None else []

        def follow(connection: Connection) -> None:
            for rule, team in now:
                self._teams.apply_within(connection, rule, team, [found.resource], actor)
            for rule, _ in before:
                if rule.id not in kept:
                    self._teams.withdraw_within(connection, rule, found.resource, actor)

        return follow
