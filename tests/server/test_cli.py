"""The operators' command, as a process of its own on a database."""

from __future__ import annotations

import hmac
import re
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from mlflow_prokube_auth.identity.key_format import PATTERN, parse
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store.database import check_schema, head_revision, open_engine

from ..support.commands import ALICE, SETTINGS, audit_rows, refusal, run, uri
from ..support.processes import free_port

DAY = 86400


def test_a_key_is_printed_once_and_is_its_users(tmp_path: Path, services: Services) -> None:
    done = run(tmp_path, "access-keys", "create", ALICE, "--days", "7")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(PATTERN + "\n", done.stdout)
    assert not re.search(PATTERN, done.stderr)
    token = parse(done.stdout.strip())
    assert token is not None
    owner = services.access_keys.owner(token.key_id)
    assert owner is not None
    assert hmac.compare_digest(owner.digest, token.digest)
    assert owner.standing is not None
    assert (owner.person.username, owner.standing.disabled) == (ALICE, False)
    assert owner.key.ended_at is None
    assert owner.key.expires_at - owner.key.created_at == 7 * DAY


def test_the_key_of_an_operator_is_audited_without_the_key(tmp_path: Path, services: Services) -> None:
    done = run(tmp_path, "access-keys", "create", ALICE, "--days", "365")
    token = parse(done.stdout.strip())
    assert token is not None
    action, actor, target, client, detail = audit_rows(tmp_path)[-1]
    assert (action, target, client) == ("access_key.create", token.key_id, "cli")
    assert actor.startswith("operator ")
    for value in (action, actor, target, client, detail):
        assert token.text not in value
        assert token.text.split("_")[2] not in value
    assert token.text.encode() not in (tmp_path / "auth.db").read_bytes()


def test_a_second_key_replaces_the_first(tmp_path: Path, services: Services) -> None:
    first, second = (
        parse(run(tmp_path, "access-keys", "create", ALICE, "--days", "7").stdout.strip()) for _ in range(2)
    )
    assert first is not None
    assert second is not None
    owner = services.access_keys.owner(first.key_id)
    assert owner is not None
    assert owner.key.ended_by == "replaced"
    assert [row[0] for row in audit_rows(tmp_path)][-2:] == ["access_key.create", "access_key.replace"]


def test_a_users_name_is_found_in_any_case(tmp_path: Path, services: Services) -> None:
    done = run(tmp_path, "access-keys", "create", "Alice@Example.com", "--days", "7")
    assert done.returncode == 0, done.stderr
    token = parse(done.stdout.strip())
    assert token is not None
    owner = services.access_keys.owner(token.key_id)
    assert owner is not None
    assert owner.person.username == ALICE


@pytest.mark.parametrize("days", ["0", "366", "-1", "soon"])
def test_a_life_that_is_not_1_to_365_days_is_refused(tmp_path: Path, services: Services, days: str) -> None:
    before = audit_rows(tmp_path)
    words = refusal(run(tmp_path, "access-keys", "create", ALICE, "--days", days))
    assert "--days" in words
    assert days in words
    if days != "soon":
        assert "1<=x<=365" in words
    assert audit_rows(tmp_path) == before


def test_a_key_without_a_life_is_refused(tmp_path: Path, services: Services) -> None:
    assert "Missing option '--days'" in refusal(run(tmp_path, "access-keys", "create", ALICE))


def test_a_life_beyond_the_setting_is_refused_and_names_it(tmp_path: Path, services: Services) -> None:
    settings = {**SETTINGS, "PROKUBE_AUTH_DATABASE_URI": uri(tmp_path), "PROKUBE_AUTH_TOKEN_MAX_DAYS": "30"}
    words = refusal(run(tmp_path, "access-keys", "create", ALICE, "--days", "31", settings=settings))
    assert words == "Error: found --days 31, expected at most 30 (PROKUBE_AUTH_TOKEN_MAX_DAYS)\n"


def test_an_unknown_user_is_refused_by_name(tmp_path: Path, services: Services) -> None:
    before = audit_rows(tmp_path)
    words = refusal(run(tmp_path, "access-keys", "create", "nobody@example.com", "--days", "7"))
    assert words == "Error: there is no user 'nobody@example.com'; people appear with their first login\n"
    assert audit_rows(tmp_path) == before


def test_a_database_without_our_tables_is_refused_with_what_to_run(tmp_path: Path) -> None:
    words = refusal(run(tmp_path, "access-keys", "create", ALICE, "--days", "7"))
    assert "mlflow-prokube-auth db upgrade" in words


@pytest.mark.parametrize(
    "command", [("access-keys", "create", ALICE, "--days", "7"), ("db", "upgrade"), ("db", "downgrade", "base")]
)
def test_a_database_that_does_not_answer_is_told_in_words(tmp_path: Path, command: tuple[str, ...]) -> None:
    settings = {**SETTINGS, "PROKUBE_AUTH_DATABASE_URI": f"sqlite:///{tmp_path}/missing/auth.db"}
    words = refusal(run(tmp_path, *command, settings=settings))
    assert f"the folder '{tmp_path}/missing' does not exist" in words
    assert "PROKUBE_AUTH_DATABASE_URI" in words


