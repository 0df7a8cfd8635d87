"""What other sites, and people at the same browser, try with a victim's session."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from ..support.processes import free_port
from ..support.routes import WRITES, concrete, fastapi_routes, flask_routes
from ..support.world import World, running_world

API = "/api/2.0/mlflow"
COOKIE = "prokube_auth_session"
EVIL = "http://evil.test"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    with running_world(tmp_path_factory.mktemp("browsers"), f"http://127.0.0.1:{port}", port) as running:
        yield running


@pytest.fixture(scope="module")
def alice(world: World) -> Iterator[httpx.Client]:
    """Her browser, with nothing that it would add by itself but the cookie."""
    browser, answer = world.log_in("alice@example.com")
    assert answer.status_code == 302
    with httpx.Client(base_url=world.url, cookies=dict(browser.cookies), timeout=30) as client:
        yield client


def whoami(client: httpx.Client) -> str | None:
    answer = client.get(f"{API}/users/current", headers={"Accept": "*/*", "Sec-Fetch-Mode": "cors"})
    return answer.json()["user"]["username"] if answer.status_code == 200 else None


OURS = [
    ("POST", "/prokube-auth/logout"),
    ("POST", "/prokube-auth/api/access-key"),
    ("DELETE", "/prokube-auth/api/access-key"),
    ("POST", "/prokube-auth/api/sharing"),
    ("DELETE", "/prokube-auth/api/sharing"),
    ("POST", "/prokube-auth/api/sharing/hand-over"),
    ("POST", "/prokube-auth/api/cli/consent"),
    ("POST", "/prokube-auth/api/admin/service-accounts"),
    ("POST", "/prokube-auth/api/admin/assign"),
]


def test_no_route_takes_a_write_with_a_cookie_that_another_site_sent(world: World, alice: httpx.Client) -> None:
    in_tables = {(method, path) for method, path in flask_routes() | fastapi_routes() if method in WRITES}
    assert len(in_tables) > 200
    taken = []
    for method, path in sorted(in_tables | set(OURS)):
        # No Origin: it is not MLflow's check, which covers a part of the routes, that refuses.
        answer = alice.request(method, concrete(path), json={}, headers={"Sec-Fetch-Site": "cross-site"})
        if answer.status_code != 403 or "came from another site" not in answer.text:
            taken.append((method, path, answer.status_code, answer.text[:80]))
    assert taken == []
    assert whoami(alice) == "alice@example.com"


@pytest.mark.parametrize("method", ["POST", "post", "FOO"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": EVIL},
        {"Origin": "OURS.evil.test"},
        {"Origin": "OURS/"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": EVIL, "Sec-Fetch-Site": "same-origin"},
        {"Origin": EVIL, "Authorization": "Bearer junk"},
        {"Origin": EVIL, "Content-Type": "text/plain"},
    ],
    ids=str,
)
def test_a_cookie_writes_from_our_own_origin_alone(
    world: World, alice: httpx.Client, headers: dict[str, str], method: str
) -> None:
    sent = {name: value.replace("OURS", world.origin) for name, value in headers.items()}
    for path in ("/graphql", f"{API}/experiments/create", "/gateway/x/mlflow/invocations", "/v1/traces"):
        answer = alice.request(method, path, content=b"{}", headers=sent)
        # No route has a method such as FOO: it is refused before anything looks at the cookie.
        assert (path, answer.status_code) == (path, 501 if method == "FOO" else 403)
    ours = alice.post(f"{API}/experiments/search", json={"max_results": 1}, headers={"Origin": world.origin})
    assert ours.status_code == 200


def test_no_get_changes_anything_whatever_it_is_called(world: World, alice: httpx.Client) -> None:
    for headers in ({}, {"X-HTTP-Method-Override": "POST"}, {"X-HTTP-Method": "DELETE"}):
        for path in sorted({path for _, path in flask_routes() if "/create" in path or "/delete" in path}):
            answer = alice.get(concrete(path), params={"name": "made-by-get"}, headers=headers)
            assert answer.status_code in (403, 404, 405), (path, answer.status_code)
    assert alice.get("/prokube-auth/logout", headers={"Accept": "text/html"}).status_code == 200
    assert whoami(alice) == "alice@example.com"


def test_basic_that_a_browser_adds_by_itself_writes_nothing_for_another_site(world: World) -> None:
    key = world.make_key(world.log_in("bob@example.com")[0]).json()["access_key"]
    with httpx.Client(base_url=world.url, auth=("bob@example.com", key), timeout=30) as client:
        graphql = {"query": "{ __typename }"}
        for origin, expected in ((EVIL, 403), ("null", 403), (world.origin, 200), (None, 200)):
            headers = {} if origin is None else {"Origin": origin}
            assert client.post("/graphql", json=graphql, headers=headers).status_code == expected
        shared = client.post("/prokube-auth/api/sharing", json={}, headers={"Origin": EVIL})
        assert (shared.status_code, "came from another site" in shared.text) == (403, True)


def test_nobody_is_logged_in_by_a_callback_that_another_browser_began(world: World) -> None:
    attacker, victim = world.browser(), world.browser()
    callback = world.callback_url(attacker, "bob@example.com")
    refused = victim.get(callback)
    assert refused.status_code == 400
    assert whoami(victim) is None
    # Not either where the victim is just logging in, or is logged in.
    world.callback_url(victim, "alice@example.com")
    assert victim.get(callback).status_code == 400
    victim.get(world.callback_url(victim, "alice@example.com"))
    # Who is logged in simply goes on as themselves.
    assert victim.get(callback).headers["location"] == "/"
    assert whoami(victim) == "alice@example.com"


def test_a_callback_counts_once(world: World) -> None:
    browser = world.browser()
    callback = world.callback_url(browser, "bob@example.com")
    before = dict(browser.cookies)
    assert browser.get(callback).status_code == 302
    again = httpx.get(callback, cookies=before)
    assert again.status_code == 400


def test_a_session_that_was_planted_before_login_is_nobodys_after_it(world: World) -> None:
    attacker = world.browser()
    attacker.get("/prokube-auth/login/start")
    planted = attacker.cookies[COOKIE]
    victim = world.browser()
    victim.cookies.set(COOKIE, planted, domain="127.0.0.1", path="/")
    victim.get(world.callback_url(victim, "alice@example.com"))
    assert whoami(victim) == "alice@example.com"
    assert whoami(attacker) is None
    values = {cookie.value for cookie in victim.cookies.jar if cookie.name == COOKIE}
    assert planted not in values
    # What is made up is taken for no session either.
    stranger = world.browser()
    stranger.cookies.set(COOKIE, "made-up.secret")
    stranger.get("/prokube-auth/login/start")
    given = stranger.cookies.get(COOKIE, domain="127.0.0.1")
    assert given is not None
    assert "made-up" not in given


def test_a_session_that_ended_is_over_for_whoever_kept_its_cookie(world: World) -> None:
    browser, _ = world.log_in("bob@example.com")
    kept = dict(browser.cookies)
    assert browser.post("/prokube-auth/logout", headers={"Origin": world.origin, "Accept": "*/*"}).status_code == 200
    with httpx.Client(base_url=world.url, cookies=kept, timeout=30) as thief:
        assert whoami(thief) is None


@pytest.mark.parametrize("target", [EVIL, "//evil.test", "/\\evil.test", "/\t/evil.test", "javascript:alert(1)"])
def test_login_leads_to_no_other_site(world: World, target: str) -> None:
    _, answer = world.log_in("alice@example.com", target)
    assert answer.headers["location"] == "/"
    page = world.browser().get("/prokube-auth/login", params={"next": target})
    assert 'href="http://evil' not in page.text
    assert "javascript:alert" not in page.text.replace("javascript%3Aalert", "")


def test_no_answer_is_made_of_the_host_that_a_request_names(world: World) -> None:
    for path in ("/", "/prokube-auth/login", "/prokube-auth/login/start", f"{API}/users/current"):
        refused = httpx.get(world.url + path, headers={"Host": "evil.test", "Accept": "text/html"})
        assert (path, refused.status_code, "evil" in refused.text) == (path, 403, False)
    start = httpx.get(
        f"{world.url}/prokube-auth/login/start",
        headers={"X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.test"},
    )
    redirect = parse_qs(urlsplit(start.headers["location"]).query)["redirect_uri"]
    assert redirect == [f"{world.url}/prokube-auth/callback"]
    # Probes come with any Host; their answers name none.
    assert "evil" not in httpx.get(f"{world.url}/prokube-auth/health", headers={"Host": "evil.test"}).text


@pytest.mark.parametrize("name", ["X-Forwarded-User", "X-Remote-User", "Remote-User", "kubeflow-userid", "X-Auth-User"])
def test_no_header_makes_anybody_a_user(world: World, name: str) -> None:
    answer = httpx.get(f"{world.url}{API}/users/current", headers={name: "admin@example.com"})
    assert answer.status_code == 401


@pytest.mark.parametrize("name", ["X-Forwarded-Prefix", "X-Script-Name", "X-Original-URL", "X-Rewrite-URL"])
@pytest.mark.parametrize("value", ["/health", "/static-files", "/prokube-auth/login", "/api/3.0/mlflow/server-info"])
def test_no_header_makes_a_route_another(world: World, name: str, value: str) -> None:
    answer = httpx.get(f"{world.url}{API}/users/current", headers={name: value})
    assert answer.status_code == 401


def test_credentials_for_the_gateway_count_there_alone(world: World) -> None:
    key = world.make_key(world.log_in("bob@example.com")[0]).json()["access_key"]
    basic = "Basic " + base64.b64encode(f"bob@example.com:{key}".encode()).decode()
    headers = {"X-MLflow-Authorization": basic}
    assert httpx.get(f"{world.url}{API}/users/current", headers=headers).status_code == 401
    for path in ("/gateway/../api/2.0/mlflow/users/current", "/gateway/%2e%2e/api/2.0/mlflow/users/current"):
        assert httpx.get(world.url + path, headers=headers).status_code in (400, 401, 403, 404)


@pytest.mark.parametrize("path", ["/", "/prokube-auth/permissions", "/prokube-auth/logout", "/prokube-auth/login"])
def test_no_page_lets_itself_be_framed_by_another_site(world: World, alice: httpx.Client, path: str) -> None:
    client = world.browser() if path.endswith("login") else alice
    page = client.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "SAMEORIGIN"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-store"


def test_what_is_about_somebody_is_stored_by_no_cache(alice: httpx.Client) -> None:
    for path in ("me", "permissions", "openapi.json"):
        assert alice.get(f"/prokube-auth/api/{path}").headers["cache-control"] == "no-store"


def test_no_other_site_reads_an_answer(alice: httpx.Client) -> None:
    for path in (f"{API}/users/current", "/prokube-auth/api/me", "/"):
        answer = alice.get(path, headers={"Origin": EVIL})
        assert answer.headers.get("access-control-allow-origin") not in (EVIL, "*")
