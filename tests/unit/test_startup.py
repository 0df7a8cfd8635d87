"""What the parent process of ``mlflow server`` says, and what a worker logs."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click
import pytest

from mlflow_prokube_auth.logs import hide_starlettes_warning, show_ours
from mlflow_prokube_auth.settings import load
from mlflow_prokube_auth.startup import database_problem, prepare, tell, unsafe, why_unanswered

from .test_settings import GOOD


@contextmanager
def bare_logger() -> Iterator[logging.Logger]:
    """Our logger as a worker finds it, without the handlers that pytest gives to a test; given back as it was."""
    ours = logging.getLogger("mlflow_prokube_auth")
    kept = ours.handlers, ours.level, ours.propagate
    ours.handlers, ours.propagate = [], False
    ours.setLevel(logging.NOTSET)
    try:
        yield ours
    finally:
        ours.handlers, ours.propagate = kept[0], kept[2]
        ours.setLevel(kept[1])


def test_an_audit_line_is_json_behind_time_and_level_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with bare_logger():
        show_ours()
        show_ours()  # a second app in one process logs no line twice
        logging.getLogger("mlflow_prokube_auth.audit").info(json.dumps({"action": "login"}))
    (line,) = capsys.readouterr().err.splitlines()
    time, _, rest = line.partition(" INFO ")
    assert len(time) == len("2026/01/31 12:00:00")
    assert rest == 'mlflow_prokube_auth.audit: {"action": "login"}'


def test_a_handler_of_the_operators_stays_the_only_one() -> None:
    theirs = logging.NullHandler()
    with bare_logger() as logger:
        logger.addHandler(theirs)
        logger.setLevel(logging.ERROR)
        show_ours()
        assert (logger.handlers, logger.level) == ([theirs], logging.ERROR)


def test_one_warning_of_one_module_is_hidden() -> None:
    text = "starlette.middleware.wsgi is deprecated and will be removed in a future release."
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        hide_starlettes_warning()
        for module in ("mlflow.server.fastapi_app", "another"):
            for message in (text, "something else"):
                warnings.warn_explicit(message, UserWarning, f"{module}.py", 1, module=module)
    assert [(str(one.message), one.filename) for one in seen] == [
        ("something else", "mlflow.server.fastapi_app.py"),
        (text, "another.py"),
        ("something else", "another.py"),
    ]


def test_the_accepted_hosts_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    tell(load({**GOOD, "PROKUBE_AUTH_INTERNAL_HOSTS": "mlflow:5000", "PROKUBE_AUTH_EXTERNAL_URL": "https://MLflow.test"}))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("[prokube-auth] Accepted hosts: mlflow.test, mlflow:5000, and MLflow's own list")
    assert "WARNING" not in said.err


@pytest.mark.parametrize(
    ("url", "warned"),
    [("http://mlflow.test", True), ("https://mlflow.test", False), ("http://127.0.0.1:5000", False),
     ("http://[::1]:5000", False), ("http://localhost:5000", False), ("http://10.0.0.1", True)],
)  # fmt: skip
def test_plain_http_beyond_this_computer_is_warned_of(
    url: str, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(load({**GOOD, "PROKUBE_AUTH_EXTERNAL_URL": url}))
    said = capsys.readouterr().err
    assert (f"WARNING: PROKUBE_AUTH_EXTERNAL_URL is {url}: cookies and access keys travel in clear." in said) is warned


def test_a_server_that_cannot_start_says_so_with_the_whole_list(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**GOOD, "PROKUBE_AUTH_DATABASE_URI": "foo", "PROKUBE_AUTH_TOKEN_MAX_DAYS": "0"}.items():
        monkeypatch.setenv(name, value)
    with click.Context(click.Command("server")), pytest.raises(click.ClickException) as caught:
        prepare()
    first, *mistakes = caught.value.message.splitlines()
    assert first == "prokube-auth cannot start, 2 setting(s) to mend:"
    assert [line.split(":")[0] for line in mistakes] == [
        "  - PROKUBE_AUTH_DATABASE_URI", "  - PROKUBE_AUTH_TOKEN_MAX_DAYS",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("sqlite:////nowhere/at/all/x.db", "the folder '/nowhere/at/all' does not exist"),
        ("sqlite://", None),
        ("postgresql+nonsense://user:hush@host/db", "postgresql+nonsense needs a driver"),
        ("postgresql://user:hush@host:port/db", "its URI is unreadable"),
    ],
)
def test_what_is_wrong_with_a_database_is_told_without_asking_it(uri: str, told: str | None) -> None:
    problem = database_problem(uri)
    assert (problem or "").startswith(told or "")
    assert (problem is None) == (told is None)
    assert "hush" not in (problem or "")


def test_an_error_of_a_database_names_its_host_and_never_its_user() -> None:
    uri = "postgresql://person:hush@db.test:5432/mlflow?password=hush"
    assert why_unanswered(uri, OSError("hush")) == "OSError of db.test:5432/mlflow"


@pytest.mark.parametrize("value", ["false", "False", "FALSE", "0", "no", "off", "", " false", "false ", "n", "f", "2"])
@pytest.mark.parametrize("name", ["MLFLOW_BASIC_AUTH_FAIL_CLOSED", "MLFLOW_SERVER_ENABLE_GRAPHQL_AUTH"])
def test_no_spelling_of_off_switches_a_protection_off(name: str, value: str) -> None:
    (mistake,) = unsafe({name: value})
    assert mistake == f"{name}: found {value!r}, which may switch off a protection; unset it"


@pytest.mark.parametrize("value", ["true", "True", "1", "yes", "on", "", " true", "t"])
def test_no_spelling_of_on_switches_the_check_of_hosts_and_origins_off(value: str) -> None:
    (mistake,) = unsafe({"MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": value})
    assert "may switch off a protection" in mistake


@pytest.mark.parametrize("value", ["true", "1", "yes", " false"])
def test_nobody_switches_on_that_users_run_python_in_the_server(value: str) -> None:
    (mistake,) = unsafe({"MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS": value})
    assert mistake.startswith(f"MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS: found {value!r}")


@pytest.mark.parametrize("name", ["MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"])
def test_a_server_has_no_credentials_for_another_and_none_is_told(name: str) -> None:
    (mistake,) = unsafe({name: "very-secret"})
    assert mistake.startswith(f"{name} is set")
    assert "very-secret" not in mistake


def test_switches_that_leave_protections_on_are_no_mistake() -> None:
    on = {"MLFLOW_BASIC_AUTH_FAIL_CLOSED": "True", "MLFLOW_SERVER_ENABLE_GRAPHQL_AUTH": "1"}
    assert unsafe({**on, "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "FALSE", "PATH": "/bin"}) == []