@pytest.mark.parametrize("command", [("access-keys", "create", ALICE, "--days", "7"), ("db", "upgrade")])
def test_a_database_that_does_not_answer_is_named_without_its_password(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    port = free_port()
    settings = {"PROKUBE_AUTH_DATABASE_URI": f"postgresql://person:hush@127.0.0.1:{port}/mlflow?application_name=hush"}
    words = refusal(run(tmp_path, *command, settings=settings))
    assert f"OperationalError of 127.0.0.1:{port}/mlflow" in words
    assert "hush" not in words


def test_an_unknown_revision_is_told_in_words(tmp_path: Path, services: Services) -> None:
    words = refusal(run(tmp_path, "db", "downgrade", "nonsense"))
    assert "'nonsense'" in words
    assert "expected one of base, 0007, 0008" in words


def test_tables_of_another_version_are_told_in_words(tmp_path: Path, services: Services) -> None:
    with services.database.write() as connection:
        connection.execute(text("UPDATE alembic_version_prokube_auth SET version_num = '0006'"))
    for command in (("db", "upgrade"), ("teams", "list")):
        words = refusal(run(tmp_path, *command))
        assert "the auth tables are at revision 0006, expected one of 0007" in words


def test_db_upgrade_makes_the_tables_and_does_no_harm_twice(tmp_path: Path) -> None:
    said = []
    for _ in range(2):
        done = run(tmp_path, "db", "upgrade")
        assert (done.returncode, done.stderr) == (0, "")
        said.append(done.stdout)
        check_schema(open_engine(uri(tmp_path)))
    assert said == [f"The auth tables are at revision {head_revision()}.\n"] * 2


def test_db_upgrade_takes_the_tracking_backend_where_no_setting_names_a_database(tmp_path: Path) -> None:
    done = run(tmp_path, "db", "upgrade", "--backend-store-uri", uri(tmp_path), settings=SETTINGS)
    assert done.returncode == 0, done.stderr
    check_schema(open_engine(uri(tmp_path)))
    words = refusal(run(tmp_path, "db", "upgrade", settings=SETTINGS))
    assert "PROKUBE_AUTH_DATABASE_URI" in words
    assert "--backend-store-uri" in words


def test_db_upgrade_keeps_users_and_keys(tmp_path: Path, services: Services) -> None:
    token = parse(run(tmp_path, "access-keys", "create", ALICE, "--days", "7").stdout.strip())
    assert run(tmp_path, "db", "upgrade").returncode == 0
    assert token is not None
    owner = services.access_keys.owner(token.key_id)
    assert owner is not None
    assert owner.person.username == ALICE


def test_db_downgrade_drops_our_tables_and_upgrade_brings_them_back(tmp_path: Path, services: Services) -> None:
    assert run(tmp_path, "db", "downgrade", "base").returncode == 0
    with sqlite3.connect(tmp_path / "auth.db") as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert not [name for name in tables if name.startswith("prokube_")]
    assert "users" in tables
    assert run(tmp_path, "db", "upgrade").returncode == 0
    check_schema(open_engine(uri(tmp_path)))


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        (("db", "upgrade"), None),
        (("access-keys", "create", ALICE, "--days", "7"), "MLFLOW_BACKEND_STORE_URI"),
        (("db", "downgrade", "base"), "PROKUBE_AUTH_DATABASE_URI"),
    ],
)
def test_a_command_needs_the_database_and_no_other_setting(
    tmp_path: Path, services: Services, command: tuple[str, ...], variable: str | None
) -> None:
    options = () if variable else ("--backend-store-uri", uri(tmp_path))
    settings = {"PROKUBE_AUTH_OIDC_ISSUER": "keycloak", **({variable: uri(tmp_path)} if variable else {})}
    done = run(tmp_path, *command, *options, settings=settings)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_text_that_is_no_database_is_told_with_what_is_expected(tmp_path: Path) -> None:
    settings = {"PROKUBE_AUTH_DATABASE_URI": "foo"}
    words = refusal(run(tmp_path, "db", "upgrade", settings=settings))
    assert words == (
        "Error: 1 setting(s) to correct:\n"
        "  - PROKUBE_AUTH_DATABASE_URI: found 'foo', expected an SQLAlchemy URI such as postgresql://user@host/db\n"
    )


def test_a_command_without_a_database_names_every_way_to_name_one(tmp_path: Path) -> None:
    ways = ("PROKUBE_AUTH_DATABASE_URI", "--backend-store-uri", "MLFLOW_BACKEND_STORE_URI")
    words = refusal(run(tmp_path, "access-keys", "create", ALICE, "--days", "7", settings={}))
    assert [way for way in ways if way not in words] == []
    assert "[env var: MLFLOW_BACKEND_STORE_URI]" in " ".join(run(tmp_path, "db", "upgrade", "--help").stdout.split())


def test_settings_prints_the_page_of_all_settings(tmp_path: Path) -> None:
    done = run(tmp_path, "settings", settings={})
    assert (done.stdout, done.stderr) == ((Path(__file__).parents[2] / "docs" / "settings.md").read_text(), "")
