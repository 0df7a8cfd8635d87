"""What the parent process of ``mlflow server`` says, and what a worker logs."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from pydantic import SecretStr

from mlflow_prokube_auth.app import create
from mlflow_prokube_auth.logs import hide_starlettes_warning, show_ours
from mlflow_prokube_auth.prefix import misplaced
from mlflow_prokube_auth.settings import DatabaseSettings, SettingsError, load
from mlflow_prokube_auth.startup import (
    database_problem,
    database_uri,
    prepare,
    share,
    tell,
    unsafe,
    why_unanswered,
)

from ..support.settings import GOOD


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
    tell(
        load({**GOOD, "PROKUBE_AUTH_INTERNAL_HOSTS": "mlflow:5000", "PROKUBE_AUTH_EXTERNAL_URL": "https://MLflow.test"})
    )
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
    assert (
        f"WARNING: PROKUBE_AUTH_EXTERNAL_URL is {url}: cookies and access keys travel unencrypted." in said
    ) is warned


def test_a_server_that_cannot_start_says_so_with_the_whole_list(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**GOOD, "PROKUBE_AUTH_DATABASE_URI": "foo", "PROKUBE_AUTH_TOKEN_MAX_DAYS": "0"}.items():
        monkeypatch.setenv(name, value)
    with click.Context(click.Command("server")), pytest.raises(click.ClickException) as caught:
        prepare()
    first, *mistakes = caught.value.message.splitlines()
    assert first == "prokube-auth cannot start, 2 setting(s) to correct:"
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
        ("postgresql+psycopg2://user:hush@host/db", None),
        ("postgresql+psycopg://user:hush@host/db", None),
        ("mysql://user:hush@host/db", "the auth tables cannot be in mysql. MLflow's tracking tables may be there"),
        ("mysql+nonsense://user:hush@host/db", "the auth tables cannot be in mysql."),
        ("mssql+pyodbc://user:hush@host/db", "the auth tables cannot be in mssql."),
    ],
)
def test_what_is_wrong_with_a_database_is_told_without_asking_it(uri: str, told: str | None) -> None:
    problem = database_problem(uri)
    assert (problem or "").startswith(told or "")
    assert (problem is None) == (told is None)
    assert "hush" not in (problem or "")


def test_a_driver_that_was_never_tried_is_refused_before_anything_is_made() -> None:
    problem = database_problem("postgresql+psycopg_async://user:hush@host/db")
    assert problem == (
        "its driver was never tried with this plugin: found postgresql+psycopg_async, expected postgresql+psycopg or "
        "postgresql+psycopg2"
    )


@pytest.mark.parametrize("backend", ["mysql+pymysql://user:hush@host/db", "mssql+pyodbc://user:hush@host/db"])
def test_tracking_tables_that_the_auth_tables_cannot_join_are_no_hindrance(backend: str) -> None:
    alone = DatabaseSettings()
    assert database_problem(str(database_uri(alone, backend))) is not None
    beside = DatabaseSettings(database_uri=SecretStr("sqlite://"))
    assert database_problem(str(database_uri(beside, backend))) is None


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


@pytest.mark.parametrize(
    "prefix",
    [
        "/static", "/static-ui", "/static/x", "/staticky", "/health", "/health-mlflow", "/health/x", "/favicon.ico",
        "/favicon.ico-x", "/api", "/api/2.0", "/ajax-api", "mlflow", "/", "/mlflow/", "//mlflow", "/a//b", "/a/../b",
        "/..", "/a/.", "/.", "/%68ealth", "/a%2fb", "/a b", "/<x>", "/<path:x>", "/{x}", "/a?b", "/a#b", "/a;b",
        "/a\\b", "\\a", "/m\u00fclflow", "/a+b", "/a*", "/mlflow\n", " /mlflow",
    ],
)  # fmt: skip
def test_a_prefix_that_is_public_or_can_be_read_in_two_ways_is_refused_however_it_comes(prefix: str) -> None:
    for environ, options in (({}, {"static_prefix": prefix}), ({"_MLFLOW_STATIC_PREFIX": prefix}, {})):
        (mistake,) = misplaced(environ, options)
        assert mistake.startswith(f"--static-prefix (MLFLOW_STATIC_PREFIX): found {prefix!r}, expected a path ")
        assert "\n" not in mistake


@pytest.mark.parametrize(
    "prefix", ["/mlflow", "/a/b-c/d_e.f~1", "/my-static", "/x/health", "/apis", "/metrics", "", None]
)
def test_a_plain_prefix_and_none_are_no_mistake(prefix: str | None) -> None:
    assert misplaced({}, {"static_prefix": prefix}) == []


def test_an_option_counts_where_the_environment_has_another_prefix() -> None:
    assert misplaced({"_MLFLOW_STATIC_PREFIX": "/health-x"}, {"static_prefix": "/mlflow"}) == []


@pytest.mark.parametrize(
    ("environ", "options"),
    [
        ({}, {"uvicorn_opts": "--root-path /gateway --reload"}),
        ({}, {"uvicorn_opts": "--reload --root-path=/gateway"}),
        ({"UVICORN_ROOT_PATH": "/gateway"}, {}), ({"UVICORN_ROOT_PATH": "/gateway"}, {"uvicorn_opts": "--reload"}),
    ],
)  # fmt: skip
def test_a_root_path_of_uvicorn_is_refused(environ: dict[str, str], options: dict[str, str]) -> None:
    (mistake,) = misplaced(environ, options)
    assert mistake.startswith("--root-path of uvicorn (UVICORN_ROOT_PATH): found '/gateway', expected none.")


def test_other_options_of_uvicorn_are_no_mistake() -> None:
    assert misplaced({}, {"uvicorn_opts": "--log-level info --root-pathology x"}) == []


def test_a_server_for_artifacts_alone_needs_the_accounts_of_another_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PROKUBE_AUTH_DATABASE_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    context = click.Context(click.Command("server"))
    context.params = {"artifacts_only": True, "backend_store_uri": None}
    with context, pytest.raises(click.ClickException) as caught:
        prepare()
    assert "PROKUBE_AUTH_DATABASE_URI is not set; with --artifacts-only it names" in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_prefix_is_told_with_the_other_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    context = click.Context(click.Command("server"))
    context.params = {"static_prefix": "/health-mlflow", "backend_store_uri": "./mlruns"}
    with context, pytest.raises(click.ClickException) as caught:
        prepare()
    first, *mistakes = caught.value.message.splitlines()
    assert first == "prokube-auth cannot start, 2 setting(s) to correct:"
    assert mistakes[0] == (
        "  - --static-prefix (MLFLOW_STATIC_PREFIX): found '/health-mlflow', expected a path that does not begin with "
        "/static, /health, /favicon.ico: MLflow serves those without a login"
    )


def test_a_worker_refuses_a_prefix_that_its_parent_has_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**GOOD, "_MLFLOW_STATIC_PREFIX": "/health-mlflow"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="found '/health-mlflow'"):
        create()


@pytest.mark.parametrize(("set_to", "expected"), [(None, str(5 * 2**20)), ("123", "123")])
def test_the_gateway_unpacks_as_much_as_a_body_may_have(
    monkeypatch: pytest.MonkeyPatch, set_to: str | None, expected: str
) -> None:
    name = "MLFLOW_GATEWAY_MAX_DECOMPRESSED_REQUEST_SIZE"
    environ = {key: value for key, value in os.environ.items() if key != name} | ({name: set_to} if set_to else {})
    monkeypatch.setattr(os, "environ", environ)
    share(load({**GOOD, "PROKUBE_AUTH_MAX_BODY_MEBIBYTES": "5"}))
    assert environ[name] == expected
