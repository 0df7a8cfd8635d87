"""The environment, parsed once."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from mlflow_prokube_auth.settings import SettingsError, load

ROOT = Path(__file__).parents[2]
GOOD = {
    "PROKUBE_AUTH_OIDC_ISSUER": "https://keycloak.test/realms/r",
    "PROKUBE_AUTH_OIDC_CLIENT_ID": "mlflow",
    "PROKUBE_AUTH_OIDC_CLIENT_SECRET": "hush-hush",
    "PROKUBE_AUTH_EXTERNAL_URL": "https://mlflow.test/mlflow/",
    "PROKUBE_AUTH_SECRET_KEY": "k" * 32,
}


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
    page = runpy.run_path(str(ROOT / "docs" / "make_settings.py"))["page"]()
    assert (ROOT / "docs" / "settings.md").read_text() == page
