"""The operators' command, in this process."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from mlflow_prokube_auth.cli.main import main

from ..support.settings import ELSEWHERE, GOOD

GROUPS = [name for name, command in main.commands.items() if isinstance(command, click.Group)]


@pytest.mark.parametrize("words", [[], *([name] for name in GROUPS)], ids=" ".join)
def test_the_one_line_help_of_a_command_is_whole(words: list[str]) -> None:
    said = CliRunner().invoke(main, [*words, "--help"], terminal_width=80).output
    lines = said.split("Commands:\n", 1)[1].splitlines()
    assert lines != []
    assert [line for line in lines if not line.endswith(".") or line.endswith("...")] == []


def on_a_database(group: click.Group, *words: str) -> Iterator[list[str]]:
    """All commands that take the tracking backend, with something for each argument and option that they need."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from on_a_database(command, *words, name)
        elif any("--backend-store-uri" in each.opts for each in command.params):
            line = [*words, name]
            for each in command.params:
                if each.required:
                    value = each.type.choices[0] if isinstance(each.type, click.Choice) else "1"
                    line += [str(value)] if isinstance(each, click.Argument) else [each.opts[0], str(value)]
            yield line


COMMANDS = [line for line in on_a_database(main) if line != ["doctor"]]


@pytest.mark.parametrize("line", COMMANDS, ids=" ".join)
def test_no_command_works_on_a_database_where_the_auth_tables_cannot_be(
    line: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "mysql+pymysql://user:hush@127.0.0.1:9/db")
    done = CliRunner().invoke(main, line, input="long enough for a password\n" * 2)
    assert done.exit_code == 1, done.output
    assert f"Error: the auth database cannot be used: the auth tables cannot be in mysql. {ELSEWHERE}." in done.output


def test_doctor_says_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**GOOD, "PROKUBE_AUTH_OIDC_ISSUER": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, ["doctor", "--backend-store-uri", "mysql+pymysql://user:hush@127.0.0.1:9/db"])
    assert done.exit_code == 1
    assert f"fail  database: the auth tables cannot be in mysql. {ELSEWHERE}." in done.output


def test_all_commands_on_the_database_are_tried() -> None:
    assert len(COMMANDS) > 20
