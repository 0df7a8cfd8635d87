"""Skills, which MLflow has since 3.18: their creators' alone, under names that are unique, on each of their routes."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import httpx
import pytest

from ..support.demo import Demo
from ..support.releases import SINCE_3_18
from ..support.routes import fastapi_routes
from ..support.tenants import API3, FILES, Tenant, new, refused

pytestmark = SINCE_3_18
SKILLS = f"{API3}/skills"
DIGEST = "a" * 64
GIT = {"source_type": "git", "source": "https://example.com/skills.git", "digest": DIGEST}
SECRET = b"SECRET OF THE SKILL"
# What a search answers to who may see none of it.
NOTHING: dict[str, Any] = {"skills": [], "next_page_token": None}
KINDS = ("a name alone", "a name in an organization")


def identity(kind: str) -> str:
    """A new skill's name as its paths and grants have it."""
    return f"@{new('org')}/{new('skill')}" if "organization" in kind else new("skill")


def named(skill: str) -> dict[str, str]:
    """The same as bodies have it."""
    organization, _, name = skill.removeprefix("@").rpartition("/")
    return {"name": name, "organization": organization}


def create(client: httpx.Client, skill: str) -> httpx.Response:
    return client.post(SKILLS, json=named(skill))


def version(client: httpx.Client, skill: str, **more: Any) -> httpx.Response:
    return client.post(f"{SKILLS}/{skill}/versions", json={**GIT, **more})


def upload(client: httpx.Client, skill: str, content: bytes = SECRET) -> httpx.Response:
    """A whole folder at once."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        file = tarfile.TarInfo("SKILL.md")
        file.size = len(content)
        archive.addfile(file, io.BytesIO(content))
    parts = {"metadata": ("m", b"{}", "application/json"), "content": ("c", packed.getvalue(), "application/gzip")}
    return client.post(f"{SKILLS}/{skill}/versions", files=parts)


def register(client: httpx.Client, *skills: str) -> httpx.Response:
    """Many at once, of one organization."""
    listed = [{**GIT, "name": named(each)["name"], "subpath": named(each)["name"]} for each in skills]
    return client.post(
        f"{SKILLS}/bulk-register", json={"organization": named(skills[0])["organization"], "skills": listed}
    )


# All ways to a new skill. MLflow reads an upload with a library that it does not require, and answers 500 without.
WAYS: dict[str, Callable[..., httpx.Response]] = {
    "create": create,
    "version": version,
    "upload": upload,
    "register": register,
}
UPLOADS = find_spec("python_multipart") is not None
ALL_WAYS = [
    pytest.param(way, marks=pytest.mark.skipif(way == "upload" and not UPLOADS, reason="needs python-multipart"))
    for way in WAYS
]


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def levels(client: Tenant, skill: str) -> dict[str, str]:
    shared = ok(client.get("/prokube-auth/api/sharing", params={"kind": "skill", "id": skill}))
    return {each["name"]: each["level"] for each in shared["holders"]}


def skill_routes() -> list[tuple[str, str]]:
    return sorted((method, path) for method, path in fastapi_routes() if "/mlflow/skills" in path)


def asked(path: str, skill: str) -> str:
    """The path with that skill, of a route for skills with or without an organization."""
    given = named(skill) | {"version": "1", "key": "k", "alias": "best"}
    return re.sub(r"\{(\w+)(?::path)?\}", lambda found: given[found[1]], path)


BODIES: dict[str, Any] = {
    "/tags": {"key": "k", "value": "v"}, "/aliases": {"alias": "best", "version": 1}, "/versions": GIT,
}  # fmt: skip


def body_of(method: str, path: str, skill: str) -> Any:
    if method not in ("POST", "PATCH"):
        return None
    if path.endswith("/bulk-register"):
        one = named(skill)
        return {"organization": one["organization"], "skills": [{**GIT, "name": one["name"]}]}
    if method == "PATCH" and path.endswith("{version}"):  # it cannot become what it is
        return {"status": "deprecated" if path.startswith("/ajax-api") else "active"}
    if method == "PATCH":
        return {"description": "mine"}
    return next((body for end, body in BODIES.items() if path.endswith(end)), named(skill))


@pytest.fixture(scope="module", params=KINDS)
def owned(request: pytest.FixtureRequest, alice: Tenant) -> str:
    """A skill of alice's with a version that she has uploaded, if she can, a tag and an alias."""
    skill = identity(request.param)
    ok(create(alice, skill))
    ok(upload(alice, skill) if UPLOADS else version(alice, skill))
    for path, body in (
        ("tags", {"key": "k", "value": "v"}),
        ("versions/1/tags", {"key": "k", "value": "v"}),
        ("aliases", {"alias": "best", "version": 1}),
    ):
        ok(alice.post(f"{SKILLS}/{skill}/{path}", json=body))
    return skill


