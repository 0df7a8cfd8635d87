"""The doctor in front of a real Keycloak, whose client gains and loses what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlflow_prokube_auth import doctor
from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.store.database import migrate, open_engine

from ..support.keycloak.server import Keycloak
from ..support.processes import free_port, plugin_settings


@pytest.fixture
def environ(keycloak: Keycloak, tmp_path: Path) -> dict[str, str]:
    uri = f"sqlite:///{tmp_path}/auth.db"
    migrate(open_engine(uri), migrate_mlflow)
    url = f"http://127.0.0.1:{free_port()}"
    return plugin_settings(keycloak.issuer, keycloak.client_secret, url, DATABASE_URI=uri)


def examined(environ: dict[str, str]) -> dict[str, doctor.Finding]:
    return {finding.what: finding for finding in doctor.examine(environ, None)}


@contextmanager
def right(keycloak: Keycloak, name: str, *, given: bool) -> Iterator[None]:
    """While it lasts, the client's service account has a role of ``realm-management``, or has it not."""
    admin, account = keycloak.admin, keycloak.admin.service_account(keycloak.client_id)
    management = admin.client("realm-management")["id"]
    role = [admin.call("GET", f"/clients/{management}/roles/{name}").json()]
    path = f"/users/{account}/role-mappings/clients/{management}"
    admin.call("POST" if given else "DELETE", path, role)
    try:
        yield
    finally:
        admin.call("DELETE" if given else "POST", path, role)


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
    assert found["tokens"].level == "ok"
    assert "seconds" in found["clock"].text  # Keycloak sends no Date, so a token tells


def test_a_wrong_secret_fails(environ: dict[str, str]) -> None:
    found = examined({**environ, "PROKUBE_AUTH_OIDC_CLIENT_SECRET": "another"})
    assert found["client secret"].level == "fail"
    assert "view-users" not in found


def test_without_the_right_to_look_up_users_it_warns(keycloak: Keycloak, environ: dict[str, str]) -> None:
    with right(keycloak, "view-users", given=False):
        found = examined(environ)
    assert (found["view-users"].level, "status 403" in found["view-users"].text) == ("warn", True)


def test_with_the_right_to_read_mappers_it_tells_full_paths_from_bare_names(
    keycloak: Keycloak, environ: dict[str, str]
) -> None:
    with right(keycloak, "view-clients", given=True):
        assert examined(environ)["group paths"].level == "ok"
        set_full_path(keycloak, "false")
        try:
            found = examined(environ)["group paths"]
        finally:
            set_full_path(keycloak, "true")
    assert (found.level, "bare names" in found.text) == ("warn", True)
