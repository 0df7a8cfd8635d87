"""``mlflow.server.get_app_client("prokube-auth")`` and the table of JSON routes, against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow.exceptions import MlflowException

from mlflow_prokube_auth.api_routes import ROUTES, SHAPES, Field
from mlflow_prokube_auth.client import ProkubeAuthClient

from ..support.processes import free_port
from ..support.sharing import ADMIN, ALICE, API, BOB, USERS
from ..support.world import World, running_world

ROOT = Path(__file__).parents[2]
Clients = Callable[[str], ProkubeAuthClient]
TYPES = {"string": str, "time": str, "integer": int, "boolean": bool, "object": dict}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    directory = tmp_path_factory.mktemp("client")
    with running_world(directory, f"http://127.0.0.1:{port}", port, users=USERS, AUDIT_RETENTION_DAYS="30") as running:
        running.sql(
            "INSERT INTO prokube_audit_events (at, actor, action, target, client, detail) "
            "VALUES (?, 'x', 'old', '', '', '{}')",
            int(time.time()) - 31 * 86400,
        )
        yield running


@pytest.fixture(scope="module")
def keys(world: World) -> dict[str, str]:
    found = {}
    for email in (ALICE, BOB, ADMIN):
        browser, _ = world.log_in(email)
        found[email] = world.make_key(browser).json()["access_key"]
    return found


@pytest.fixture
def client(world: World, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Clients:
    """A client with somebody's credentials in the environment, where the stock client looks."""
    for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")

    def client(email: str) -> ProkubeAuthClient:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", email)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", keys[email])
        return ProkubeAuthClient(world.url)

    return client


