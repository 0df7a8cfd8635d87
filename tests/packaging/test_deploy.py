"""What stands in ``deploy/``, the Dockerfile and ``docker-compose.yml``, as far as it can be tried without Docker."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..support.keycloak.distribution import VERSION

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".env.example"
ONE_SHOTS = {"bucket"}
NEED_EVERYTHING = bool(os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"))


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"])


def example() -> dict[str, str]:
    lines = [line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_docker_compose_accepts_the_file_with_the_example_settings() -> None:
    program = shutil.which("docker-compose")
    if program is None:
        reason = "no docker-compose was found: install your system's `docker-compose` package to check the file"
        if NEED_EVERYTHING:
            pytest.fail(reason)
        pytest.skip(reason)
    command = [program, "--env-file", str(EXAMPLE), "--file", str(ROOT / "docker-compose.yml"), "config"]
    done = subprocess.run([*command, "-q"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "KC_PROXY_HEADERS": "xforwarded"}
    ).stdout
    assert yaml.safe_load(said)["services"]["keycloak"]["environment"]["KC_PROXY_HEADERS"] == "xforwarded"


def test_the_example_names_every_variable_and_no_other() -> None:
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    assert set(example()) == used


def test_no_secret_has_a_default_and_the_examples_are_marked(services: dict[str, dict[str, Any]]) -> None:
    secrets = {name for name in example() if name.endswith(("PASSWORD", "SECRET", "SECRET_KEY"))}
    assert len(secrets) >= 6
    for name in secrets:
        assert "for-development-only" in example()[name]
    text = yaml.safe_dump(services)
    for name in secrets:
        assert f"${{{name}:?" in text
        assert f"${{{name}:-" not in text
        assert f"${{{name}}}" not in text


def test_every_image_is_pinned(services: dict[str, dict[str, Any]]) -> None:
    stages = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert stages
    for image in [*stages, *(service["image"] for service in services.values())]:
        name, _, tag = image.rpartition(":")
        assert name, image
        # A minor release, or MinIO's date.
        assert re.match(r"(?:\d+\.\d+|RELEASE\.\d{4})", tag), image
    assert services["keycloak"]["image"].endswith(f":{VERSION}")


def test_every_service_that_stays_says_whether_it_is_healthy(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) >= {"postgres", "keycloak", "minio", "mlflow"} | ONE_SHOTS
    for name, service in services.items():
        if name not in ONE_SHOTS:
            assert service["healthcheck"]["test"], name


def test_keycloak_is_reached_inside_by_another_name_than_its_issuers(services: dict[str, dict[str, Any]]) -> None:
    ours, keycloak = services["mlflow"]["environment"], services["keycloak"]["environment"]
    assert ours["PROKUBE_AUTH_OIDC_ISSUER"] == keycloak["KC_HOSTNAME"] + "/realms/prokube"
    assert ours["PROKUBE_AUTH_OIDC_DISCOVERY_URL"].startswith("http://keycloak:8080/realms/prokube/")
    assert keycloak["KC_HOSTNAME_BACKCHANNEL_DYNAMIC"] == "true"
    assert keycloak["PROKUBE_BACKCHANNEL_URL"].removeprefix("http://") == ours["PROKUBE_AUTH_INTERNAL_HOSTS"]


def test_keycloak_gets_proxy_headers_where_they_are_set_and_never_an_empty_text(
    services: dict[str, dict[str, Any]],
) -> None:
    assert services["keycloak"]["environment"]["KC_PROXY_HEADERS"] is None
    assert re.findall(r"^#KC_PROXY_HEADERS=(\w+)$", EXAMPLE.read_text(), re.MULTILINE) == ["xforwarded"]


def test_the_image_runs_as_an_ordinary_user() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line.split()[1] for line in lines if line.startswith("USER")] == ["mlflow"]


@pytest.fixture(scope="module")
def realm() -> dict[str, Any]:
    return dict(json.loads((ROOT / "deploy" / "keycloak" / "prokube-realm.json").read_text()))


def test_the_realms_client_is_as_strict_as_the_server_expects(realm: dict[str, Any]) -> None:
    (client,) = realm["clients"]
    expected = {
        "clientId": "${PROKUBE_CLIENT_ID:mlflow}",
        "secret": "${PROKUBE_CLIENT_SECRET}",
        "publicClient": False,
        "redirectUris": ["${PROKUBE_EXTERNAL_URL}/prokube-auth/callback"],
        "standardFlowEnabled": True,
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "serviceAccountsEnabled": True,
        "frontchannelLogout": False,
    }
    assert {key: client[key] for key in expected} == expected
    attributes = {
        "pkce.code.challenge.method": "S256",
        "oauth2.device.authorization.grant.enabled": "true",
        "post.logout.redirect.uris": (
            "${PROKUBE_EXTERNAL_URL}/prokube-auth/logged-out##${PROKUBE_EXTERNAL_URL}/prokube-auth/login"
        ),
        "backchannel.logout.url": "${PROKUBE_BACKCHANNEL_URL}/prokube-auth/backchannel-logout",
        "backchannel.logout.session.required": "true",
    }
    assert {key: client["attributes"][key] for key in attributes} == attributes


def test_the_realms_tokens_carry_full_group_paths_and_the_clients_audience(realm: dict[str, Any]) -> None:
    mappers = {mapper["protocolMapper"]: mapper["config"] for mapper in realm["clients"][0]["protocolMappers"]}
    groups = mappers["oidc-group-membership-mapper"]
    assert (groups["claim.name"], groups["full.path"]) == ("groups", "true")
    for where in ("id.token.claim", "access.token.claim", "userinfo.token.claim"):
        assert groups[where] == "true"
    audience = mappers["oidc-audience-mapper"]
    assert audience["included.client.audience"] == realm["clients"][0]["clientId"]
    assert audience["access.token.claim"] == "true"


def test_the_realm_brings_its_groups_the_directory_right_and_no_person(realm: dict[str, Any]) -> None:
    assert {group["name"] for group in realm["groups"]} == {"prokube-users", "prokube-admins"}
    (account,) = realm["users"]
    assert account["serviceAccountClientId"] == realm["clients"][0]["clientId"]
    assert account["clientRoles"] == {"realm-management": ["view-users", "query-users"]}
    assert "credentials" not in account
    assert realm["bruteForceProtected"] is True
    # Any of these keys would take the place of the built-in scopes, `basic` with its `sub` among them.
    assert not {"clientScopes", "defaultDefaultClientScopes"} & set(realm)
    assert not {"defaultClientScopes", "optionalClientScopes"} & set(realm["clients"][0])


def test_a_newcomer_is_told_that_make_demo_installs_first(tmp_path: Path) -> None:
    program = shutil.which("make")
    if program is None:
        pytest.skip("no make was found")
    command = [program, "--dry-run", "demo", f"VENV={tmp_path}/venv"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    told, installed = said.index(f"Installing into {tmp_path}/venv; this takes"), said.index("pip install --quiet")
    assert told < installed


@pytest.mark.skipif(
    not NEED_EVERYTHING, reason="installs MLflow from scratch; set PROKUBE_TESTS_NEED_EVERYTHING=1 to run it"
)
def test_the_images_commands_install_a_server_into_an_empty_environment(tmp_path: Path) -> None:
    # Built from nothing but what the Dockerfile's first stage copies.
    source = tmp_path / "src"
    source.mkdir()
    for copied in re.findall(r"^COPY (?!--|deploy)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE):
        for name in copied.split():
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(source)]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    # A PYTHONPATH that names this checkout would answer in the place of what was installed.
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    alone["PIP_NO_COMPILE"] = "1"  # half of the time, for files that nobody loads here
    install = [ROOT / "deploy" / "install.sh", wheel, python]
    subprocess.run(install, check=True, cwd=tmp_path, env=alone, stdout=subprocess.DEVNULL)
    done = subprocess.run(
        [python, "-c", "import mlflow_prokube_auth as p; print(p.__file__)"],
        check=True, capture_output=True, text=True, cwd=tmp_path, env=alone,
    )  # fmt: skip
    assert done.stdout.startswith(str(tmp_path))