def everything(client: Tenant, skill: str) -> list[Any]:
    return [ok(client.get(f"{SKILLS}/{skill}{below}")) for below in ("", "/versions", "/versions/1", "/aliases/best")]


def test_no_route_of_skills_lets_a_stranger_see_or_change_one(alice: Tenant, bob: Tenant, owned: str) -> None:
    before, routes = everything(alice, owned), skill_routes()
    assert len(routes) >= 66
    for method, path in routes:
        organized = "{organization}" in path
        if organized != owned.startswith("@") and "{name}" in path:
            continue
        answer = bob.request(method, asked(path, owned), json=body_of(method, path, owned))
        if (method, path.rsplit("/", 1)[-1]) == ("GET", "skills"):
            assert ok(answer) == NOTHING, path
            continue
        words = refused(answer)
        assert f"'{owned}'" in words, (method, path, words)
        assert "alice" not in words, (method, path, words)
    assert everything(alice, owned) == before


def test_its_owner_may_do_all_of_it(alice: Tenant, owned: str) -> None:
    """The walk above asks for something that is there."""
    for method, path in skill_routes():
        if method == "DELETE" or "{name}" not in path or ("{organization}" in path) != owned.startswith("@"):
            continue
        ok(alice.request(method, asked(path, owned), json=body_of(method, path, owned)))


def test_a_missing_one_is_told_like_anothers(bob: Tenant, owned: str) -> None:
    missing = identity(KINDS[owned.startswith("@")])
    told = [refused(bob.get(f"{SKILLS}/{each}")).replace(each, "it") for each in (owned, missing)]
    assert told == ["The skill 'it' does not exist or you may not read it. " + told[0].split(". ", 1)[1]] * 2


@pytest.mark.skipif(not UPLOADS, reason="needs python-multipart")
def test_its_files_are_its_readers(alice: Tenant, bob: Tenant, admin: Tenant, owned: str) -> None:
    source = ok(alice.get(f"{SKILLS}/{owned}/versions/1"))["source"].removeprefix("mlflow-artifacts:/")
    folder = source if source.startswith("skills/") else source.split("/", 1)[1]
    for path in (f"{FILES}/{folder}/SKILL.md", f"/ajax-api/2.0/mlflow-artifacts/artifacts/{folder}/SKILL.md"):
        assert alice.get(path).content == admin.get(path).content == SECRET
        assert SECRET not in bob.get(path).content
        refused(bob.get(path))
        refused(bob.put(path, content=b"x"))
        refused(bob.delete(path))
    for listed in ("skills", folder, folder.rsplit("/", 1)[0], f"./{folder}", f"skills/../{folder}", "SKILLS"):
        answer = bob.get(FILES, params={"path": listed})
        assert answer.status_code in (400, 403), (listed, answer.text)
        assert named(owned)["name"] not in json.dumps(answer.json().get("files", []))


def test_a_search_shows_what_one_may_read_alone(alice: Tenant, bob: Tenant, owned: str) -> None:
    def found(client: Tenant, **more: Any) -> list[str]:
        return [each["name"] for each in ok(client.get(SKILLS, params={"max_results": 1000, **more}))["skills"]]

    name = named(owned)["name"]
    for prefix in (API3, API3.replace("/api", "/ajax-api")):
        for more in ({}, {"include_skill_identities": owned}, {"filter_string": f"name = '{name}'"}):
            answer = ok(bob.get(f"{prefix}/skills", params=more))
            assert answer == NOTHING, more
    assert name in found(alice)
    assert found(alice, include_skill_identities=owned) == [name]
    assert found(bob) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("second", ALL_WAYS)
