"""The environment, parsed once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlflow_prokube_auth.cli.settings import page
from mlflow_prokube_auth.settings import DatabaseSettings, SettingsError, StoreSettings, TrustSettings, load, read
from mlflow_prokube_auth.trusted_issuers import Trust, TrustedIssuer

from ..support.settings import ELSEWHERE, GOOD

ROOT = Path(__file__).parents[2]


def test_good_settings_are_read() -> None:
    settings = load({**GOOD, "PROKUBE_AUTH_USER_GROUPS": "a, b"})
    assert settings.user_groups == ("a", "b")
    assert settings.base_path == "/mlflow/"
    assert settings.origin == "https://mlflow.test"
    assert settings.secure


def test_all_mistakes_are_told_at_once_with_variable_and_what_was_found() -> None:
    bad = {
        **GOOD,
        "PROKUBE_AUTH_OIDC_ISSUER": "keycloak",
        "PROKUBE_AUTH_TOKEN_MAX_DAYS": "400",
        "PROKUBE_AUTH_TYPO": "1",
    }
    del bad["PROKUBE_AUTH_OIDC_CLIENT_ID"]
    with pytest.raises(SettingsError) as caught:
        load(bad)
    text = str(caught.value)
    for part in (
        "4 setting(s)",
        "PROKUBE_AUTH_OIDC_ISSUER: found 'keycloak'",
        "PROKUBE_AUTH_OIDC_CLIENT_ID: is not set",
        "PROKUBE_AUTH_TOKEN_MAX_DAYS: found '400'",
        "PROKUBE_AUTH_TYPO is not a setting",
    ):
        assert part in text


def test_a_bad_secret_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        load({**GOOD, "PROKUBE_AUTH_SECRET_KEY": "too-short-secret"})
    assert "too-short-secret" not in str(caught.value)
    assert "found 16" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["/data", "mlflow-artifacts:/x", "mlflow-artifacts://h/x", "s3://", "https://h/x", "s3://b/../c", "s3:/b"]
)
def test_a_location_is_one_that_the_server_does_not_serve(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({**GOOD, "PROKUBE_AUTH_ARTIFACT_LOCATIONS": text})
    assert f"PROKUBE_AUTH_ARTIFACT_LOCATIONS: found '{text}', expected prefixes such as" in str(caught.value)


def test_locations_are_prefixes_without_a_slash_at_the_end() -> None:
    settings = load({**GOOD, "PROKUBE_AUTH_ARTIFACT_LOCATIONS": "s3://bucket/teams/, file:///data/mlflow"})
    assert settings.artifact_locations == ("s3://bucket/teams", "file:///data/mlflow")
    assert load({**GOOD, "PROKUBE_AUTH_ARTIFACT_LOCATIONS": ""}).artifact_locations == ()


def test_secrets_are_hidden_in_the_repr() -> None:
    assert "hush-hush" not in repr(load(GOOD))


def test_a_secret_may_come_from_a_file_but_not_from_two_places(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from-a-file\n")
    environ = {**GOOD, "PROKUBE_AUTH_OIDC_CLIENT_SECRET_FILE": str(file)}
    with pytest.raises(SettingsError, match="both set"):
        load(environ)
    del environ["PROKUBE_AUTH_OIDC_CLIENT_SECRET"]
    assert load(environ).oidc_client_secret.get_secret_value() == "from-a-file"


def test_the_settings_page_is_that_of_the_code() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == page()


def mistakes(**changes: str) -> list[str]:
    """What is told of good settings with these changes; each line without the prefix that all variables have."""
    with pytest.raises(SettingsError) as caught:
        load({**GOOD, **{f"PROKUBE_AUTH_{name}": value for name, value in changes.items()}})
    return [mistake.removeprefix("PROKUBE_AUTH_") for mistake in caught.value.mistakes]


URL = "expected a URL such as https://host/path"
HOST = "expected host or host:port, without a scheme or a path, such as mlflow.mlflow.svc:5000"
DATABASE = "expected an SQLAlchemy URI such as postgresql://user@host/db"
SECONDS = "expected whole seconds, at least 60, such as 28800"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("OIDC_CLIENT_ID", "", "found '', expected a value"),
        ("OIDC_CLIENT_ID", " ", "found ' ', expected a value"),
        ("OIDC_CLIENT_SECRET", "", "expected a value, found an empty one"),
        ("USERNAME_CLAIM", "", "found '', expected a value"),
        ("GROUPS_CLAIMS", "", "found '', expected at least one name"),
        ("ADMIN_GROUPS", ",", "found ',', expected at least one name"),
        ("OIDC_ISSUER", "", f"found '', {URL}"),
        ("EXTERNAL_URL", "https://host:port", f"found 'https://host:port', {URL}"),
        ("EXTERNAL_URL", "https://host/a b", f"found 'https://host/a b', {URL}"),
        ("EXTERNAL_URL", "https://u:hush@host", "expected a URL without user, query or fragment"),
        ("INTERNAL_HOSTS", "http://foo", f"found 'http://foo', {HOST}"),
        ("INTERNAL_HOSTS", "good:5000 foo/bar", f"found 'good:5000 foo/bar', {HOST}"),
        ("INTERNAL_HOSTS", "foo:http", f"found 'foo:http', {HOST}"),
        ("DATABASE_URI", "foo", f"found 'foo', {DATABASE}"),
        ("DATABASE_URI", "mongodb://user:hush@host/db", DATABASE),
        ("DATABASE_URI", "postgresql://user:hush@host:port/db", DATABASE),
        ("DATABASE_URI", "postgresql://user:hush", DATABASE),
        ("DATABASE_URI", "mysql+pymysql://user:hush@host/db", f"the auth tables cannot be in mysql. {ELSEWHERE}"),
        ("DATABASE_URI", "mssql+pyodbc://user:hush@host/db", f"the auth tables cannot be in mssql. {ELSEWHERE}"),
        ("REQUIRE_VERIFIED_EMAIL", "perhaps", "found 'perhaps', expected true or false"),
        ("SESSION_IDLE_SECONDS", "8h", f"found '8h', {SECONDS}"),
        ("SESSION_IDLE_SECONDS", "1", f"found '1', {SECONDS}"),
        ("LOGIN_SECONDS", "9999", "found '9999', expected whole seconds, from 60 to 3600, such as 600"),
        ("MAX_BODY_MEBIBYTES", "0", "found '0', expected whole mebibytes, at least 1, such as 32"),
        ("TOKEN_MAX_DAYS", "", "found '', expected whole days, from 1 to 365, such as 365"),
        ("DIRECTORY_CHECK", "on", "found 'on', expected one of auto, required, off"),
        ("SECRET_KEY", "hush", "expected at least 32 characters, found 4"),
    ],
)
def test_a_mistake_says_what_was_found_and_what_is_expected_once(name: str, value: str, told: str) -> None:
    assert mistakes(**{name: value}) == [f"{name}: {told}"]


@pytest.mark.parametrize("name", ["SUPPORT_CONTACT", "INTERNAL_HOSTS", "DATABASE_URI", "DATABASE_URI_FILE"])
def test_an_empty_variable_is_none_where_none_is_the_default(name: str) -> None:
    assert load({**GOOD, f"PROKUBE_AUTH_{name}": ""}) == load(GOOD)


@pytest.mark.parametrize("host", ["mlflow", "mlflow.mlflow.svc:5000", "[::1]:5000", "*.example.com", "10.0.0.1:*"])
def test_a_host_with_or_without_a_port_is_accepted(host: str) -> None:
    assert load({**GOOD, "PROKUBE_AUTH_INTERNAL_HOSTS": host}).internal_hosts == (host,)


def test_the_environment_of_the_process_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROKUBE_AUTH_OIDC_CLIENT_ID", "another")
    with pytest.raises(SettingsError, match="OIDC_CLIENT_ID: is not set"):
        load({name: value for name, value in GOOD.items() if name != "PROKUBE_AUTH_OIDC_CLIENT_ID"})


def test_a_file_that_cannot_be_used_is_told_once_and_its_text_never(tmp_path: Path) -> None:
    binary, word = tmp_path / "binary", tmp_path / "word"
    binary.write_bytes(b"\xff\xfe")
    word.write_text("hush")
    told = mistakes(
        OIDC_CLIENT_SECRET="", OIDC_CLIENT_SECRET_FILE=f"{tmp_path}/missing",
        SECRET_KEY="", SECRET_KEY_FILE=str(binary), DATABASE_URI_FILE=str(word),
    )  # fmt: skip
    assert sorted(told) == [
        f"DATABASE_URI_FILE: {DATABASE}",
        f"OIDC_CLIENT_SECRET_FILE: cannot read '{tmp_path}/missing' (No such file or directory)",
        f"SECRET_KEY_FILE: cannot read '{binary}' (it is no UTF-8 text)",
    ]


def test_an_unknown_variable_leads_to_the_command_that_lists_them() -> None:
    assert mistakes(TYPO="1") == ["TYPO is not a setting; `mlflow-prokube-auth settings` lists them"]
    assert re.findall(r"^\| `PROKUBE_AUTH_EXTERNAL_URL` \| required", page(), re.MULTILINE) != []


def test_commands_read_what_they_need_alone() -> None:
    environ = {"PROKUBE_AUTH_OIDC_ISSUER": "keycloak", "PROKUBE_AUTH_TOKEN_MAX_DAYS": "400"}
    assert read(DatabaseSettings, environ) == DatabaseSettings()
    with pytest.raises(SettingsError, match=r"^1 setting"):
        read(StoreSettings, environ)


def test_an_issuer_is_kept_as_it_is_written_and_discovery_begins_behind_its_slash() -> None:
    document = "https://kc.test/realms/r/.well-known/openid-configuration"
    for issuer in ("https://kc.test/realms/r", "https://kc.test/realms/r/"):
        settings = load({**GOOD, "PROKUBE_AUTH_OIDC_ISSUER": issuer})
        assert (settings.oidc_issuer, settings.discovery_url) == (issuer, document)
    root = load({**GOOD, "PROKUBE_AUTH_OIDC_ISSUER": "https://tenant.auth0.test/"})
    assert root.discovery_url == "https://tenant.auth0.test/.well-known/openid-configuration"


ISSUER_FORM = "expected https://issuer or https://issuer=/path/to/jwks.json"
GITHUB = "https://token.actions.githubusercontent.com"
PUBLIC = '{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}'


def test_trusted_issuers_are_read_with_the_files_of_their_keys(tmp_path: Path) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text(PUBLIC)
    listed = f"{GITHUB}, https://k8s.test/=" + f"{keys} http://10.0.0.1={keys}"
    settings = load({**GOOD, "PROKUBE_AUTH_TRUSTED_ISSUERS": listed})
    assert settings.trusted_issuers == (
        TrustedIssuer(GITHUB),
        TrustedIssuer("https://k8s.test/", str(keys)),
        TrustedIssuer("http://10.0.0.1", str(keys)),
    )
    issuers = (GITHUB, "https://k8s.test/", "http://10.0.0.1")
    assert settings.trust == Trust(issuers, ("https://mlflow.test/mlflow",))
    environ = {"PROKUBE_AUTH_TRUSTED_ISSUERS": listed, "PROKUBE_AUTH_WORKLOAD_AUDIENCES": "mlflow, ml"}
    assert read(TrustSettings, environ).trust == Trust(issuers, ("mlflow", "ml"))
    assert load(GOOD).trust == Trust((), ("https://mlflow.test/mlflow",))
    assert load({**GOOD, "PROKUBE_AUTH_TRUSTED_ISSUERS": "http://127.0.0.1:8080"}).trusted_issuers


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("github", f"found 'github', {ISSUER_FORM} instead of 'github'"),
        (f"{GITHUB} kubernetes/serviceaccount", f"{ISSUER_FORM} instead of 'kubernetes/serviceaccount'"),
        (f"{GITHUB}=jwks.json", f"{ISSUER_FORM}, with an absolute path, instead of '{GITHUB}=jwks.json'"),
        (f"{GITHUB}?x", f"{ISSUER_FORM} instead of '{GITHUB}?x'"),
        ("https://u:hush@host", ISSUER_FORM),
        ("http://issuer.test", "expected https, or a file of keys such as http://issuer.test=/path/to/jwks.json"),
        (f"{GITHUB} {GITHUB}", f"expected each issuer once, instead of '{GITHUB}' twice"),
        ("https://keycloak.test/realms/r", "which is PROKUBE_AUTH_OIDC_ISSUER: its tokens are for people"),
        ("https://keycloak.test/realms/r/", "which is PROKUBE_AUTH_OIDC_ISSUER: its tokens are for people"),
        ("https://a.test=/not/there", "expected a JWK Set in '/not/there', which cannot be read (No such file"),
    ],
)
def test_an_issuer_that_cannot_be_trusted_is_told(value: str, told: str) -> None:
    [mistake] = mistakes(TRUSTED_ISSUERS=value)
    assert told in mistake
    assert "hush" not in mistake


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no json", "which is no JSON"),
        ("[]", "which has no keys"),
        ('{"keys": []}', "which has no keys"),
        ('{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', "a private or symmetric key"),
        ('{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "c2VjcmV0"}]}', "a private or symmetric key"),
    ],
)
def test_a_file_of_keys_that_cannot_be_used_is_told_without_what_is_in_it(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(text)
    [mistake] = mistakes(TRUSTED_ISSUERS=f"https://a.test={file}")
    assert told in mistake
    assert "c2VjcmV0" not in mistake


@pytest.mark.parametrize(
    "audience",
    [
        "https://kubernetes.default.svc",
        "https://kubernetes.default.svc.cluster.local",
        "kubernetes",
        GITHUB,
        GITHUB + "/",
    ],
)
def test_an_audience_that_names_another_server_is_refused(audience: str) -> None:
    [mistake] = mistakes(TRUSTED_ISSUERS=GITHUB, WORKLOAD_AUDIENCES=f"mlflow {audience}")
    assert "expected names of this server" in mistake
    assert f"'{audience}' is an" in mistake
