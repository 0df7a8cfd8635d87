"""What real releases of mlflow-oidc-auth have is taken over, and MLflow's engine then decides as they do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from mlflow.server.auth.permissions import GrantLoadKey
from mlflow.server.auth.requirements import fold_grants_for_key
from mlflow.store.db.utils import _upgrade_db
from sqlalchemy import create_engine, func, select

from mlflow_prokube_auth.cli.main import main
from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.model import Admission
from mlflow_prokube_auth.moving.plan import as_here
from mlflow_prokube_auth.services import Services, open_services
from mlflow_prokube_auth.settings import load
from mlflow_prokube_auth.store.schema import audit_events, role_permissions, roles, user_role_assignments, users

from ..support.commands import SETTINGS
from ..support.long_forms import LONG_FORM
from ..support.migrated import make_tables
from ..support.oidc_auth import RELEASES, OldServer
from ..support.oidc_worlds import ANN, BEN, BOSS, CLEO, ROBOT, SMALL, large
from ..support.people import let_in

DENIES = {"DEFAULT_MLFLOW_PERMISSION": "NO_PERMISSIONS"}


class Moving:
    """An old server's database, MLflow's own, and ours."""

    def __init__(self, old: OldServer, release: str, source: str, uri: str, folder: Path, **settings: str) -> None:
        self.tracking = f"sqlite:///{folder}/mlflow.db"
        self.source, self.uri = source, uri
        self.made: dict[str, Any] = old.made_by(release, source, self.tracking, **settings)
        _upgrade_db(create_engine(self.tracking))
        self.services: Services = open_services(load(SETTINGS), uri)

    def run(self, *words: str) -> Result:
        environment = {
            **SETTINGS,
            "PROKUBE_AUTH_DATABASE_URI": self.uri,
            "MLFLOW_BACKEND_STORE_URI": self.tracking,
            "OIDC_USERS_DB_URI": self.source,
        }
        return CliRunner().invoke(main, ["import", "oidc-auth", *words], env=environment, catch_exceptions=False)

    def report(self, *words: str) -> dict[str, Any]:
        done = self.run(*words, "--json")
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def rows(self) -> list[int]:
        """How many of each there are."""
        tables = (users, roles, role_permissions, user_role_assignments, audit_events)
        with self.services.database.read() as connection:
            return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]

    def decides(self, user: str, kind: str, name: str) -> str:
        """The level that MLflow's engine finds in the tables."""
        return self.decided([[user, kind, name]])[0][3]

    def decided(self, questions: Iterable[Sequence[str]]) -> list[list[str]]:
        """User, kind, name and that level of each; one's grants on a kind are read once."""
        store = ProkubeStore(self.services.database, self.services.teams)
        store.init_db("")

        @cache
        def grants(user: str, kind: str) -> list[Any]:
            person = self.services.people.find(user)
            assert person is not None
            return list(store.list_grants(person.user_id, "default", [kind]))

        answers = []
        for user, kind, name, *_ in questions:
            key = self.made["ids"][name] if kind == "experiment" else name
            level = fold_grants_for_key(grants(user, kind), GrantLoadKey(kind, key))
            answers.append([user, kind, name, "DENY" if level is None else str(level.name)])
        return answers


Make = Callable[..., Moving]


@pytest.fixture
def make(request: pytest.FixtureRequest, uri: str, tmp_path: Path) -> Make:
    """Have a release make a world; its database and ours are of one kind."""

    def make(old: OldServer, release: str, **settings: str) -> Moving:
        postgres = None if uri.startswith("sqlite") else request.getfixturevalue("postgres")
        source = f"sqlite:///{tmp_path}/users.db" if postgres is None else postgres.new_database()
        make_tables(uri, postgres)
        return Moving(old, release, source, uri, tmp_path, **settings)

    return make


