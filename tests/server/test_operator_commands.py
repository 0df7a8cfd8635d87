"""The operators' commands on accounts, teams, keys and the audit trail; in this process, on a database of MLflow's."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from mlflow.store.tracking.dbmodels.models import SqlJob
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from mlflow_prokube_auth.cli.main import main
from mlflow_prokube_auth.identity.key_format import compose
from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.model import Admission, Resource, Team, keycloak
from mlflow_prokube_auth.services import Services, open_services
from mlflow_prokube_auth.settings import load
from mlflow_prokube_auth.store.database import migrate, open_engine

from ..support.commands import ALICE, SETTINGS
from ..support.people import acting, let_in

BOB = "bob@example.com"
Run = Callable[..., str]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """MLflow's own tables, made once: that takes a while."""
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder}/mlflow.db"
    store = SqlAlchemyStore(uri, f"{folder}/artifacts")
    for name in ("ops-one", "ops-two", "other"):
        store.create_experiment(name)
    migrate(open_engine(uri), migrate_mlflow)
    return uri


@pytest.fixture
def services(database: str, tmp_path: Path) -> Iterator[Services]:
    """A copy of it, in which alice and bob have logged in once."""
    copy = tmp_path / "mlflow.db"
    copy.write_bytes(Path(database.removeprefix("sqlite:///")).read_bytes())
    opened = open_services(load(SETTINGS), f"sqlite:///{copy}")
    for subject, name in (("s-1", ALICE), ("s-2", BOB)):
        let_in(
            opened,
            Admission("https://kc", subject, name, True, name.split("@")[0], ("prokube-users",), "prokube-users", None),
        )
    yield opened
    opened.database.engine.dispose()


def invoke(services: Services, *words: str) -> Result:
    return CliRunner().invoke(
        main, list(words), env={**SETTINGS, "MLFLOW_BACKEND_STORE_URI": services.database.uri}, catch_exceptions=False
    )


@pytest.fixture
def run(services: Services) -> Run:
    """What a command says on standard output."""

    def run(*words: str) -> str:
        done = invoke(services, *words)
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


@pytest.fixture
def refused(services: Services) -> Run:
    """What a refused command says on standard error; it has changed nothing."""

    def refused(*words: str) -> str:
        before = events(services)
        done = invoke(services, *words)
        assert (done.exit_code, done.stdout) == (1, "")
        assert events(services) == before
        return done.stderr

    return refused


def events(services: Services) -> list[dict[str, Any]]:
    said = invoke(services, "audit", "list", "--json").stdout
    return [json.loads(line) for line in said.splitlines()]


def audited(services: Services, action: str, target: str) -> None:
    """The newest event is this one, by an operator at the command; the grants that come of it stand beside it."""
    newest = next(event for event in events(services) if not event["action"].startswith("grant."))
    assert (newest["action"], newest["target"], newest["client"]) == (action, target, "cli")
    assert newest["actor"].startswith("operator ")


def grant(services: Services, username: str, pattern: str) -> None:
    """MANAGE on an experiment, as the engine grants it to its creator."""
    user = services.people.find(username)
    assert user is not None
    store = ProkubeStore(services.database, services.teams)
    store.init_db("")
    store.grant_if_absent(user.user_id, "default", "experiment", pattern, "MANAGE")


def team_of(services: Services, name: str) -> Team:
    found = services.teams.find(name)
    assert found is not None
    return found


def test_people_are_listed_as_a_table_and_as_json(run: Run) -> None:
    table = run("users", "list").splitlines()
    assert table[0].split()[:2] == ["USERNAME", "DISPLAY"]
    assert [line.split()[0] for line in table[1:]] == [ALICE, BOB]
    found = json.loads(run("users", "list", "--search", "BOB@", "--json"))
    assert [(each["username"], each["kind"], each["status"]) for each in found] == [(BOB, "person", "active")]
    assert "display name" in run("users", "show", ALICE)
    assert json.loads(run("users", "show", "Alice@Example.com", "--json"))[0]["username"] == ALICE


def test_an_unknown_account_is_refused_in_the_words_of_the_json_api(refused: Run) -> None:
    for command in ("show", "block", "unblock", "end-sessions", "delete"):
        assert refused("users", command, "nobody") == "Error: There is no account 'nobody'.\n"


def test_an_account_is_blocked_and_opened_again(services: Services, run: Run) -> None:
    assert run("users", "block", ALICE) == f"'{ALICE}' is blocked.\n"
    audited(services, "user.block", ALICE)
    found = services.accounts.find(ALICE)
    assert found is not None
    assert found.blocked
    run("users", "unblock", ALICE)
    audited(services, "user.unblock", ALICE)
    run("users", "end-sessions", ALICE)
    audited(services, "session.end", ALICE)


