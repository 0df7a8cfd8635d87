"""A version of a model opens files while its creator may read them: nothing that was withdrawn is kept by one."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from mlflow_prokube_auth.demo.accounts import DEMO_USERS, DemoUser

from ..support.processes import free_port
from ..support.tenants import API, API3, FILES, Tenant, new
from ..support.world import World, running_world

ALICE, BOB, CAROL, DAVE, ADMIN = (f"{name}@example.com" for name in ("alice", "bob", "carol", "dave", "admin"))
GRANTS = f"{API3}/users/permissions"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory, port = tmp_path_factory.mktemp("withdrawn"), free_port()
    names = ("carol", "dave", "eve")
    others = [DemoUser(f"demo-{name}", f"{name}@example.com", name, ("/prokube-users",)) for name in names]
    with running_world(directory, f"http://127.0.0.1:{port}", port, users=(*DEMO_USERS, *others)) as running:
        yield running


@pytest.fixture(scope="module")
def tenants(world: World) -> Iterator[dict[str, Tenant]]:
    made = {email: tenant(world, email) for email in (ALICE, BOB, CAROL, DAVE, ADMIN)}
    yield made
    for client in made.values():
        client.close()


def tenant(world: World, email: str) -> Tenant:
    browser, _ = world.log_in(email)
    return Tenant(base_url=world.url, auth=(email, world.make_key(browser).json()["access_key"]), timeout=60)


class Files:
    """A run of alice's with a model in it, and with files that come later."""

    def __init__(self, alice: Tenant, *files: str) -> None:
        self._alice = alice
        self.experiment_id = alice.experiment()
        self.run_id = alice.run(self.experiment_id)
        for file in files or ("model/MLmodel", "data/table.csv", "note.txt"):
            self.root = alice.file(self.experiment_id, self.run_id, file)

    def later(self, file: str) -> str:
        """A new file; the path by which it is served."""
        self._alice.file(self.experiment_id, self.run_id, file)
        return f"{FILES}/{self.root.removeprefix('mlflow-artifacts:/')}/{file}"


def share(owner: Tenant, kind: str, pattern: str, to: str, level: str = "READ") -> None:
    body = {"username": to, "resource_type": kind, "resource_id": pattern, "permission": level}
    owner.made(f"{GRANTS}/grant", body)


def withdraw(owner: Tenant, kind: str, pattern: str, to: str) -> None:
    owner.made(f"{GRANTS}/revoke", {"username": to, "resource_type": kind, "resource_id": pattern})


def register(client: Tenant, source: str, **more: str) -> str:
    """A model of the client's own with one version; its name."""
    name = new("m")
    client.made(f"{API}/registered-models/create", {"name": name})
    client.made(f"{API}/model-versions/create", {"name": name, "source": source, **more})
    return name


def by_model(client: Tenant, name: str, path: str) -> httpx.Response:
    return client.get("/model-versions/get-artifact", params={"name": name, "version": "1", "path": path})


def test_a_withdrawn_reader_sees_nothing_by_a_version_in_her_own_model(tenants: dict[str, Tenant]) -> None:
    alice, bob, carol = tenants[ALICE], tenants[BOB], tenants[CAROL]
    files = Files(alice)
    share(alice, "experiment", files.experiment_id, BOB)
    own = register(bob, f"{files.root}/model", run_id=files.run_id)
    share(bob, "registered_model", own, CAROL)
    path = files.later("model/weights.bin")
    for client in (bob, carol):
        assert client.get(path).status_code == 200
        assert by_model(client, own, "weights.bin").status_code == 200
    withdraw(alice, "experiment", files.experiment_id, BOB)
    path = files.later("model/secret.bin")
    folder = path.removeprefix(f"{FILES}/").rpartition("/")[0]
    for client in (bob, carol):
        assert client.get(path).status_code == 403
        assert client.get(FILES, params={"path": folder}).status_code == 403
        assert "register it again" in by_model(client, own, "secret.bin").json()["message"]
    share(alice, "experiment", files.experiment_id, BOB)
    for client in (bob, carol):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize("source", ["{root}", "{root}/", "{root}/data"])