@pytest.mark.parametrize("release", RELEASES)
def test_mlflows_engine_decides_as_the_old_release_did(release: str, make: Make) -> None:
    moving = make(SMALL, release, **DENIES)
    before = moving.rows()
    rehearsed = moving.report("--default-permission", "NO_PERMISSIONS")
    assert moving.rows() == before
    done = moving.report("--default-permission", "NO_PERMISSIONS", "--apply")
    assert {**done, "applied": False} == rehearsed
    assert done["differences"] == []

    expected = [[user, kind, name, as_here(kind, level)] for user, kind, name, level in moving.made["decisions"]]
    assert expected == moving.decided(expected)

    after = moving.rows()
    assert {**moving.report("--default-permission", "NO_PERMISSIONS", "--apply"), "lines": []} == {**done, "lines": []}
    assert moving.rows() == after

    boss, robot = moving.services.people.find(BOSS), moving.services.accounts.find(ROBOT)
    assert boss is not None
    assert boss.is_admin
    assert robot is not None
    assert robot.is_service
    teams = {team.name: moving.services.teams.members(team) for team in moving.services.teams.everyone()}
    assert teams == {"team-a": [ANN, BEN], "team-b": [BEN, ROBOT], "empty": []}
    rules = [(team.name, rule.kind, rule.prefix, rule.permission) for rule, team in moving.services.teams.rules()]
    assert rules == [("team-b", "experiment", "team-b-", "EDIT")]
    dropped = [line["detail"] for line in done["lines"] if line["outcome"] == "dropped"]
    assert dropped == [f"MANAGE of '{ANN}' on model 'gone'"]

    # The first login binds the account, and Keycloak's groups are followed from then on.
    let_in(
        moving.services,
        Admission("https://kc", "s-ann", ANN, True, "Ann", ("prokube-users",), "prokube-users", None, ("new",)),
    )
    ann = moving.services.accounts.find(ANN)
    assert ann is not None
    assert [team.name for team in moving.services.teams.of(ann.user_id)] == ["new"]
    assert moving.decides(ANN, "experiment", "team-a-one") == "READ"
    moving.report("--default-permission", "NO_PERMISSIONS", "--apply")
    assert [team.name for team in moving.services.teams.of(ann.user_id)] == ["new"]


@pytest.mark.parametrize("uri", ["sqlite"], indirect=True)
def test_what_a_default_let_people_do_is_told_or_kept(make: Make) -> None:
    moving = make(SMALL, "5.7.0", DEFAULT_MLFLOW_PERMISSION="MANAGE")
    told = moving.report()
    assert {(each["why"], each["more"]) for each in told["differences"]} == {
        ("the default permission of the old server", False)
    }
    assert moving.report("--keep-access", "--apply")["differences"] == []
    kept = [[user, kind, name, as_here(kind, level)] for user, kind, name, level in moving.made["decisions"]]
    assert kept == moving.decided(kept)
    assert moving.decides(CLEO, "experiment", "team-a-one") == "MANAGE"


@pytest.mark.parametrize("uri", ["sqlite"], indirect=True)
def test_what_is_no_such_database_is_refused_with_what_is_known(make: Make, tmp_path: Path) -> None:
    moving = make(SMALL, "11.0.2", **DENIES)
    for source, expected in (
        (f"sqlite:///{tmp_path}/none.db", "there is no file"),
        (moving.tracking, "Expected a database of mlflow-oidc-auth, at one of the revisions"),
        (moving.uri, "there is no table 'alembic_version'"),
    ):
        done = moving.run("--users-db-uri", source)
        assert (done.exit_code, done.stdout) == (1, "")
        assert expected in done.stderr
    assert "expected some of user, group, regex, group-regex" in moving.run("--source-order", "user,role").stderr
    assert not (tmp_path / "none.db").exists()


@LONG_FORM
@pytest.mark.parametrize("uri", ["sqlite"], indirect=True)
def test_hundreds_of_users_and_thousands_of_permissions(make: Make) -> None:
    moving = make(large(), "11.0.2", **DENIES)
    done = moving.report("--apply")
    # MLflow has made the experiment "Default" itself.
    assert done["decisions"] == 300 * 501
    assert done["differences"] == []
    expected = [[user, kind, name, as_here(kind, level)] for user, kind, name, level in moving.made["decisions"]]
    # Administrators are told MANAGE by no grant.
    found = [row for row in expected if not (row[0].endswith("00@example.com"))]
    assert found == moving.decided(found)