def test_an_account_that_alone_manages_something_needs_a_successor(services: Services, run: Run, refused: Run) -> None:
    grant(services, ALICE, "1")
    assert "alone manages 1 resources (experiment '1'). Name an account in 'successor'" in refused(
        "users", "delete", ALICE
    )
    assert "There is no account 'nobody'" in refused("users", "delete", ALICE, "--successor", "nobody")
    assert (
        run("users", "delete", ALICE, "--successor", BOB)
        == f"'{ALICE}' is deleted. '{BOB}' manages 1 resources more.\n"
    )
    audited(services, "user.delete", ALICE)
    assert [holder.name for holder in services.grants.holders(Resource("experiment", "1", "default"))] == [BOB]


def test_a_kept_name_is_refused_with_the_command_that_releases_it(
    services: Services, run: Run, refused: Run, tmp_path: Path
) -> None:
    assert "No former account names" in invoke(services, "users", "kept-names").stderr
    run("users", "delete", BOB)
    assert json.loads(run("users", "kept-names", "--search", "BOB", "--json")) == [{"name": BOB, "account": None}]
    password = tmp_path / "password"
    password.write_text("a password of the test's own")
    said = refused("break-glass", "set", BOB, "--password-file", str(password))
    assert f"release it: mlflow-prokube-auth users release-name {BOB}. Or choose an unused name" in said
    assert "No renamed or deleted account" in refused("users", "release-name", "nobody", "--yes")
    with services.database.write() as connection:
        job = {"id": "job-1", "job_name": "x", "params": "{}", "status": 3, "creator": BOB}  # 3: it has succeeded
        connection.execute(SqlJob.__table__.insert().values(**job))
    asked = CliRunner().invoke(
        main, ["users", "release-name", BOB], env={**SETTINGS, "MLFLOW_BACKEND_STORE_URI": services.database.uri},
        input="n\n",
    )  # fmt: skip
    assert asked.exit_code == 1
    assert "jobs   1" in asked.stdout, asked.output
    assert json.loads(run("users", "kept-names", "--json")) == [{"name": BOB, "account": None}]
    assert run("users", "release-name", BOB.upper(), "--yes") == f"'{BOB}' is released.\n"
    audited(services, "name.release", BOB)
    assert "is a local administrator now" in run("break-glass", "set", BOB, "--password-file", str(password))
    assert "is the name of an account" in refused("users", "release-name", BOB, "--yes")


def test_service_accounts_are_made_listed_and_deleted(services: Services, run: Run, refused: Run) -> None:
    assert "access-keys create trainer" in run("service-accounts", "create", "Trainer", "--description", "Nightly")
    audited(services, "service.create", "trainer")
    found = json.loads(run("service-accounts", "list", "--json"))
    assert [(each["username"], each["kind"], each["display_name"]) for each in found] == [
        ("trainer", "service", "Nightly")
    ]
    assert "belongs to another account here" in refused("service-accounts", "create", "trainer")
    assert "addresses are for people" in refused("service-accounts", "create", "new@example.com")
    assert "is not a service account" in refused("service-accounts", "delete", ALICE)
    assert run("access-keys", "create", "trainer", "--days", "7").startswith("pkt_")
    assert run("service-accounts", "delete", "trainer") == "'trainer' is deleted.\n"
    audited(services, "user.delete", "trainer")


def test_keys_that_expire_are_listed_and_revoked(services: Services, run: Run) -> None:
    now = int(time.time())
    for name, days in ((ALICE, 3), (BOB, 300)):
        person = services.people.find(name)
        assert person is not None
        services.access_keys.mint(
            compose(secrets.token_bytes(41)), person.user_id, now + days * 86400, acting(now, "test")
        )
    assert [each["username"] for each in json.loads(run("access-keys", "list", "--json"))] == [ALICE, BOB]
    assert [line.split()[0] for line in run("access-keys", "list", "--expiring", "14").splitlines()] == [
        "USERNAME",
        ALICE,
    ]
    assert "is revoked" in run("access-keys", "revoke", ALICE)
    assert events(services)[0]["action"] == "access_key.revoke"
    assert run("access-keys", "revoke", ALICE) == f"'{ALICE}' had no key.\n"
    assert json.loads(run("access-keys", "list", "--expiring", "14", "--json")) == []


