"""A realm that was imported again: the people are the same, their subjects are new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from click.testing import CliRunner, Result

from mlflow_prokube_auth.cli.main import main

from ..support.processes import free_port
from ..support.world import World, running_world

CURRENT = "/ajax-api/2.0/mlflow/users/current"
# Each test has people of its own: their identities change.
ALICE, BOB, MALLORY, ADMIN = (f"{name}@example.com" for name in ("alice", "bob", "mallory", "admin"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    with running_world(tmp_path_factory.mktemp("rebind"), f"http://127.0.0.1:{port}", port) as running:
        yield running


def imported_again(world: World, email: str) -> None:
    """The person gets another subject, as from Keycloak's import of a realm without its users' ids."""
    before = world.provider.accounts.by_email(email)
    world.provider.delete_user(email)
    world.provider.accounts[f"again-{before.subject}"] = replace(
        before, subject=f"again-{before.subject}", enabled=True
    )


def command(world: World, *words: str) -> Result:
    database = {"PROKUBE_AUTH_DATABASE_URI": f"sqlite:///{world.directory}/mlflow.db"}
    environ = {**database, "PROKUBE_AUTH_OIDC_ISSUER": world.provider.issuer}
    return CliRunner().invoke(main, ["users", "rebind", *words], env=environ)


def user_id(browser: httpx.Client) -> int:
    return int(browser.get(CURRENT).json()["user"]["id"])


def test_after_the_command_the_login_gets_the_account_with_its_key(world: World) -> None:
    browser, _ = world.log_in(ALICE)
    before, key = user_id(browser), world.make_key(browser).json()["access_key"]
    imported_again(world, ALICE)
    _, answer = world.log_in(ALICE)
    assert answer.status_code == 403
    assert f"mlflow-prokube-auth users rebind {ALICE}" in answer.text
    assert "subject 'again-demo-alice'" in world.log.read_text()
    shown = command(world, "--from", world.provider.issuer)
    assert shown.exit_code == 0, shown.output
    assert f"{ALICE}" in shown.stdout
    assert "Nothing was changed" in shown.stderr
    assert world.log_in(ALICE)[1].status_code == 403
    done = command(world, "--from", world.provider.issuer, "--apply")
    assert done.exit_code == 0, done.output
    again, answer = world.log_in(ALICE)
    assert answer.status_code == 302
    assert user_id(again) == before
    assert browser.get(CURRENT).status_code == 401  # the session of the identity before
    assert httpx.get(world.url + CURRENT, auth=(ALICE, key)).status_code == 200


def test_by_its_subject_an_account_is_bound_at_once(world: World) -> None:
    browser, _ = world.log_in(BOB)
    before = user_id(browser)
    imported_again(world, BOB)
    taken = command(world, BOB, "--subject", "again-demo-bob", "--apply")
    assert taken.exit_code == 0, taken.output
    again, _ = world.log_in(BOB)
    assert user_id(again) == before


def test_an_administrator_lets_it_be_bound_on_the_page_and_nobody_else_may(world: World) -> None:
    world.provider.set_groups(MALLORY, ["/prokube-users"])
    person, _ = world.log_in(MALLORY)
    before = user_id(person)
    admin, _ = world.log_in(ADMIN)
    path, origin = f"/prokube-auth/api/admin/accounts/rebind?user={MALLORY}", {"Origin": world.url}
    assert person.post(path, json={}, headers=origin).status_code == 403
    key = world.make_key(admin).json()["access_key"]
    by_key = httpx.post(world.url + path, json={}, auth=(ADMIN, key))
    assert by_key.status_code in (401, 403)
    imported_again(world, MALLORY)
    assert admin.post(path, json={}, headers=origin).status_code == 204
    again, _ = world.log_in(MALLORY)
    assert user_id(again) == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--from", "nonsense", "--to", "nonsense"], "expected a URL"),
        (["nobody@example.com"], "There is no account"),
        ([], "Expected the NAME of one account"),
        ([ALICE, "--from", "https://kc"], "Expected the NAME of one account"),
        (["--from", "https://kc", "--subject", "x"], "--subject applies to one account"),
        ([ALICE, "--subject", "x\ny"], "'subject'"),
        ([ADMIN, "--subject", "taken", "--apply"], "is bound to that identity"),
    ],
)
def test_what_does_not_fit_is_told(world: World, words: list[str], expected: str) -> None:
    world.log_in(ADMIN)
    world.sql(
        "INSERT OR IGNORE INTO users (id, username, password_hash, is_admin) VALUES (77, 'taken@example.com', '!', 0)"
    )
    world.sql(
        "INSERT OR IGNORE INTO prokube_identities (user_id, issuer, subject, display_name, admitted_by, disabled, "
        "last_confirmed_at, check_due, generation, blocked) VALUES (77, ?, 'taken', '', 'x', 0, 0, 0, 0, 0)",
        world.provider.issuer,
    )
    done = command(world, *words)
    assert done.exit_code != 0
    assert expected in done.stderr


def test_accounts_that_were_made_here_have_no_identity(world: World) -> None:
    database = {"PROKUBE_AUTH_DATABASE_URI": f"sqlite:///{world.directory}/mlflow.db"}
    CliRunner().invoke(main, ["service-accounts", "create", "trainer"], env=database)
    done = command(world, "trainer", "--apply")
    assert done.exit_code == 1
    assert "'trainer' was made here" in done.stderr