@pytest.mark.parametrize("first", ALL_WAYS)
def test_a_name_is_its_creators_however_it_came_to_be_and_nobody_joins_it(
    alice: Tenant, bob: Tenant, first: str, second: str, kind: str
) -> None:
    skill = identity(kind)
    ok(WAYS[first](alice, skill))
    assert levels(alice, skill) == {"alice@example.com": "MANAGE"}
    answer = WAYS[second](bob, skill)
    words, name = refused(answer), named(skill)["name"]
    verb = "access" if second == "create" else "change"
    assert words.startswith(f"The skill name '{skill}' is already taken and you may not {verb} it. Choose a different")
    assert f"('{skill.removesuffix(name)}<team>-{name}')" in words
    assert levels(alice, skill) == {"alice@example.com": "MANAGE"}
    versions = ok(alice.get(f"{SKILLS}/{skill}/versions"))["skill_versions"]
    assert {each["created_by"] for each in versions} <= {"alice@example.com"}
    again = WAYS[second](alice, skill)
    assert again.status_code == (400 if second == "create" else 200), again.text


@pytest.mark.parametrize("turn", range(3))
def test_of_many_who_ask_at_once_one_gets_the_name(alice: Tenant, bob: Tenant, turn: int) -> None:
    skill = identity(KINDS[turn % 2])
    asking = [(client, way) for way in (create, version, register) for client in (alice, bob)]
    with ThreadPoolExecutor(len(asking)) as threads:
        answers = list(threads.map(lambda each: (each[0], each[1](each[0], skill)), asking))
    told = [(answer.status_code, answer.text) for _, answer in answers]
    assert {status for status, _ in told} <= {200, 400, 403, 409}, told
    served = {id(client) for client, answer in answers if answer.status_code == 200}
    assert len(served) == 1, told
    owner, other = (alice, bob) if id(alice) in served else (bob, alice)
    assert list(levels(owner, skill).values()) == ["MANAGE"]
    refused(other.get(f"{SKILLS}/{skill}"))


@pytest.mark.parametrize("way", ALL_WAYS)
def test_an_administrator_who_creates_one_manages_it(admin: Tenant, bob: Tenant, way: str) -> None:
    skill = identity(KINDS[1])
    ok(WAYS[way](admin, skill))
    assert levels(admin, skill) == {"admin@example.com": "MANAGE"}
    refused(bob.get(f"{SKILLS}/{skill}"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_ones_name_is_free_and_its_grants_are_gone(alice: Tenant, bob: Tenant, kind: str) -> None:
    skill = identity(kind)
    ok(create(bob, skill))
    share = {"kind": "skill", "id": skill, "user": "alice@example.com", "level": "READ"}
    ok(bob.post("/prokube-auth/api/sharing", json=share))
    ok(alice.get(f"{SKILLS}/{skill}"))
    refused(alice.delete(f"{SKILLS}/{skill}"))
    ok(bob.delete(f"{SKILLS}/{skill}"))
    ok(create(alice, skill))
    assert levels(alice, skill) == {"alice@example.com": "MANAGE"}
    refused(bob.get(f"{SKILLS}/{skill}"))


def test_of_many_names_all_are_ones_own_or_none_is_made(alice: Tenant, bob: Tenant) -> None:
    organization = new("org")
    first, second, third = (f"@{organization}/{new(each)}" for each in "abc")
    ok(create(alice, second))
    refused(register(bob, first, second, third))
    for free in (first, third):  # neither made nor kept
        assert alice.get(f"{SKILLS}/{free}").status_code == 403
        ok(create(alice, free))
    mine = [f"@{organization}/{new('mine')}" for _ in range(3)]
    ok(register(bob, *mine))
    assert [levels(bob, each) for each in mine] == [{"bob@example.com": "MANAGE"}] * 3


def test_more_than_mlflow_takes_at_once_is_refused_before_it_is_looked_for(alice: Tenant) -> None:
    assert "501 entries" in refused(register(alice, *(f"@{'o' * 9}/s{each}" for each in range(501))), 400)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"skills": []}, {"skills": "abc"}, {"skills": [1]}, {"skills": [{"name": 1}]}, {"skills": {"name": "a"}},
        {"skills": [{**GIT, "name": "a b"}]}, {"organization": 1, "skills": [{**GIT, "name": "a"}]},
        {"organization": None, "skills": [{**GIT, "name": "a"}]}, [], "text", None,
    ],
)  # fmt: skip
def test_what_is_no_list_of_skills_is_refused_as_such(alice: Tenant, body: Any) -> None:
    answer = alice.post(f"{SKILLS}/bulk-register", json=body)
    assert 400 <= answer.status_code < 500, answer.text


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": None}, {"name": 1}, {"name": ""}, {"name": "A"}, {"name": "*"}, {"name": "@o/n"}, {"name": "a/b"},
        {"name": "a", "organization": None}, {"name": "a", "organization": "O"}, {"name": "a", "organization": "*"},
    ],
)  # fmt: skip
def test_what_can_be_no_skills_name_is_refused_as_such(alice: Tenant, body: Any) -> None:
    answer = alice.post(SKILLS, json=body)
    assert answer.status_code in (400, 422), answer.text


