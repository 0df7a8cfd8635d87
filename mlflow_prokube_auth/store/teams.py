"""Teams: MLflow roles whose members come from Keycloak's groups, or from an administrator's hand.

A team has a role of its own in each workspace where it holds something, and one more for each of its rules ("what is
named ``team-a-...`` is EDIT to us"), so that MLflow's engine, its admin page and our search see ordinary roles with
ordinary grants. A member of the team's own role in the default workspace is a member of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from ..model import Actor, Resource, Rule, Team
from . import audit, grant_writer, memberships, ownership
from .database import Database
from .memberships import (
    DEFAULT_WORKSPACE,
    KEYCLOAKS,
    NO_RULE,
    name_of_role,
    names_of_teams,
    role_names,
    team_of,
    teams_of,
)
from .schema import role_permissions, roles, team_roles, team_rules, teams, user_role_assignments, users


class TeamExists(Exception):
    """A team, or a role of MLflow, has that name."""


class Teams:
    """Queries on teams, their members and their rules."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Teams and members

    def everyone(self) -> list[Team]:
        """All teams, by name."""
        with self._database.read() as connection:
            return [team_of(row) for row in connection.execute(select(teams).order_by(teams.c.name))]

    def find(self, name: str) -> Team | None:
        """The team of that name."""
        with self._database.read() as connection:
            row = connection.execute(select(teams).where(teams.c.name == name)).first()
        return None if row is None else team_of(row)

    def of(self, user_id: int) -> list[Team]:
        """The teams of a user, by name."""
        with self._database.read() as connection:
            return teams_of(connection, user_id)

    def names_of(self, user_ids: Sequence[int]) -> dict[int, list[str]]:
        """The names of the teams of each of these users, in order; users without teams are left out."""
        with self._database.read() as connection:
            return names_of_teams(connection, user_ids)

    def members(self, team: Team) -> list[str]:
        """User names of a team's members."""
        query = (
            select(users.c.username)
            .join(user_role_assignments, user_role_assignments.c.user_id == users.c.id)
            .join(team_roles, team_roles.c.role_id == user_role_assignments.c.role_id)
            .where(
                team_roles.c.team_id == team.id,
                team_roles.c.rule_id == NO_RULE,
                team_roles.c.workspace == DEFAULT_WORKSPACE,
            )
            .order_by(users.c.username)
        )
        with self._database.read() as connection:
            return [row[0] for row in connection.execute(query)]

    def role_of(self, team: Team, workspace: str) -> int:
        """The team's own role in a workspace, made where there is none."""
        with self._database.write() as connection:
            return self.role_within(connection, team, workspace)

    def team_of_role(self, role_id: int) -> tuple[Team, int] | None:
        """The team whose role this is, and the role's rule (:data:`NO_RULE` for its own); None for other roles."""
        query = select(teams, team_roles.c.rule_id).join(team_roles, team_roles.c.team_id == teams.c.id)
        with self._database.read() as connection:
            row = connection.execute(query.where(team_roles.c.role_id == role_id)).first()
        return None if row is None else (team_of(row), row.rule_id)

    def create(self, name: str, actor: Actor) -> Team:
        """A team that an administrator fills by hand.

        Raises:
            TeamExists: a team or a role of that name is there.
        """
        try:
            with self._database.write() as connection:
                return self.create_within(connection, name, actor)
        except IntegrityError:
            raise TeamExists(name) from None

    def delete(self, team: Team, actor: Actor, successor_id: int | None = None) -> int:
        """End a team: its roles, with members and grants, and its rules go; a successor manages what nobody else does.

        Returns:
            How many resources the successor got.

        Raises:
            NeedsSuccessor: something would be left to nobody, and no successor is named.
        """
        with self._database.write() as connection:
            role_ids = list(connection.execute(_roles_of(team)).scalars())
            alone = ownership.managed_alone(connection, role_ids=role_ids)
            inherited = ownership.pass_on(connection, alone, successor_id, actor)
            _delete_roles(connection, role_ids, actor)
            connection.execute(teams.delete().where(teams.c.id == team.id))
            audit.record(connection, "team.delete", actor, target=team.name, inherited=inherited)
            return inherited

    def sync(self, connection: Connection, user_id: int, username: str, wanted: Iterable[str], actor: Actor) -> None:
        """Make a user a member of exactly these of Keycloak's teams; teams made by hand stay as they are."""
        memberships.sync(connection, user_id, username, wanted, actor)

    def join(self, team: Team, user_id: int, actor: Actor) -> None:
        """Make a user a member, of all roles of the team."""
        with self._database.write() as connection:
            memberships.join(connection, [team.id], user_id)
            who = audit.about(connection, user_id)
            audit.record(connection, "team.join", actor, target=team.name, **who)

    def leave(self, team: Team, user_id: int, actor: Actor) -> None:
        """The opposite.

        Raises:
            NeedsSuccessor: nobody would manage any more what the team does.
        """
        with self._database.write() as connection:
            role_ids = list(connection.execute(_roles_of(team)).scalars())
            alone = ownership.managed_alone(connection, user_id=user_id, member_of=role_ids)
            ownership.pass_on(connection, alone, None, actor)
            memberships.leave(connection, [team.id], user_id)
            who = audit.about(connection, user_id)
            audit.record(connection, "team.leave", actor, target=team.name, **who)

    def drop_from(self, user_id: int, names: Sequence[str], username: str, actor: Actor) -> None:
        """Take a user out of those of Keycloak's teams."""
        with self._database.write() as connection:
            held = teams_of(connection, user_id)
            lost = [team for team in held if team.from_keycloak and team.name in names]
            memberships.drop(connection, lost, user_id, username, actor)

    def forget_workspace(self, workspace: str) -> None:
        """The roles of a workspace are about to be deleted."""
        with self._database.write() as connection:
            connection.execute(team_roles.delete().where(team_roles.c.workspace == workspace))

    # Rules

    def rules(self) -> list[tuple[Rule, Team]]:
        """All rules with their teams."""
        query = select(team_rules, teams.c.name, teams.c.from_keycloak).join(teams, teams.c.id == team_rules.c.team_id)
        with self._database.read() as connection:
            return [
                (
                    Rule(row.id, row.team_id, row.kind, row.prefix, row.permission),
                    Team(row.team_id, row.name, row.from_keycloak),
                )
                for row in connection.execute(query.order_by(teams.c.name, team_rules.c.kind, team_rules.c.prefix))
            ]

    def add_rule(self, team: Team, kind: str, prefix: str, permission: str, actor: Actor) -> Rule:
        """A new rule, which holds for what comes; what is there already gets :meth:`apply`.

        Raises:
            TeamExists: the team has a rule for that prefix.
        """
        try:
            with self._database.write() as connection:
                return self.add_rule_within(connection, team, kind, prefix, permission, actor)
        except IntegrityError:
            raise TeamExists(f"{team.name}: {prefix}") from None

    def add_rule_within(
        self, connection: Connection, team: Team, kind: str, prefix: str, permission: str, actor: Actor
    ) -> Rule:
        """The same in the caller's transaction.

        Raises:
            IntegrityError: the team has a rule for that prefix.
        """
        values = {"team_id": team.id, "kind": kind, "prefix": prefix, "permission": permission}
        key = connection.execute(team_rules.insert().values(**values)).inserted_primary_key
        audit.record(
            connection, "rule.create", actor, target=team.name,
            kind=kind, prefix=prefix, permission=permission,
        )  # fmt: skip
        return Rule(key[0], **values)  # type: ignore[index, arg-type]  # one row, one key

    def delete_rule(self, rule: Rule, team: Team, actor: Actor) -> None:
        """End a rule: its roles go with all their grants.

        Raises:
            NeedsSuccessor: nobody would manage any more what the team does by this rule.
        """
        with self._database.write() as connection:
            owned = select(team_roles.c.role_id).where(team_roles.c.rule_id == rule.id)
            role_ids = list(connection.execute(owned).scalars())
            alone = ownership.managed_alone(connection, role_ids=role_ids)
            ownership.pass_on(connection, alone, None, actor)
            _delete_roles(connection, role_ids, actor)
            connection.execute(team_rules.delete().where(team_rules.c.id == rule.id))
            audit.record(connection, "rule.delete", actor, target=team.name, kind=rule.kind, prefix=rule.prefix)

    def apply(self, rule: Rule, team: Team, resources: Sequence[Resource], actor: Actor) -> None:
        """Grant a rule's level on these resources; what is granted already stays."""
        for workspace in sorted({resource.workspace for resource in resources}):
            with self._database.write() as connection:
                self.apply_within(connection, rule, team, [r for r in resources if r.workspace == workspace], actor)

    def apply_within(
        self, connection: Connection, rule: Rule, team: Team, resources: Sequence[Resource], actor: Actor
    ) -> None:
        """The same in the caller's transaction, for resources of one workspace."""
        role_id = self.role_within(connection, team, resources[0].workspace, rule)
        held = select(role_permissions.c.resource_pattern).where(role_permissions.c.role_id == role_id)
        patterns = {row[0] for row in connection.execute(held)}
        new = [resource for resource in resources if resource.pattern not in patterns]
        grant_writer.give(connection, role_id, new, rule.permission, actor)

    def withdraw_within(self, connection: Connection, rule: Rule, resource: Resource, actor: Actor) -> None:
        """Take back what a rule gave on a resource, in the caller's transaction: it has another name now."""
        owned = select(team_roles.c.role_id).where(team_roles.c.rule_id == rule.id)
        held = grant_writer.of(resource.resource_type, resource.pattern) & role_permissions.c.role_id.in_(owned)
        grant_writer.take(connection, held, actor)

    # The roles behind it

    def create_within(self, connection: Connection, name: str, actor: Actor) -> Team:
        """A team that an administrator fills by hand, in the caller's transaction.

        Raises:
            IntegrityError: a team or a role of that name is there.
        """
        key = connection.execute(
            teams.insert().values(name=name, from_keycloak=False, created_at=actor.at)
        ).inserted_primary_key
        team = Team(key[0], name, from_keycloak=False)  # type: ignore[index]  # one row, one key
        self.role_within(connection, team, DEFAULT_WORKSPACE)
        audit.record(connection, "team.create", actor, target=name)
        return team

    def role_within(self, connection: Connection, team: Team, workspace: str, rule: Rule | None = None) -> int:
        """The role of a team, or of one of its rules, in a workspace; a new one gets the team's members."""
        rule_id = rule.id if rule is not None else NO_RULE
        known = select(team_roles.c.role_id).where(
            team_roles.c.team_id == team.id, team_roles.c.rule_id == rule_id, team_roles.c.workspace == workspace
        )
        found = connection.execute(known).scalar()
        if found is not None:
            return int(found)
        name = team.name if rule is None else f"{team.name}: {rule.kind} {rule.prefix}*"
        words = KEYCLOAKS if team.from_keycloak else "A team."
        description = words if rule is None else f"What is named {rule.prefix}*; made by a rule of the team."
        role_id = _new_role(connection, name, workspace, description, from_keycloak=team.from_keycloak)
        connection.execute(
            team_roles.insert().values(role_id=role_id, team_id=team.id, rule_id=rule_id, workspace=workspace)
        )
        main = select(team_roles.c.role_id).where(
            team_roles.c.team_id == team.id,
            team_roles.c.rule_id == NO_RULE,
            team_roles.c.workspace == DEFAULT_WORKSPACE,
            team_roles.c.role_id != role_id,
        )
        memberships.copy(connection, main, role_id)
        return role_id


def _new_role(connection: Connection, name: str, workspace: str, description: str, *, from_keycloak: bool) -> int:
    taken = select(roles.c.name).where(roles.c.workspace == workspace, roles.c.name.in_(role_names(name)))
    chosen = name_of_role(name, set(connection.execute(taken).scalars()), from_keycloak=from_keycloak)
    key = connection.execute(
        roles.insert().values(name=chosen, workspace=workspace, description=description)
    ).inserted_primary_key
    return int(key[0])  # type: ignore[index]  # one row, one key


def _roles_of(team: Team):  # type: ignore[no-untyped-def]  # SQLAlchemy's Select of an int
    return select(team_roles.c.role_id).where(team_roles.c.team_id == team.id)


def _delete_roles(connection: Connection, role_ids: Sequence[int], actor: Actor) -> None:
    grant_writer.take(connection, role_permissions.c.role_id.in_(role_ids), actor)
    for table in (user_role_assignments, team_roles):
        connection.execute(table.delete().where(table.c.role_id.in_(role_ids)))
    connection.execute(roles.delete().where(roles.c.id.in_(role_ids)))