def test_teams_are_made_filled_emptied_and_ended(services: Services, run: Run, refused: Run) -> None:
    assert run("teams", "create", "ops") == "Created the team 'ops'.\n"
    audited(services, "team.create", "ops")
    assert "The team or role 'ops' already exists" in refused("teams", "create", "ops")
    assert "MLflow's own" in refused("teams", "create", "__user_7__")
    run("teams", "join", "ops", ALICE)
    audited(services, "team.join", "ops")
    assert run("teams", "members", "ops") == f"{ALICE}\n"
    assert json.loads(run("users", "show", ALICE, "--json"))[0]["teams"] == ["ops"]
    run("teams", "leave", "ops", ALICE)
    audited(services, "team.leave", "ops")
    assert json.loads(run("teams", "members", "ops", "--json")) == []
    assert refused("teams", "members", "nowhere") == "Error: There is no team 'nowhere'.\n"
    run("teams", "delete", "ops")
    audited(services, "team.delete", "ops")
    assert json.loads(run("teams", "list", "--json")) == []


def test_the_members_of_keycloaks_teams_are_not_chosen_here(services: Services, run: Run, refused: Run) -> None:
    with services.database.write() as connection:
        services.teams.sync(connection, 1, ALICE, ["team-a"], keycloak(100))
    assert "follow its group in Keycloak" in refused("teams", "join", "team-a", BOB)
    run("service-accounts", "create", "trainer")
    run("teams", "join", "team-a", "trainer")
    assert "trainer" in run("teams", "members", "team-a")


def test_a_rule_holds_for_what_is_there(services: Services, run: Run, refused: Run) -> None:
    run("teams", "create", "ops")
    run("teams", "join", "ops", BOB)
    told = run("teams", "add-rule", "ops", "experiment", "ops-", "EDIT", "--dry-run")
    assert f"would open 2 resources with EDIT to the 1 members ({BOB})" in told
    assert "close new names with 'ops-' (experiment) to everyone except members and administrators" in told
    assert services.teams.rules() == []
    said = run("teams", "add-rule", "ops", "experiment", "ops-", "EDIT")
    assert said.endswith("it applies to 2 existing resources.\n")
    audited(services, "rule.create", "ops")
    grants, _ = services.grants.page(team="ops")
    assert {(each.resource.resource_type, each.holder.level) for each in grants} == {("experiment", "EDIT")}
    assert len(grants) == 2
    assert "EDIT on experiment ops-*" in run("teams", "list")
    twice = refused("teams", "add-rule", "ops", "experiment", "ops-", "READ")
    assert "already has a rule for experiment ops-*" in twice
    for words in (("dataset", "ops-", "EDIT"), ("experiment", "ops-*", "EDIT"), ("experiment", "ops-", "USE")):
        assert "expected" in refused("teams", "add-rule", "ops", *words)
    rule = json.loads(run("teams", "list", "--json"))[0]["rules"][0]["id"]
    run("teams", "delete-rule", str(rule))
    audited(services, "rule.delete", "ops")
    assert services.grants.page(team="ops")[1] == 0
    assert "There is no rule" in refused("teams", "delete-rule", str(rule))


def test_a_rule_is_not_made_where_mlflows_tables_are_not_to_be_had(
    services: Services, run: Run, tmp_path: Path
) -> None:
    run("teams", "create", "ops")
    words = ("teams", "add-rule", "ops", "experiment", "ops-", "EDIT")
    for backend in ("", str(tmp_path / "mlruns"), f"sqlite:///{tmp_path}/empty.db"):
        settings = {**SETTINGS, "PROKUBE_AUTH_DATABASE_URI": services.database.uri, "MLFLOW_BACKEND_STORE_URI": backend}
        done = CliRunner().invoke(main, list(words), env=settings, catch_exceptions=False)
        assert (done.exit_code, done.stdout, done.stderr[:7]) == (1, "", "Error: ")
        assert services.teams.rules() == []


def test_the_audit_trail_is_searched(services: Services, run: Run) -> None:
    run("teams", "create", "ops")
    run("users", "block", BOB)
    newest = run("audit", "list", "--actor", "operator", "--action", "block", "--target", "bob").splitlines()
    assert len(newest) == 2
    assert newest[1].split()[1] == "operator"
    assert run("audit", "list", "--since", "1h", "--target", "ops") != ""
    assert run("audit", "list", "--since", "2999-01-01") == ""
    done = invoke(services, "audit", "list", "--limit", "1", "--json")
    assert (len(done.stdout.splitlines()), "older events are not shown" in done.stderr) == (1, True)
    assert "expected 30m, 12h, 7d" in invoke(services, "audit", "list", "--since", "yesterday").output


def test_no_list_shows_a_key(services: Services, run: Run) -> None:
    key = run("access-keys", "create", ALICE, "--days", "7").strip()
    said = run("users", "list", "--json") + run("access-keys", "list") + run("audit", "list", "--json")
    assert key.split("_")[2] not in said
    assert "pkt_" not in said
