"""What the doctor finds, with the embedded provider for Keycloak."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from mlflow_prokube_auth.cli.main import main
from mlflow_prokube_auth.demo.provider import DemoProvider
from mlflow_prokube_auth.doctor import examine as doctor
from mlflow_prokube_auth.identity.directory import Directory
from mlflow_prokube_auth.identity.faults import GrantRefused
from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.settings import load
from mlflow_prokube_auth.store.database import migrate, migrate_down, open_engine

from ..support.issuers import running_issuer
from ..support.processes import free_port, plugin_settings
from ..support.smtp import MailServer, certificate_for_loopback, mail_server

SECRET = "secret-of-the-client"
# No server runs there.
URL = f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def provider() -> Iterator[DemoProvider]:
    logouts = [f"{URL}/prokube-auth/logged-out", f"{URL}/prokube-auth/login"]
    with DemoProvider(
        client_id="mlflow",
        client_secret=SECRET,
        redirect_uris=[f"{URL}/prokube-auth/callback"],
        post_logout_redirect_uris=logouts,
    ) as running:
        yield running


@pytest.fixture
def environ(provider: DemoProvider, tmp_path: Path) -> dict[str, str]:
    """Settings with which all is well, but for a server that does not run."""
    uri = f"sqlite:///{tmp_path}/auth.db"
    migrate(open_engine(uri), migrate_mlflow)
    # With this the provider counts as a Keycloak.
    admin = f"{provider.issuer}/admin"
    return plugin_settings(provider.issuer, SECRET, URL, DATABASE_URI=uri, KEYCLOAK_ADMIN_URL=admin)


def examined(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """By what was looked at, level and text; one line each, no secret in any, and the exit code says the same."""
    done = CliRunner().invoke(main, ["doctor"], env=dict(environ), catch_exceptions=False)
    assert SECRET not in done.output
    assert environ["PROKUBE_AUTH_SECRET_KEY"] not in done.output
    lines = [re.fullmatch(r"(ok|warn|fail) +([^:]+): (.+)", line) for line in done.stdout.splitlines()]
    found = {match.group(2): (match.group(1), match.group(3)) for match in lines if match is not None}
    assert len(found) == len(lines)
    assert done.exit_code == (1 if "fail" in {level for level, _ in found.values()} else 0)
    return found


def test_where_all_is_well_nothing_fails(environ: dict[str, str]) -> None:
    found = examined(environ)
    assert {what: level for what, (level, _) in found.items()} == {
        "MLflow": "ok", "settings": "ok", "database": "ok", "discovery document": "ok", "clock": "ok", "keys": "ok",
        "client secret": "ok", "redirect URI": "ok",
        "view-users": "warn", "group paths": "warn", "external URL": "warn",
    }  # fmt: skip
    assert "keys of disabled users keep working" in found["view-users"][1]
    assert found["group paths"][1].startswith("unknown")


def test_each_trusted_issuer_is_asked_for_its_keys(environ: dict[str, str]) -> None:
    with running_issuer("x") as issuer:
        environ = {**environ, "PROKUBE_AUTH_TRUSTED_ISSUERS": issuer.url}
        assert examined(environ)["trusted issuer"] == ("ok", f"{issuer.url}: 1 key(s) that sign")
        issuer.fail()
        level, text = examined(environ)["trusted issuer"]
        assert level == "fail"
        assert f"no token of {issuer.url} can be checked: " in text
        assert "answers 503. Check PROKUBE_AUTH_TRUSTED_ISSUERS" in text


def test_of_a_provider_that_is_no_keycloak_nothing_is_said_as_if_it_were_one(environ: dict[str, str]) -> None:
    del environ["PROKUBE_AUTH_KEYCLOAK_ADMIN_URL"]
    found = examined({**environ, "PROKUBE_AUTH_PROVIDER_NAME": "Acme Login"})
    assert not {"view-users", "group paths"} & found.keys()
    assert found["client secret"] == ("ok", "Acme Login takes it (the client has no service account)")
    assert found["directory"][0] == "warn"
    assert "Acme Login is no Keycloak" in found["directory"][1]
    assert "Keycloak" not in str({what: text for what, text in found.items() if what != "directory"})
    for check, level in (("off", "ok"), ("required", "fail")):
        assert examined({**environ, "PROKUBE_AUTH_DIRECTORY_CHECK": check})["directory"][0] == level


@pytest.mark.parametrize(
    ("changes", "what", "words"),
    [
        ({"PROKUBE_AUTH_SECRET_KEY": "short"}, "settings", "at least 32 characters"),
        ({"PROKUBE_AUTH_NONSENSE": "1"}, "settings", "PROKUBE_AUTH_NONSENSE is not a setting"),
        ({"MLFLOW_BASIC_AUTH_FAIL_CLOSED": "false"}, "settings", "unset it"),
        ({"PROKUBE_AUTH_DATABASE_URI": "sqlite:////nowhere/auth.db"}, "database", "'/nowhere' does not exist"),
        ({"PROKUBE_AUTH_DATABASE_URI": "postgresql://a:hush@127.0.0.1:1/x"}, "database", "of 127.0.0.1:1/x"),
        ({"PROKUBE_AUTH_OIDC_ISSUER": "http://127.0.0.1:1"}, "discovery document", "does not answer (ConnectionError)"),
        ({"PROKUBE_AUTH_OIDC_CLIENT_SECRET": "another"}, "client secret", "PROKUBE_AUTH_OIDC_CLIENT_SECRET"),
        ({"PROKUBE_AUTH_OIDC_CLIENT_ID": "another"}, "client secret", "PROKUBE_AUTH_OIDC_CLIENT_ID"),
        ({"PROKUBE_AUTH_DIRECTORY_CHECK": "required"}, "view-users", "`view-users` of `realm-management`"),
    ],
)
def test_what_is_wrong_fails_and_says_what_to_do(
    environ: dict[str, str], changes: dict[str, str], what: str, words: str
) -> None:
    level, text = examined({**environ, **changes})[what]
    assert (level, words in text) == ("fail", True), text
    assert "hush" not in text


def test_a_redirect_uri_that_is_not_registered_fails(environ: dict[str, str]) -> None:
    found = examined({**environ, "PROKUBE_AUTH_EXTERNAL_URL": "http://127.0.0.1:1"})
    level, text = found["redirect URI"]
    assert (level, "http://127.0.0.1:1/prokube-auth/callback" in text) == ("fail", True), text


@pytest.mark.parametrize("file", ["there.db", "nowhere.db"])
def test_an_empty_database_is_fine_and_stays_empty(environ: dict[str, str], tmp_path: Path, file: str) -> None:
    path = tmp_path / file
    if file == "there.db":
        path.touch()
    # As README names it.
    del environ["PROKUBE_AUTH_DATABASE_URI"]
    level, text = examined({**environ, "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{path}"})["database"]
    assert (level, "the server makes them when it starts" in text) == ("ok", True), text
    assert path.exists() is (file == "there.db")
    assert not path.exists() or path.stat().st_size == 0


def test_another_issuer_is_told_with_both(environ: dict[str, str], provider: DemoProvider) -> None:
    other = {**environ, "PROKUBE_AUTH_OIDC_ISSUER": "https://elsewhere.test/realms/r"}
    other["PROKUBE_AUTH_OIDC_DISCOVERY_URL"] = f"{provider.issuer}/.well-known/openid-configuration"
    level, text = examined(other)["discovery document"]
    assert level == "fail"
    assert provider.issuer in text
    assert "https://elsewhere.test/realms/r" in text


def test_an_outage_and_older_tables_are_found(environ: dict[str, str], provider: DemoProvider) -> None:
    engine_ = open_engine(environ["PROKUBE_AUTH_DATABASE_URI"])
    migrate_down(engine_, "0007")
    engine_.dispose()
    provider.set_outage(True)
    try:
        found = examined(environ)
    finally:
        provider.set_outage(False)
    assert found["database"][0] == "fail"
    assert "mlflow-prokube-auth db upgrade" in found["database"][1]
    assert found["discovery document"] == ("fail", found["discovery document"][1])
    assert "answers 503" in found["discovery document"][1]
    assert "keys" not in found


@pytest.mark.parametrize(
    ("ahead", "level"), [(0, "ok"), (-29, "ok"), (31, "warn"), (-59, "warn"), (62, "fail"), (-3600, "fail")]
)
def test_clocks_apart_by_half_a_minute_warn_and_by_a_minute_fail(ahead: int, level: str) -> None:
    answer = requests.Response()
    answer.headers["Date"] = formatdate(1_700_000_000, usegmt=True)
    answer.elapsed = timedelta(seconds=0.2)
    now = 1_700_000_000.6 + ahead
    by_date = doctor._clock(doctor._ahead(answer, lambda: now), None, "Keycloak")
    by_token = doctor._clock(None, 1_700_000_000, "Keycloak", lambda: now)
    for found in (by_date, by_token):
        assert found.level == level, found
        assert ahead == 0 or ("before" if ahead > 0 else "behind") in found.text


def test_without_a_date_and_a_token_the_clock_is_unknown() -> None:
    assert doctor._ahead(requests.Response()) is None
    assert doctor._clock(None, None, "Keycloak").level == "warn"


class Mappers:
    """Keycloak's Admin REST API, as far as mappers go."""

    def __init__(self, own: list[Any], scope: list[Any], *, right: bool = True) -> None:
        self.own, self.scope, self.right = own, scope, right

    def endpoint(self, name: str) -> str:
        return "https://kc/realms/r/protocol/openid-connect/token"

    def get_json(self, url: str, token: str) -> Any:
        if not self.right:
            raise GrantRefused("status 403")
        if url.endswith("/clients?clientId=mlflow"):
            return [{"id": "c", "protocolMappers": self.own}]
        return [{"id": "s"}] if url.endswith("/clients/c/default-client-scopes") else self.scope