def test_a_version_is_a_model_and_never_all_of_a_run(tenants: dict[str, Tenant], source: str) -> None:
    alice, bob, carol = tenants[ALICE], tenants[BOB], tenants[CAROL]
    files = Files(alice, "MLmodel", "note.txt", "data/table.csv")
    share(alice, "experiment", files.experiment_id, BOB)
    owners = {
        email: register(tenants[email], source.format(root=files.root), run_id=files.run_id)
        for email in (ALICE, BOB, ADMIN)
    }
    for email, name in owners.items():
        share(tenants[email], "registered_model", name, CAROL)
        for path in ("note.txt", "data/table.csv", "MLmodel"):
            assert carol.get(files.later(path)).status_code == 403
            assert by_model(carol, name, path).status_code == 403
    # Who may read the experiment reads them by their version, too.
    inside = "table.csv" if source.endswith("data") else "note.txt"
    assert by_model(bob, owners[BOB], inside).status_code == 200


def test_copies_end_with_the_reading_of_the_original_and_do_not_prove_each_other(tenants: dict[str, Tenant]) -> None:
    alice, bob, carol, dave = (tenants[each] for each in (ALICE, BOB, CAROL, DAVE))
    files = Files(alice)
    original = register(alice, f"{files.root}/model", run_id=files.run_id)
    share(alice, "registered_model", original, BOB)
    first = register(bob, f"models:/{original}/1")
    share(bob, "registered_model", first, CAROL)
    second = register(carol, f"models:/{first}/1")
    for reader in (BOB, DAVE):
        share(carol, "registered_model", second, reader)
    third = register(bob, f"models:/{second}/1")
    share(bob, "registered_model", third, CAROL)
    path = files.later("model/weights.bin")
    assert [client.get(path).status_code for client in (bob, carol, dave)] == [200, 200, 200]
    withdraw(alice, "registered_model", original, BOB)
    assert [client.get(path).status_code for client in (bob, carol, dave)] == [403, 403, 403]
    for client, name in ((bob, first), (carol, second), (bob, third), (carol, third), (dave, second)):
        assert by_model(client, name, "weights.bin").status_code == 403


def test_a_shut_account_vouches_for_nothing_and_an_heir_goes_on(world: World, tenants: dict[str, Tenant]) -> None:
    alice, carol, admin = tenants[ALICE], tenants[CAROL], tenants[ADMIN]
    accounts, eve = "/prokube-auth/api/admin/accounts", "eve@example.com"
    files, hers = Files(alice), tenant(world, eve)
    share(alice, "experiment", files.experiment_id, eve)
    name, path = register(hers, f"{files.root}/model", run_id=files.run_id), files.later("model/weights.bin")
    share(hers, "registered_model", name, CAROL)
    assert carol.get(path).status_code == 200
    admin.made(f"{accounts}/block?user={eve}", {})
    assert carol.get(path).status_code == 403
    admin.made(f"{accounts}/unblock?user={eve}", {})
    assert carol.get(path).status_code == 200
    assert admin.delete(accounts, params={"user": eve, "successor": DAVE}).status_code == 200
    assert carol.get(path).status_code == 403
    share(alice, "experiment", files.experiment_id, DAVE)
    assert carol.get(path).status_code == 200


def test_a_version_of_a_model_that_was_logged_by_itself_keeps_its_readers(tenants: dict[str, Tenant]) -> None:
    """As MLflow 3 logs: the source is a logged model, whose root holds the file MLmodel."""
    alice, bob = tenants[ALICE], tenants[BOB]
    experiment_id = alice.experiment()
    model = alice.made(f"{API}/logged-models", {"experiment_id": experiment_id, "name": "model"})["model"]["info"]
    path = f"{FILES}/{model['artifact_uri'].removeprefix('mlflow-artifacts:/')}/MLmodel"
    assert alice.put(path, content=b"flavors: {}").status_code == 200
    name = register(alice, f"models:/{model['model_id']}", model_id=model["model_id"])
    share(alice, "registered_model", name, BOB)
    assert bob.get(path).content == b"flavors: {}"