@pytest.mark.parametrize("end", ["%0A", "/", "%2F", "%0D", "%20", "//"])
@pytest.mark.parametrize("path", ["", "/bulk-register", "/{skill}/versions"])
def test_no_spelling_of_a_path_creates_past_the_claim(alice: Tenant, bob: Tenant, path: str, end: str) -> None:
    """Where FastAPI takes a path, the name is claimed."""
    skill = identity(KINDS[1])
    body = body_of("POST", path.replace("{skill}", "{name}"), skill)
    answer = bob.post(f"{SKILLS}{path.replace('{skill}', skill)}{end}", json=body)
    assert answer.status_code >= 300, answer.text
    ok(create(alice, skill))


def test_grants_are_on_the_one_spelling_of_a_name(alice: Tenant, owned: str) -> None:
    for spelled in (owned.upper(), f"{owned} ", f"@/{owned}", f"{owned}/"):
        body = {"username": "bob@example.com", "resource_type": "skill", "resource_id": spelled, "permission": "READ"}
        answer = alice.post(f"{API3}/users/permissions/grant", json=body)
        assert answer.status_code in (400, 403), (spelled, answer.text)
        shared = {"kind": "skill", "id": spelled, "user": "bob@example.com", "level": "READ"}
        assert alice.post("/prokube-auth/api/sharing", json=shared).status_code in (400, 403, 404), spelled
    assert levels(alice, owned) == {"alice@example.com": "MANAGE"}


def test_a_shared_one_is_on_the_permissions_page_of_who_reads_it(demo: Demo, alice: Tenant, bob: Tenant) -> None:
    skill = identity(KINDS[1])
    ok(version(alice, skill))
    shared = {"kind": "skill", "id": skill, "user": "bob@example.com", "level": "READ"}
    ok(alice.post("/prokube-auth/api/sharing", json=shared))
    ok(bob.get(f"{SKILLS}/{skill}/versions/1"))
    refused(version(bob, skill))
    rows = ok(bob.get("/prokube-auth/api/permissions"))
    listed = [each for each in rows["permissions"] if each["name"] == skill]
    assert [(each["kind_label"], each["level"]) for each in listed] == [("Skill", "READ")]
    body = {**shared, "level": "USE"}
    refused(alice.post("/prokube-auth/api/sharing", json=body), 400)


@pytest.mark.parametrize("way", ALL_WAYS)
@pytest.mark.parametrize("prefix", ["{}-", "@{}/", "@{}/a-"])
def test_a_name_with_a_teams_prefix_is_the_teams(admin: Tenant, bob: Tenant, way: str, prefix: str) -> None:
    team, prefix = new("team"), prefix.format(new("of"))
    api = "/prokube-auth/api/admin"
    assert admin.post(f"{api}/teams", json={"team": team}).is_success
    rule = {"team": team, "kind": "skill", "prefix": prefix, "level": "READ"}
    assert admin.post(f"{api}/team-rules", json=rule).is_success
    skill = f"{prefix}{new('a')}"
    assert f"Only members of a team may use names of a skill that begin with '{prefix}'" in refused(
        WAYS[way](bob, skill)
    )
    ok(WAYS[way](admin, skill))
    assert levels(admin, skill) == {"admin@example.com": "MANAGE", team: "READ"}
