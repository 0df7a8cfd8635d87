"""Fills MLflow's tables and ours as a large company would, by one ``INSERT ... SELECT`` for each table.

Everything has ids far above those that a server gives by itself, so both get along in one database:

- experiments, models and prompts, the latter two with a version each: as many as asked for of each kind;
- a tenth as many users, each of whom created ten of each kind;
- teams that hold EDIT on up to 10,000 experiments and as many models, one grant for each, with up to 100 members.

100,000 of each kind make 10,000 users, 35 teams and 1,000,000 grants.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, create_engine, text

BASE = 1_000_000
MOMENT = 1_700_000_000
# Numbers from 1 to {count}; SQLite and PostgreSQL both know this form.
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
# As many characters as real artifact locations and digests have.
_PLACE = "'mlflow-artifacts:/0123456789abcdef0123456789abcdef/' || i"


@dataclass(frozen=True)
class Size:
    """How many of each; ``items`` counts experiments, models and prompts alike."""

    items: int

    @property
    def users(self) -> int:
        """Each has created ten of each kind."""
        return max(1, self.items // 10)

    @property
    def team_grants(self) -> int:
        """What a team holds of experiments, and of models."""
        return min(10_000, self.items)

    @property
    def teams(self) -> int:
        """Seven of ten grants are a team's."""
        return max(1, 7 * self.items // (2 * self.team_grants))

    @property
    def members(self) -> int:
        """Of each team."""
        return min(100, self.users)

    @property
    def held(self) -> int:
        """The number of an experiment, and of a model, in the middle of what the first team holds."""
        return 1 + (self.team_grants // 2 + 1777) % self.items

    @property
    def grants(self) -> int:
        """All of them."""
        return 3 * self.items + 2 * self.teams * self.team_grants


def experiment_id(number: int) -> str:
    """The id of an experiment, numbered from 1."""
    return str(BASE + number)


def name(kind: str, number: int) -> str:
    """The name of an experiment, a model or a prompt."""
    return f"bench-{kind}-{number}"


def team(number: int) -> str:
    """The name of a team, numbered from 1."""
    return f"bench-team-{number}"


# Table, its columns, and what they hold for the i-th item.
_ITEMS = (
    (
        "experiments",
        "experiment_id, name, workspace, artifact_location, lifecycle_stage, creation_time, last_update_time",
        f"{BASE} + i, 'bench-experiment-' || i, 'default', {_PLACE}, 'active', {MOMENT}000 + i, {MOMENT}000 + i",
    ),
    (
        "experiment_tags",
        "key, value, experiment_id",
        f"'mlflow.experimentKind', 'custom_model_development', {BASE} + i",
    ),
    *(
        (
            "registered_models",
            "workspace, name, creation_time, last_updated_time",
            f"'default', 'bench-{kind}-' || i, {MOMENT}000 + i, {MOMENT}000 + i",
        )
        for kind in ("model", "prompt")
    ),
    (
        "registered_model_tags",
        "workspace, name, key, value",
        "'default', 'bench-prompt-' || i, 'mlflow.prompt.is_prompt', 'true'",
    ),
    *(
        (
            "model_versions",
            "workspace, name, version, creation_time, last_updated_time, current_stage, source, status",
            f"'default', 'bench-{kind}-' || i, 1, {MOMENT}000 + i, {MOMENT}000 + i, 'None', {_PLACE}, 'READY'",
        )
        for kind in ("model", "prompt")
    ),
    *(
        (
            "model_version_tags",
            "workspace, name, version, key, value",
            f"'default', 'bench-prompt-' || i, 1, '{key}', '{value}'",
        )
        for key, value in (("mlflow.prompt.is_prompt", "true"), ("mlflow.prompt.text", "Say {{{{x}}}} kindly."))
    ),
    # Who created it manages it.
    *(
        (
            "role_permissions",
            "role_id, resource_type, resource_pattern, permission",
            f"{BASE} + 1 + (i - 1) % {{users}}, '{kind}', {pattern}, 'MANAGE'",
        )
        for kind, pattern in (
            ("experiment", f"'' || ({BASE} + i)"),
            ("registered_model", "'bench-model-' || i"),
            ("prompt", "'bench-prompt-' || i"),
        )
    ),
    *(
        (
            "prokube_resource_names",
            "kind, name, user_id, reserved_ms, pending, claim_id, healable",
            f"'{kind}', 'bench-{each}-' || i, {BASE} + 1 + (i - 1) % {{users}}, {MOMENT}000, false, '', true",
        )
        for kind, each in (
            ("experiment", "experiment"),
            ("registered_model", "model"),
            ("registered_model", "prompt"),
        )
    ),
    (
        "prokube_audit_events",
        "at, actor, action, target, client, detail",
        f"{MOMENT} + i, 'user-' || i || '@example.com', 'access_key.create', 'key-' || i, '192.0.2.1', '{{{{}}}}'",
    ),
)
MLFLOWS = {
    "experiments",
    "experiment_tags",
    "registered_models",
    "registered_model_tags",
    "model_versions",
    "model_version_tags",
}
_USERS = (
    ("users", "id, username, password_hash, is_admin", f"{BASE} + i, 'user-' || i || '@example.com', '!', false"),
    (
        "prokube_identities",
        "user_id, issuer, subject, display_name, admitted_by, disabled, last_login_at, last_confirmed_at, check_due, "
        "generation, blocked",
        f"{BASE} + i, 'https://keycloak.example.com/realms/bench', 'subject-' || i, 'User ' || i, "
        f"'groups\\:prokube-users', false, {MOMENT} + i, {MOMENT} + i, false, 0, false",
    ),
    ("prokube_user_names", "name, user_id", f"'user-' || i || '@example.com', {BASE} + i"),
    (
        "prokube_access_keys",
        "key_id, user_id, active_user_id, digest, created_at, expires_at",
        f"'key' || ({BASE} + i), {BASE} + i, {BASE} + i, 'no digest of anything: ' || i, {MOMENT}, {MOMENT} + 10000000",
    ),
    ("roles", "id, name, workspace", f"{BASE} + i, '__user_' || ({BASE} + i) || '__', 'default'"),
    ("user_role_assignments", "user_id, role_id", f"{BASE} + i, {BASE} + i"),
)
_TEAM_ROLE = f"{2 * BASE} + i"
_TEAMS = (
    ("roles", "id, name, workspace, description", f"{_TEAM_ROLE}, 'bench-team-' || i, 'default', 'A team.'"),
    ("prokube_teams", "id, name, from_keycloak, created_at", f"{BASE} + i, 'bench-team-' || i, false, {MOMENT}"),
    ("prokube_team_roles", "role_id, team_id, rule_id, workspace", f"{_TEAM_ROLE}, {BASE} + i, 0, 'default'"),
)
# For each team t, what it holds and who is in it; teams begin at other places, so that no two are alike.
_EACH_TEAM = (
    (
        "role_permissions",
        "{grants}",
        "role_id, resource_type, resource_pattern, permission",
        f"{2 * BASE} + {{t}}, 'experiment', '' || ({BASE} + 1 + (i + 1777 * {{t}}) % {{items}}), 'EDIT'",
    ),
    (
        "role_permissions",
        "{grants}",
        "role_id, resource_type, resource_pattern, permission",
        f"{2 * BASE} + {{t}}, 'registered_model', 'bench-model-' || (1 + (i + 1777 * {{t}}) % {{items}}), 'EDIT'",
    ),
    (
        "user_role_assignments",
        "{members}",
        "user_id, role_id",
        f"{BASE} + 1 + (i + 177 * {{t}}) % {{users}}, {2 * BASE} + {{t}}",
    ),
)


def seed(uri: str, size: Size, *, plain: bool = False) -> None:
    """Fill a database that a server has migrated; a plain MLflow's has tables for what it keeps alone."""
    engine = create_engine(uri)
    facts = {"users": size.users, "items": size.items, "grants": size.team_grants, "members": size.members}
    with engine.begin() as connection:
        for tables, count in ((_USERS, size.users), (_TEAMS, size.teams), (_ITEMS, size.items)):
            for table, columns, values in tables:
                if table in MLFLOWS or not plain:
                    _insert(connection, table, columns, values.format(**facts), count)
        for number in range(1, 1 if plain else size.teams + 1):
            for table, count_of, columns, values in _EACH_TEAM:
                count = int(count_of.format(**facts))
                _insert(connection, table, columns, values.format(t=number, **facts), count)
    if engine.dialect.name == "postgresql":  # as autovacuum would within minutes
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def _insert(connection: Connection, table: str, columns: str, values: str, count: int) -> None:
    numbers = _NUMBERS.format(count=count)
    connection.execute(text(f"INSERT INTO {table} ({columns}) {numbers} SELECT {values} FROM n"))
