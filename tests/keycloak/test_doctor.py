"""The doctor in front of a real Keycloak, whose client gains and loses what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlflow_prokube_auth.doctor import examine as doctor
from mlflow_prokube_auth.doctor.finding import Finding
from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.store.database import migrate, open_engine

from ..support.keycloak.roles import role
from ..support.keycloak.server import Keycloak
from ..support.processes import free_port, plugin_settings


@pytest.fixture
def environ(keycloak: Keycloak, tmp_path: Path) -> dict[str, str]:
    uri = f"sqlite:///{tmp_path}/auth.db"
    migrate(open_engine(uri), migrate_mlflow)
    url = f"http://127.0.0.1:{free_port()}"
    keycloak.admin.move_client(keycloak.client_id, url)
    return plugin_settings(keycloak.issuer, keycloak.client_secret, url, DATABASE_URI=uri)


def examined(environ: dict[str, str]) -> dict[str, Finding]:
    return {finding.what: finding for finding in doctor.examine(environ, None)}


def set_full_path(keycloak: Keycloak, value: str) -> None:
    client = keycloak.admin.client(keycloak.client_id)
    for mapper in client["protocolMappers"]:
        if mapper["protocolMapper"] == doctor.GROUP_MAPPER:
            mapper["config"]["full.path"] = value
            path = f"/clients/{client['id']}/protocol-mappers/models/{mapper['id']}"
            keycloak.admin.call("PUT", path, mapper)


def test_with_our_realm_file_nothing_fails(keycloak: Keycloak, environ: dict[str, str]) -> None:
    found = examined(environ)
    assert {what: each.level for what, each in found.items() if each.level != "ok"} == {
        "group paths": "warn",  # unknown: our client may not read mappers
        "external URL": "warn",  # no server runs there
    }
    assert found["group paths"].text.startswith("unknown")
    for what in ("tokens", "audience", "redirect URI"):
        assert found[what].level == "ok"
    assert "seconds" in found["clock"].text  # Keycloak sends no Date, so a token tells


def test_a_wrong_secret_fails(environ: dict[str, str]) -> None:
    found = examined({**environ, "PROKUBE_AUTH_OIDC_CLIENT_SECRET": "another"})
    assert found["client secret"].level == "fail"
    assert "view-users" not in found


def test_without_the_right_to_look_up_users_it_warns(keycloak: Keycloak, environ: dict[str, str]) -> None:
    with role(keycloak, "view-users", given=False):
        found = examined(environ)
    assert (found["view-users"].level, "status 403" in found["view-users"].text) == ("warn", True)


def test_tokens_without_our_audience_are_told(keycloak: Keycloak, environ: dict[str, str]) -> None:
    mapper = keycloak.admin.mappers(keycloak.client_id)["audience of MLflow"]
    keycloak.admin.delete_mapper(keycloak.client_id, "audience of MLflow")
    try:
        found = examined(environ)["audience"]
    finally:
        keycloak.admin.put_mapper(keycloak.client_id, mapper)
    assert (found.level, "Add an audience mapper" in found.text) == ("warn", True), found


def test_with_the_right_to_read_mappers_it_tells_full_paths_from_bare_names(
    keycloak: Keycloak, environ: dict[str, str]
) -> None:
    with role(keycloak, "view-clients", given=True):
        assert examined(environ)["group paths"].level == "ok"
        set_full_path(keycloak, "false")
        try:
            found = examined(environ)["group paths"]
        finally:
            set_full_path(keycloak, "true")
    assert (found.level, "bare names" in found.text) == ("warn", True)