def test_the_token_of_a_file_is_read_for_each_request(
    world: World, keys: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("USERNAME", "PASSWORD", "TOKEN", "URI", "AUTH"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    token = tmp_path / "token"
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN_FILE", str(token))
    client, found = ProkubeAuthClient(world.url), []
    for email in (ALICE, BOB):
        token.write_text(f"{keys[email]}\n")
        found.append(client.me()["username"])
    assert found == [ALICE, BOB]
    monkeypatch.setenv("MLFLOW_TRACKING_AUTH", "prokube-token-file")  # whose tracking server would be another one
    assert client.me()["username"] == BOB
    token.write_text("pkt_0123456789ab_" + "k" * 49)
    with pytest.raises(MlflowException, match="not valid"):
        client.me()
    token.write_text(f"Bearer {keys[BOB]}")
    with pytest.raises(MlflowException, match="has the word 'Bearer' in front of it") as refused:
        client.me()
    assert keys[BOB][4:] not in str(refused.value)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", keys[ALICE])
    with pytest.raises(MlflowException, match="TOKEN_FILE and MLFLOW_TRACKING_PASSWORD are both set"):
        client.me()


def experiment(world: World, keys: dict[str, str], email: str, name: str | None = None) -> str:
    answer = httpx.post(
        f"{world.url}{API}/experiments/create",
        json={"name": name or f"e-{uuid.uuid4().hex[:8]}"}, auth=(email, keys[email]), timeout=60,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return str(answer.json()["experiment_id"])


def holders(found: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["level"] for each in found["holders"]}


def test_the_old_is_forgotten_soon_after_the_first_request(world: World, keys: dict[str, str]) -> None:
    deadline = time.monotonic() + 30
    while world.rows("SELECT id FROM prokube_audit_events WHERE action = 'old'"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert world.rows("SELECT id FROM prokube_audit_events WHERE action = 'access_key.create'") != []


def test_mlflow_finds_the_client_by_its_entry_point(world: World, keys: dict[str, str], tmp_path: Path) -> None:
    """With the entry points of pyproject.toml, whatever is installed here, and credentials from the file."""
    project = (ROOT / "pyproject.toml").read_text()
    declared = re.findall(r'\[project\.entry-points\."(.+)"\]\n((?:.+ = ".+"\n)+)', project)
    metadata = tmp_path / "site" / "entry_points_of_the_test-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: entry-points-of-the-test\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        "".join("[{}]\n{}".format(group, lines.replace('"', "")) for group, lines in declared)
    )
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow" / "credentials").write_text(
        f"[mlflow]\nmlflow_tracking_username = {ALICE}\nmlflow_tracking_password = {keys[ALICE]}\n"
    )
    program = (
        "from mlflow.server import get_app_client\n"
        f"print(get_app_client('prokube-auth', tracking_uri={world.url!r}).me()['username'])"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    path = os.pathsep.join(filter(None, [str(tmp_path / "site"), str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**clean, "HOME": str(tmp_path), "PYTHONPATH": path}, cwd=tmp_path,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1:] == [ALICE], done.stderr


def test_the_package_does_not_import_the_client() -> None:
    program = "import sys, mlflow_prokube_auth, mlflow_prokube_auth.cli.main; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_resource_is_shared_and_handed_over(world: World, keys: dict[str, str], client: Clients) -> None:
    alice, pattern = client(ALICE), experiment(world, keys, ALICE)
    assert (alice.me()["username"], alice.me()["is_admin"]) == (ALICE, False)
    assert holders(alice.share("experiment", pattern, "READ", user=BOB)) == {ALICE: "MANAGE", BOB: "READ"}
    assert holders(alice.share("experiment", pattern, "EDIT", team="team-a"))["team-a"] == "EDIT"
    assert "team-a" not in holders(alice.unshare("experiment", pattern, team="team-a"))
    assert holders(alice.sharing("experiment", pattern)) == {ALICE: "MANAGE", BOB: "READ"}
    mine = [each["level"] for each in alice.permissions() if str(each["href"]).endswith(f"/{pattern}")]
    assert mine == ["MANAGE"]
    assert alice.hand_over("experiment", pattern, BOB) == {"handed_over_to": BOB}
    assert holders(client(BOB).sharing("experiment", pattern)) == {BOB: "MANAGE"}


def test_refusals_are_mlflows_exceptions_in_the_servers_words(
    world: World, keys: dict[str, str], client: Clients
) -> None:
    pattern = experiment(world, keys, ALICE)
    bob = client(BOB)
    with pytest.raises(MlflowException, match=f"'{pattern}' does not exist or you may not manage") as denied:
        bob.share("experiment", pattern, "READ", user=BOB)
    assert denied.value.error_code == "PERMISSION_DENIED"
    with pytest.raises(MlflowException, match="Only administrators may do this"):
        bob.users()
    with pytest.raises(MlflowException, match="access-keys create nightly --days 7"):
        bob.mint_service_account_key("nightly", 7)
    with pytest.raises(MlflowException, match="no passwords here"):
        bob.update_user_password(BOB, "x" * 12)
    with pytest.raises(MlflowException, match="Expected either 'user'"):
        client(ALICE).share("experiment", pattern, "READ")


def test_administrators_manage_accounts_teams_and_rules(world: World, keys: dict[str, str], client: Clients) -> None:
    admin, name = client(ADMIN), f"svc-{uuid.uuid4().hex[:8]}"
    assert {each["username"] for each in admin.users()} >= {ALICE, BOB, ADMIN}
    assert admin.create_service_account(name, "Nightly")["kind"] == "service"
    with pytest.raises(MlflowException, match="belongs to another account here") as taken:
        admin.create_service_account(name)
    assert taken.value.error_code == "RESOURCE_CONFLICT"
    assert [each["username"] for each in admin.service_accounts(name)] == [name]
    assert admin.block(name)["status"] == "blocked"
    assert admin.unblock(name)["status"] == "active"
    admin.end_sessions(name)
    admin.revoke_key(name)
    team, prefix = f"team-{name}", f"{name}-"
    pattern = experiment(world, keys, ALICE, f"{prefix}one")
    admin.create_team(team)
    assert admin.join(team, BOB) == admin.members(team) == [BOB]
    rule = admin.add_rule(team, "experiment", prefix, "EDIT")
    assert rule["matched"] == 1
    assert [each["rules"][0]["id"] for each in admin.teams() if each["team"] == team] == [rule["id"]]
    assert admin.explain(BOB, "experiment", pattern)["level"] == "EDIT"
    assert [each["holder"] for each in admin.grants(team=team)] == [team]
    admin.delete_rule(rule["id"])
    assert admin.leave(team, BOB) == []
    admin.delete_team(team)
    assert admin.delete_account(name) == {"deleted": name, "successor": None, "inherited": 0}
    assert admin.kept_names(name) == [{"name": name, "account": None}]
    with pytest.raises(MlflowException, match=f"users release-name {name}"):
        admin.create_service_account(name)
    admin.release_name(name)
    assert admin.kept_names(name) == []
    with pytest.raises(MlflowException, match="No renamed or deleted account") as unknown:
        admin.release_name(name, anyway=True)
    assert unknown.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert [each["action"] for each in admin.audit(target=name, action="user.")] == [
        "user.delete", "user.unblock", "user.block",
    ]  # fmt: skip
    assert len(admin.audit(limit=3)) == 3
    assert {each["username"] for each in admin.expiring_keys()} == {ALICE, BOB, ADMIN}


def test_administrators_find_what_nobody_owns_and_what_is_in_the_trash(
    world: World, keys: dict[str, str], client: Clients
) -> None:
    admin, pattern = client(ADMIN), experiment(world, keys, ALICE)
    world.sql("DELETE FROM role_permissions WHERE resource_type = 'experiment' AND resource_pattern = ?", pattern)
    assert pattern in {each["id"] for each in admin.unowned("experiment")}
    assert admin.assign(ALICE, [("experiment", pattern)]) == 1
    deleted = httpx.post(
        f"{world.url}{API}/experiments/delete", json={"experiment_id": pattern}, auth=(ALICE, keys[ALICE]), timeout=60
    )
    assert deleted.status_code == 200
    assert pattern in {each["id"] for each in admin.trash()}
    assert admin.restore(pattern)["trashed"] is False


def check(value: Any, kind: str, where: str) -> None:
    """Whether a value is of one of the table's types, no field more and none less."""
    if kind.endswith("?"):
        if value is not None:
            check(value, kind[:-1], where)
    elif kind.endswith("[]"):
        assert isinstance(value, list), where
        for each in value:
            check(each, kind[:-2], f"{where}[]")
    elif kind in SHAPES:
        check_fields(value, SHAPES[kind], where)
    else:
        assert isinstance(value, TYPES[kind]), (where, value)


def check_fields(value: Any, fields: tuple[Field, ...], where: str) -> None:
    assert set(value) == {each.name for each in fields}, where
    for each in fields:
        check(value[each.name], each.type, f"{where}.{each.name}")


def test_what_is_read_is_what_the_table_says(world: World, keys: dict[str, str]) -> None:
    pattern = experiment(world, keys, ALICE)
    query = {"kind": "experiment", "id": pattern, "user": ALICE, "team": "team-a"}
    wanted: dict[str, dict[str, str]] = {
        "api/admin/unowned": {}, "api/admin/permissions": {}, "api/admin/audit": {}, "api/admin/trash": {},
        "api/admin/kept-names/uses": {"name": ALICE},
        "api/admin/team-rules/effects": {"team": "team-a", "kind": "experiment", "prefix": "a-", "level": "READ"},
    }  # fmt: skip
    auth = (ADMIN, keys[ADMIN])
    for route in ROUTES:
        if route.method != "GET" or route.answer == "object":
            continue
        params = wanted.get(route.path, {name: value for name, value in query.items() if route.query})
        answer = httpx.get(f"{world.url}/prokube-auth/{route.path}", params=params, auth=auth, timeout=60)
        assert answer.status_code == route.status, (route.path, answer.text)
        if isinstance(route.answer, str):
            check(answer.json(), route.answer, route.path)
        else:
            check_fields(answer.json(), route.answer, route.path)


def test_the_document_is_for_anybody_who_is_signed_in(world: World, keys: dict[str, str]) -> None:
    url = f"{world.url}/prokube-auth/api/openapi.json"
    assert httpx.get(url).status_code == 401
    document = httpx.get(url, auth=(BOB, keys[BOB]), timeout=60).json()
    assert (document["openapi"], document["servers"]) == ("3.1.0", [{"url": world.url}])
    assert len(document["paths"]) > 25
