"""``mlflow-prokube-auth break-glass``: set, remove and list local administrators; no password is ever told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mlflow_prokube_auth.cli.main import main
from mlflow_prokube_auth.model import Person
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store.local_admins import Refused

from ..support.commands import ALICE, SETTINGS, audit_rows, refusal, run, uri
from ..support.people import acting

PASSWORD = "correct horse battery staple"


def password_file(folder: Path, content: bytes = PASSWORD.encode() + b"\n") -> str:
    path = folder / "password"
    path.write_bytes(content)
    return str(path)


def prompted(folder: Path, monkeypatch: pytest.MonkeyPatch, *typed: str) -> Result:
    """``break-glass set root`` with these lines typed."""
    for name, value in {**SETTINGS, "PROKUBE_AUTH_DATABASE_URI": uri(folder)}.items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(main, ["break-glass", "set", "root"], input="".join(f"{line}\n" for line in typed))


def set_root(folder: Path) -> None:
    done = run(folder, "break-glass", "set", "Root", "--password-file", password_file(folder))
    assert done.returncode == 0, done.stderr


def test_set_with_a_file_makes_an_administrator_and_says_where_the_login_is(tmp_path: Path, services: Services) -> None:
    done = run(tmp_path, "break-glass", "set", "Root", "--password-file", password_file(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "'root' is a local administrator now; the login is at https://mlflow.test/mlflow/prokube-auth/login/local\n"
    )
    found = services.local_admins.check("root", PASSWORD, acting(int(time.time()), "anonymous"))
    assert isinstance(found, Person)
    action, actor, target, client, _ = audit_rows(tmp_path)[1]
    assert (action, target, client) == ("local_admin.set", "root", "cli")
    assert actor.startswith("operator ")


def test_set_asks_twice(tmp_path: Path, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    done = prompted(tmp_path, monkeypatch, PASSWORD, PASSWORD)
    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    assert isinstance(services.local_admins.check("root", PASSWORD, acting(int(time.time()), "anonymous")), Person)


def test_set_asks_again_where_the_two_differ(
    tmp_path: Path, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = prompted(tmp_path, monkeypatch, PASSWORD, PASSWORD + "x", PASSWORD, PASSWORD)
    assert done.exit_code == 0, done.output
    assert "do not match" in done.output
    assert PASSWORD not in done.output


def test_set_again_is_a_new_password(tmp_path: Path, services: Services) -> None:
    set_root(tmp_path)
    again = password_file(tmp_path, b"another long password")
    done = run(tmp_path, "break-glass", "set", "root", "--password-file", again)
    assert "'root' has a new password" in done.stdout
    assert services.local_admins.check("root", PASSWORD, acting(int(time.time()), "anonymous")) is Refused.WRONG
    assert [row[0] for row in audit_rows(tmp_path)][1:3] == ["local_admin.set", "local_admin.replace"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"thirteenchars\n", "Error: expected a password of 14 to 1024 characters, found 13\n"),
        (b"", "Error: expected a password of 14 to 1024 characters, found 0\n"),
        (b"secret\xff" * 4, "Error: the password file is not UTF-8 text\n"),
    ],
)
def test_a_password_that_cannot_be_one_is_refused_and_not_quoted(
    tmp_path: Path, services: Services, content: bytes, expected: str
) -> None:
    said = refusal(run(tmp_path, "break-glass", "set", "root", "--password-file", password_file(tmp_path, content)))
    assert said == expected
    assert not services.local_admins.exist()


def test_a_short_password_at_the_prompt_is_refused(
    tmp_path: Path, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = prompted(tmp_path, monkeypatch, "too-short", "too-short")
    assert done.exit_code == 1
    assert "Error: expected a password of 14 to 1024 characters, found 9" in done.output
    assert "too-short" not in done.output


def test_there_is_no_way_to_put_the_password_on_the_command_line(tmp_path: Path, services: Services) -> None:
    assert "No such option" in refusal(run(tmp_path, "break-glass", "set", "root", "--password", PASSWORD))
    assert "unexpected extra argument" in refusal(run(tmp_path, "break-glass", "set", "root", PASSWORD))
    assert not services.local_admins.exist()


def test_the_password_may_come_from_standard_input(tmp_path: Path, services: Services) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("mlflow-prokube-auth")), "break-glass", "set", "root",
         "--password-file", "-"],
        env={**os.environ, **SETTINGS, "PROKUBE_AUTH_DATABASE_URI": uri(tmp_path)},
        input=PASSWORD, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert services.local_admins.exist()


def test_a_name_of_somebody_in_keycloak_is_refused_with_what_to_do(tmp_path: Path, services: Services) -> None:
    said = refusal(run(tmp_path, "break-glass", "set", ALICE, "--password-file", password_file(tmp_path)))
    assert said.startswith(f"Error: The user name '{ALICE}' belongs to another account here.")
    assert "Choose an unused name" in said
    assert not services.local_admins.exist()


def test_a_name_that_cannot_be_one_is_refused_before_any_password_is_asked(tmp_path: Path, services: Services) -> None:
    said = refusal(run(tmp_path, "break-glass", "set", "a:b"))
    expected = "Expected 1 to 255 visible characters without blanks and without ':'"
    assert said == f"Error: 'a:b' can be no user name: it holds a ':'. {expected}\n"


def test_list_shows_names_logins_and_locks(tmp_path: Path, services: Services) -> None:
    empty = run(tmp_path, "break-glass", "list")
    assert (empty.returncode, empty.stdout) == (0, "")
    assert "There is no local administrator" in empty.stderr
    set_root(tmp_path)
    assert run(tmp_path, "break-glass", "list").stdout == "root: last login never\n"
    now = int(time.time())
    services.local_admins.check("root", PASSWORD, acting(now, "anonymous"))
    for _ in range(5):
        services.local_admins.check("root", "wrong", acting(now, "anonymous"))
    said = run(tmp_path, "break-glass", "list").stdout
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
    assert re.fullmatch(rf"root: last login {moment}, locked until {moment}\n", said)


def test_remove_ends_the_administrator_and_is_audited(tmp_path: Path, services: Services) -> None:
    set_root(tmp_path)
    done = run(tmp_path, "break-glass", "remove", "root")
    assert done.returncode == 0, done.stderr
    assert not services.local_admins.exist()
    action, actor, target, client, _ = audit_rows(tmp_path)[-1]
    assert (action, target, client) == ("local_admin.remove", "root", "cli")
    assert actor.startswith("operator ")
    said = refusal(run(tmp_path, "break-glass", "remove", "root"))
    assert said == "Error: there is no local administrator 'root'; `break-glass list` shows them\n"


def test_no_password_is_in_the_database_or_the_audit_trail(tmp_path: Path, services: Services) -> None:
    set_root(tmp_path)
    assert PASSWORD.encode() not in (tmp_path / "auth.db").read_bytes()
    assert all(PASSWORD not in value for row in audit_rows(tmp_path) for value in row)


def test_a_database_that_does_not_answer_is_told_in_words(tmp_path: Path) -> None:
    settings = {**SETTINGS, "PROKUBE_AUTH_DATABASE_URI": f"sqlite:///{tmp_path}/missing/auth.db"}
    for words in (("list",), ("remove", "root"), ("set", "root", "--password-file", password_file(tmp_path))):
        said = refusal(run(tmp_path, "break-glass", *words, settings=settings))
        assert "PROKUBE_AUTH_DATABASE_URI" in said