def mapper(**config: str) -> dict[str, Any]:
    return {"protocolMapper": doctor.GROUP_MAPPER, "config": {"claim.name": "groups", **config}}


@pytest.mark.parametrize(
    ("mappers", "level", "words"),
    [
        (Mappers([mapper(**{"full.path": "true"})], []), "ok", "full paths"),
        (Mappers([], [mapper(**{"full.path": "true"})]), "ok", "full paths"),
        # What a missing value means depends on Keycloak's release.
        (Mappers([], [mapper()]), "warn", "some releases"),
        (Mappers([mapper(**{"full.path": "true"}), mapper()], []), "warn", "some releases"),
        (Mappers([], [mapper(**{"full.path": "false"})]), "warn", "bare names"),
        (Mappers([], [mapper(**{"claim.name": "teams"})]), "warn", "no group mapper"),
        (Mappers([], [], right=False), "warn", "unknown"),
    ],
)
def test_bare_names_of_groups_are_warned_of(environ: dict[str, str], mappers: Mappers, level: str, words: str) -> None:
    settings = load(environ)
    directory = Directory(settings, mappers)  # type: ignore[arg-type]  # all that it asks for
    found = doctor._group_paths(settings, mappers, directory, "token")  # type: ignore[arg-type]  # likewise
    assert (found.level, words in found.text) == (level, True), found


