"""The operators' command, in this process."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from mlflow_prokube_auth.cli.main import main

GROUPS = [name for name, command in main.commands.items() if isinstance(command, click.Group)]


@pytest.mark.parametrize("words", [[], *([name] for name in GROUPS)], ids=" ".join)
def test_the_one_line_help_of_a_command_is_whole(words: list[str]) -> None:
    said = CliRunner().invoke(main, [*words, "--help"], terminal_width=80).output
    lines = said.split("Commands:\n", 1)[1].splitlines()
    assert lines != []
    assert [line for line in lines if not line.endswith(".") or line.endswith("...")] == []
