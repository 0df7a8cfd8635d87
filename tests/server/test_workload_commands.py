"""The operators' commands on workloads; in this process, on a database."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from mlflow_prokube_auth.cli.main import main
from mlflow_prokube_auth.services import Services

from ..support.commands import ALICE, SETTINGS

GITHUB = "https://token.actions.githubusercontent.com"
TRUST = {"PROKUBE_AUTH_TRUSTED_ISSUERS": f"{GITHUB} https://k8s.test"}
CLAIMS = ("--claim", "repository = org/repo", "--claim", "ref=refs/heads/*")


def invoke(services: Services, *words: str, **settings: str) -> Result:
    environ = {**SETTINGS, **TRUST, **settings, "PROKUBE_AUTH_DATABASE_URI": services.database.uri}
    return CliRunner().invoke(main, ["service-accounts", *words], env=environ, catch_exceptions=False)


@pytest.fixture(autouse=True)
def account(services: Services) -> None:
    assert invoke(services, "create", "trainer").exit_code == 0


def test_a_binding_is_added_listed_and_removed(services: Services) -> None:
    done = invoke(services, "workloads", "add", "trainer", "--issuer", GITHUB, *CLAIMS, "--expires-on", "2099-12-31")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        f"Tokens of {GITHUB} for https://mlflow.test/mlflow with these claims now log in as 'trainer'.\n"
    )
    [shown] = json.loads(invoke(services, "workloads", "list", "trainer", "--json").stdout)
    assert (shown["claims"], shown["state"]) == ({"ref": "refs/heads/*", "repository": "org/repo"}, "active")
    table = invoke(services, "workloads", "list", "trainer").stdout
    assert "ref = refs/heads/*, repository = org/repo" in table
    other = invoke(services, "workloads", "list", "trainer", "--json", PROKUBE_AUTH_TRUSTED_ISSUERS="https://k8s.test")
    assert json.loads(other.stdout)[0]["state"] == "not trusted"
    done = invoke(services, "workloads", "remove", "trainer", str(shown["id"]))
    assert (done.exit_code, done.stderr) == (0, "")
    assert "is not bound to any token" in invoke(services, "workloads", "list", "trainer").stderr
    audited = CliRunner().invoke(
        main, ["audit", "list", "--action", "workload.", "--json"],
        env={**SETTINGS, "PROKUBE_AUTH_DATABASE_URI": services.database.uri},
    )  # fmt: skip
    events = [json.loads(line) for line in audited.stdout.splitlines()]
    assert [(event["action"], event["target"], event["client"]) for event in events] == [
        ("workload.unbind", "trainer", "cli"), ("workload.bind", "trainer", "cli"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("add", "trainer", "--issuer", "https://evil.test", *CLAIMS),
            "'issuer' is 'https://evil.test', expected one of",
        ),
        (("add", "trainer", "--issuer", f"{GITHUB}/", *CLAIMS), "expected one of PROKUBE_AUTH_TRUSTED_ISSUERS"),
        (("add", "trainer", "--issuer", GITHUB, "--claim", "repository"), "expected NAME=VALUE"),
        (("add", "trainer", "--issuer", GITHUB, "--claim", "sub=a", "--claim", "sub=b"), "expected each claim once"),
        (("add", "trainer", "--issuer", GITHUB, "--claim", "ref=x"), "say nothing of who has the token"),
        (("add", "trainer", "--issuer", GITHUB, "--audience", "x", *CLAIMS), "expected a name of this server"),
        (("add", ALICE, "--issuer", GITHUB, *CLAIMS), f"'{ALICE}' is not a service account"),
        (("add", "nobody", "--issuer", GITHUB, *CLAIMS), "There is no account 'nobody'"),
        (("remove", "trainer", "99"), "has no binding with the number 99"),
        (("list", "nobody"), "There is no account 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_told(services: Services, words: tuple[str, ...], told: str) -> None:
    done = invoke(services, "workloads", *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert told in done.stderr
    assert services.workloads.of_issuer(GITHUB) == []


def test_settings_that_are_missing_or_wrong_are_told(services: Services) -> None:
    words = ("workloads", "add", "trainer", "--issuer", GITHUB, *CLAIMS)
    done = invoke(services, *words, PROKUBE_AUTH_TRUSTED_ISSUERS="")
    assert "This server trusts no issuer beside that of logins" in done.stderr
    done = invoke(services, *words, PROKUBE_AUTH_TRUSTED_ISSUERS="github")
    assert "PROKUBE_AUTH_TRUSTED_ISSUERS: found 'github'" in done.stderr
    done = invoke(services, *words, PROKUBE_AUTH_EXTERNAL_URL="")
    assert "PROKUBE_AUTH_EXTERNAL_URL" in done.stderr