@pytest.fixture
def mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    certificate = certificate_for_loopback(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with mail_server(certificate=certificate) as server:
        server.login = ("mailer", "password-of-the-mailer")
        yield server


def mailing(environ: dict[str, str], mail: MailServer, **other: str) -> tuple[str, str]:
    words = {"HOST": "127.0.0.1", "PORT": str(mail.port), "USERNAME": "mailer", "PASSWORD": "password-of-the-mailer"}
    words = {**words, "FROM": "mlflow@example.com", **other}
    found = examined({**environ, **{f"PROKUBE_AUTH_SMTP_{name}": text for name, text in words.items()}})
    assert words["PASSWORD"] not in str(found)
    return found["mail"]


def test_a_mail_server_that_accepts_e_mails_is_ok(environ: dict[str, str], mail: MailServer) -> None:
    where = f"127.0.0.1:{mail.port}"
    assert mailing(environ, mail) == ("ok", f"{where} accepts e-mails from mlflow@example.com")
    assert mail.received == []


def test_why_a_mail_server_accepts_no_e_mails_is_told(environ: dict[str, str], mail: MailServer) -> None:
    level, text = mailing(environ, mail, PASSWORD="another-password")
    assert (level, "refuses the login (535)" in text, "..._PASSWORD" in text) == ("warn", True, True)
    mail.refusals["mlflow@example.com"] = "550 not from here"
    level, text = mailing(environ, mail)
    assert (level, "refuses the sender mlflow@example.com (550)" in text) == ("warn", True)
    assert "not from here" not in text
    level, text = mailing(environ, mail, PORT=str(free_port()))
    assert (level, "does not accept e-mails (ConnectionRefusedError)" in text) == ("warn", True)
    mail.context = None
    level, text = mailing(environ, mail)
    assert (level, "offers no STARTTLS" in text) == ("warn", True)
