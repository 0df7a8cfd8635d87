"""The demo provider keeps the rules that it is there to hold others to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from mlflow_prokube_auth.demo.grants import SESSION_SECONDS, USED_SECONDS, Code, SsoSession, Token
from mlflow_prokube_auth.demo.provider import DEMO_USERS, DemoProvider, login_headless

CALLBACK = "http://127.0.0.1:5999/callback"
LOGGED_OUT = "http://127.0.0.1:5999/logged-out"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def provider() -> Iterator[DemoProvider]:
    with DemoProvider(client_id="mlflow", client_secret="s3cret", users=DEMO_USERS) as running:
        running.redirect_uris = [CALLBACK]
        running.post_logout_redirect_uris = [LOGGED_OUT]
        yield running


@pytest.fixture
def http(provider: DemoProvider) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=provider.issuer, trust_env=False) as client:
        yield client


def authorize_url(provider: DemoProvider, **changes: str | None) -> str:
    query: dict[str, str | None] = {
        "response_type": "code",
        "client_id": "mlflow",
        "redirect_uri": CALLBACK,
        "scope": "openid email profile",
        "state": "st&te",
        "nonce": "n0nce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return f"{provider.issuer}/authorize?" + urlencode({k: v for k, v in query.items() if v is not None})


def parameters(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def code_for(provider: DemoProvider, email: str = "alice@example.com", **changes: str | None) -> str:
    return parameters(login_headless(authorize_url(provider, **changes), email))["code"]


def exchange(http: httpx.Client, code: str, **changes: str) -> httpx.Response:
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return http.post("/token", data={**data, **changes}, auth=("mlflow", "s3cret"))


def refresh(http: httpx.Client, token: str) -> httpx.Response:
    data = {"grant_type": "refresh_token", "refresh_token": token}
    return http.post("/token", data=data, auth=("mlflow", "s3cret"))


def tokens_of(provider: DemoProvider, http: httpx.Client, email: str = "alice@example.com") -> dict[str, Any]:
    answer = exchange(http, code_for(provider, email))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def verified(http: httpx.Client, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(http.get("/jwks").json())
    return dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)


def header(token: str) -> dict[str, Any]:
    part = token.split(".")[0]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_discovery_names_every_endpoint_under_the_issuer(provider: DemoProvider, http: httpx.Client) -> None:
    document = http.get("/.well-known/openid-configuration").json()
    assert document["issuer"] == provider.issuer
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["end_session_endpoint"] == f"{provider.issuer}/logout"


def test_a_login_comes_back_with_state_issuer_and_a_code(provider: DemoProvider) -> None:
    url = login_headless(authorize_url(provider), "alice@example.com")
    answer = parameters(url)
    assert url.startswith(CALLBACK + "?")
    assert (answer["state"], answer["iss"]) == ("st&te", provider.issuer)
    assert answer["code"]


def test_the_id_token_carries_all_that_a_relying_party_checks(provider: DemoProvider, http: httpx.Client) -> None:
    claims = verified(http, tokens_of(provider, http)["id_token"])
    expected = {
        "iss": provider.issuer,
        "sub": "demo-alice",
        "aud": "mlflow",
        "azp": "mlflow",
        "nonce": "n0nce",
        "email": "alice@example.com",
        "email_verified": True,
        "name": "Alice Example",
        "preferred_username": "alice@example.com",
        "groups": ["/prokube-users"],
    }
    assert expected.items() <= claims.items()
    assert {"exp", "iat", "auth_time", "sid"} <= claims.keys()


def test_the_access_token_is_signed_and_alone_carries_the_realm_roles(
    provider: DemoProvider, http: httpx.Client
) -> None:
    tokens = tokens_of(provider, http)
    claims = verified(http, tokens["access_token"])
    assert "default-roles-demo" in claims["realm_access"]["roles"]
    assert claims["groups"] == ["/prokube-users"]
    assert "realm_access" not in verified(http, tokens["id_token"])


def test_the_client_may_authenticate_in_the_form(provider: DemoProvider, http: httpx.Client) -> None:
    answer = http.post(
        "/token",
        data={
            "grant_type": "authorization_code",
            "code": code_for(provider),
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            "client_id": "mlflow",
            "client_secret": "s3cret",
        },
    )
    assert answer.status_code == 200


def test_a_wrong_client_secret_is_refused(provider: DemoProvider, http: httpx.Client) -> None:
    data = {"grant_type": "authorization_code", "code": code_for(provider)}
    assert refusal(http.post("/token", data=data, auth=("mlflow", "guess"))) == (401, "invalid_client")


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge": "short"},
    ],
    ids=["missing", "plain", "method missing, which means plain", "malformed"],
)
def test_a_login_without_an_s256_challenge_is_refused(provider: DemoProvider, changes: dict[str, None]) -> None:
    answer = parameters(login_headless(authorize_url(provider, **changes), "alice@example.com"))
    assert answer["error"] == "invalid_request"
    assert answer["iss"] == provider.issuer
    assert "code" not in answer


@pytest.mark.parametrize("verifier", ["w" * 43, "", CHALLENGE], ids=["wrong", "missing", "the challenge itself"])
def test_a_verifier_that_does_not_fit_is_refused(provider: DemoProvider, http: httpx.Client, verifier: str) -> None:
    answer = exchange(http, code_for(provider), code_verifier=verifier)
    assert refusal(answer) == (400, "invalid_grant")


@pytest.mark.parametrize("redirect_uri", [CALLBACK + "/", CALLBACK + "?x=1", "https://evil.example/callback", ""])
def test_a_redirect_uri_that_is_not_registered_gets_a_page_and_no_redirect(
    provider: DemoProvider, http: httpx.Client, redirect_uri: str
) -> None:
    answer = http.get(authorize_url(provider, redirect_uri=redirect_uri))
    assert (answer.status_code, "location" in answer.headers) == (400, False)


def test_a_code_is_bound_to_its_redirect_uri(provider: DemoProvider, http: httpx.Client) -> None:
    provider.redirect_uris.append("http://127.0.0.1:5999/other")
    answer = exchange(http, code_for(provider), redirect_uri="http://127.0.0.1:5999/other")
    assert refusal(answer) == (400, "invalid_grant")


def test_using_a_code_twice_is_refused_and_ends_its_session(provider: DemoProvider, http: httpx.Client) -> None:
    code = code_for(provider)
    first = exchange(http, code)
    assert first.status_code == 200
    assert refusal(exchange(http, code)) == (400, "invalid_grant")
    assert refusal(refresh(http, first.json()["refresh_token"])) == (400, "invalid_grant")


def test_a_refresh_answers_new_tokens_of_the_same_session(provider: DemoProvider, http: httpx.Client) -> None:
    before = tokens_of(provider, http)
    after = refresh(http, before["refresh_token"]).json()
    old, new = verified(http, before["id_token"]), verified(http, after["id_token"])
    assert after["refresh_token"] != before["refresh_token"]
    assert (new["sid"], new["auth_time"], new["sub"]) == (old["sid"], old["auth_time"], old["sub"])
    assert refresh(http, after["refresh_token"]).status_code == 200


def test_using_a_refresh_token_twice_is_refused_and_ends_the_session(
    provider: DemoProvider, http: httpx.Client
) -> None:
    first = tokens_of(provider, http)
    second = refresh(http, first["refresh_token"]).json()
    assert refusal(refresh(http, first["refresh_token"])) == (400, "invalid_grant")
    assert refusal(refresh(http, second["refresh_token"])) == (400, "invalid_grant")


def test_a_refresh_tells_of_new_groups_and_a_new_email(provider: DemoProvider, http: httpx.Client) -> None:
    before = tokens_of(provider, http, "bob@example.com")
    provider.set_groups("bob@example.com", ["/prokube-users", "/team-x"])
    provider.set_email("bob@example.com", "robert@example.com")
    after = refresh(http, before["refresh_token"]).json()
    for token in (after["id_token"], after["access_token"]):
        claims = verified(http, token)
        assert claims["groups"] == ["/prokube-users", "/team-x"]
        assert (claims["sub"], claims["email"]) == ("demo-bob", "robert@example.com")


def test_a_disabled_user_can_neither_refresh_nor_log_in_until_enabled_again(
    provider: DemoProvider, http: httpx.Client
) -> None:
    tokens = tokens_of(provider, http)
    provider.disable_user("alice@example.com")
    assert refusal(refresh(http, tokens["refresh_token"])) == (400, "invalid_grant")
    with pytest.raises(RuntimeError, match=r"403: The account alice@example\.com is disabled"):
        code_for(provider)
    provider.enable_user("alice@example.com")
    assert code_for(provider)


def test_a_deleted_user_is_gone_from_everything(provider: DemoProvider, http: httpx.Client) -> None:
    code = parameters(login_headless(authorize_url(provider), "alice@example.com", http))["code"]
    tokens = exchange(http, code).json()
    provider.delete_user("alice@example.com")
    answer = refresh(http, tokens["refresh_token"])
    assert refusal(answer) == (400, "invalid_grant")
    assert answer.json()["error_description"] == "Session not active"
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert http.get("/userinfo", headers=bearer).status_code == 401
    page = http.get(authorize_url(provider))
    assert (page.status_code, "alice@example.com" in page.text) == (200, False)
    assert http.post(authorize_url(provider), data={"user": "demo-alice"}).status_code == 400
    with pytest.raises(KeyError):
        provider.delete_user("alice@example.com")
    assert tokens_of(provider, http, "bob@example.com")
    assert DEMO_USERS[0].enabled


def test_a_refresh_of_a_disabled_user_does_not_use_the_token_up(provider: DemoProvider, http: httpx.Client) -> None:
    token = tokens_of(provider, http)["refresh_token"]
    provider.disable_user("alice@example.com")
    assert refresh(http, token).json()["error_description"] == "User disabled"
    provider.enable_user("alice@example.com")
    assert refresh(http, token).status_code == 200


def test_what_is_used_or_over_is_forgotten_in_time(
    provider: DemoProvider, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = tokens_of(provider, http)
    code = code_for(provider, "bob@example.com")
    used = exchange(http, code).json()["refresh_token"]
    refresh(http, used)
    code_for(provider)
    ended = tokens_of(provider, http, "admin@example.com")["refresh_token"]
    provider.memory.redeem(Token, ended).session.end()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + USED_SECONDS + 1)
    assert refusal(refresh(http, used)) == (400, "invalid_grant")
    assert refusal(exchange(http, code)) == (400, "invalid_grant")
    assert refresh(http, live["refresh_token"]).status_code == 200
    assert len(provider.memory.all(Code)) == 0
    assert len(provider.memory.all(Token)) == 3
    assert len(provider.memory.all(SsoSession)) == 3
    monkeypatch.setattr(time, "time", lambda: now + SESSION_SECONDS + 2 * USED_SECONDS)
    provider.memory.put("new", SsoSession(provider.accounts["demo-alice"]))
    assert list(provider.memory._items) == ["new"]


@pytest.mark.parametrize("name", ["redirect_uri", "response_type"])
def test_a_parameter_of_odd_characters_is_refused(provider: DemoProvider, http: httpx.Client, name: str) -> None:
    assert http.get(authorize_url(provider, **{name: 'ä"'})).status_code == 400


def test_a_basic_header_that_is_not_utf8_is_refused(http: httpx.Client) -> None:
    answer = http.post("/token", data={"grant_type": "refresh_token"}, headers={"Authorization": "Basic /zr/"})
    assert answer.status_code == 400


def test_idled_out_refresh_tokens_leave_the_browser_signed_in(provider: DemoProvider, http: httpx.Client) -> None:
    code = parameters(login_headless(authorize_url(provider), "alice@example.com", http))["code"]
    token = exchange(http, code).json()["refresh_token"]
    provider.expire_refresh_tokens("alice@example.com")
    assert refusal(refresh(http, token)) == (400, "invalid_grant")
    assert "code" in parameters(http.get(authorize_url(provider, prompt="none")).headers["location"])


def test_a_second_login_is_silent_unless_it_is_asked_for(provider: DemoProvider, http: httpx.Client) -> None:
    login_headless(authorize_url(provider), "alice@example.com", http)
    assert http.get(authorize_url(provider)).status_code == 303
    assert "alice@example.com" in http.get(authorize_url(provider, prompt="login")).text


def test_a_silent_login_without_a_session_says_login_required(provider: DemoProvider, http: httpx.Client) -> None:
    answer = http.get(authorize_url(provider, prompt="none"))
    assert parameters(answer.headers["location"])["error"] == "login_required"


def test_the_login_page_runs_no_script_and_its_cookie_is_out_of_reach(
    provider: DemoProvider, http: httpx.Client
) -> None:
    page = http.get(authorize_url(provider))
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'nonce-")
    assert "<script" not in page.text
    clicked = http.post(authorize_url(provider), data={"user": "demo-alice"})
    cookie = clicked.headers["set-cookie"]
    assert cookie.startswith("prokube_demo_provider_sso=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_click_that_another_site_sends_is_refused(provider: DemoProvider, http: httpx.Client) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = http.post(authorize_url(provider), data={"user": "demo-alice"}, headers=headers)
    assert answer.status_code == 403


def test_a_foreign_host_name_gets_no_page(provider: DemoProvider, http: httpx.Client) -> None:
    answer = http.get("/.well-known/openid-configuration", headers={"Host": "evil.example"})
    assert answer.status_code == 400


def test_tokens_of_a_rotated_key_still_verify_and_new_ones_name_the_new_key(
    provider: DemoProvider, http: httpx.Client
) -> None:
    before = tokens_of(provider, http)["id_token"]
    provider.rotate_keys()
    after = tokens_of(provider, http)["id_token"]
    assert header(before)["kid"] != header(after)["kid"]
    assert len(http.get("/jwks").json()["keys"]) == 2
    assert verified(http, before)["sub"] == verified(http, after)["sub"] == "demo-alice"
    assert not any("d" in key for key in http.get("/jwks").json()["keys"])


def test_userinfo_answers_the_owner_of_an_access_token_only(provider: DemoProvider, http: httpx.Client) -> None:
    tokens = tokens_of(provider, http)
    good = http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert (good.json()["sub"], good.json()["groups"]) == ("demo-alice", ["/prokube-users"])
    for token in (tokens["id_token"], "nonsense"):
        assert http.get("/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert http.get("/userinfo").status_code == 401


def test_logout_with_a_hint_ends_the_session_and_goes_back_with_state(
    provider: DemoProvider, http: httpx.Client
) -> None:
    code = parameters(login_headless(authorize_url(provider), "alice@example.com", http))["code"]
    tokens = exchange(http, code).json()
    answer = http.get(
        "/logout",
        params={
            "id_token_hint": tokens["id_token"],
            "client_id": "mlflow",
            "post_logout_redirect_uri": LOGGED_OUT,
            "state": "bye",
        },
    )
    assert (answer.status_code, answer.headers["location"]) == (303, LOGGED_OUT + "?state=bye")
    assert http.get(authorize_url(provider)).status_code == 200
    assert refusal(refresh(http, tokens["refresh_token"])) == (400, "invalid_grant")


@pytest.mark.parametrize("back_to", [LOGGED_OUT + "/", "https://evil.example/", ""])
def test_logout_refuses_an_address_that_is_not_registered(http: httpx.Client, back_to: str) -> None:
    answer = http.get("/logout", params={"client_id": "mlflow", "post_logout_redirect_uri": back_to})
    assert (answer.status_code, "location" in answer.headers) == (400, False)


def test_logout_refuses_a_hint_that_it_did_not_sign(http: httpx.Client) -> None:
    answer = http.get("/logout", params={"id_token_hint": "a.b.c", "post_logout_redirect_uri": LOGGED_OUT})
    assert answer.status_code == 400


def test_logout_without_a_hint_asks_the_person_first(provider: DemoProvider, http: httpx.Client) -> None:
    login_headless(authorize_url(provider), "alice@example.com", http)
    query = {"client_id": "mlflow", "post_logout_redirect_uri": LOGGED_OUT}
    assert "Do you want to log out" in http.get("/logout", params=query).text
    assert http.get(authorize_url(provider)).status_code == 303
    answer = http.post("/logout", params=query, data={"confirm": "yes"})
    assert answer.headers["location"] == LOGGED_OUT
    assert http.get(authorize_url(provider)).status_code == 200


def test_a_back_channel_logout_sends_a_signed_logout_token_per_session(
    provider: DemoProvider, http: httpx.Client
) -> None:
    received: list[str] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    tokens = tokens_of(provider, http)
    with HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        thread = Thread(target=receiver.handle_request)
        thread.start()
        provider.backchannel_logout_uri = f"http://127.0.0.1:{receiver.server_port}/backchannel"
        assert provider.backchannel_logout("alice@example.com") == [200]
        thread.join()
    token = parse_qs(received[0])["logout_token"][0]
    claims = verified(http, token)
    assert header(token)["typ"] == "logout+jwt"
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert (claims["sub"], claims["sid"]) == ("demo-alice", verified(http, tokens["id_token"])["sid"])
    assert {"iss", "aud", "jti", "iat", "exp"} <= claims.keys()
    assert "nonce" not in claims
    assert refusal(refresh(http, tokens["refresh_token"])) == (400, "invalid_grant")


def test_a_test_can_tamper_with_the_id_token(provider: DemoProvider, http: httpx.Client) -> None:
    provider.tamper = lambda claims: {**claims, "nonce": "another"}
    assert verified(http, tokens_of(provider, http)["id_token"])["nonce"] == "another"


def test_a_test_can_have_an_id_token_without_signature(provider: DemoProvider, http: httpx.Client) -> None:
    provider.unsigned_id_token = True
    token = tokens_of(provider, http)["id_token"]
    assert (header(token)["alg"], token.endswith(".")) == ("none", True)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/authorize", "/userinfo", "/logout"])
def test_in_an_outage_everything_answers_503(provider: DemoProvider, http: httpx.Client, path: str) -> None:
    provider.set_outage(True)
    assert http.get(path).status_code == 503
    assert http.post("/token").status_code == 503
    provider.set_outage(False)
    assert http.get("/jwks").status_code == 200


def test_a_stopped_provider_comes_back_under_its_issuer(provider: DemoProvider, http: httpx.Client) -> None:
    issuer, tokens = provider.issuer, tokens_of(provider, http)
    provider.stop()
    with pytest.raises(httpx.ConnectError):
        http.get("/jwks")
    provider.start()
    assert provider.issuer == issuer
    assert refresh(http, tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "", "::", "demo.example.com"])
def test_a_host_beyond_loopback_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        DemoProvider(host, client_id="mlflow", client_secret=secrets.token_hex(4))


def test_a_taken_port_is_told_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        provider = DemoProvider(port=port, client_id="mlflow", client_secret="s3cret")
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            provider.start()


def test_login_and_tokens_leave_nothing_in_the_logs(
    provider: DemoProvider, http: httpx.Client, capfd: pytest.CaptureFixture[str]
) -> None:
    tokens_of(provider, http)
    assert tuple(capfd.readouterr()) == ("", "")


def test_claims_by_userinfo_alone_are_in_no_token(provider: DemoProvider, http: httpx.Client) -> None:
    provider.userinfo_only = True
    tokens = tokens_of(provider, http)
    for name in ("id_token", "access_token"):
        claims = jwt.decode(tokens[name], provider.keys.verifying, algorithms=["RS256"]).claims
        assert claims["sub"] == "demo-alice"
        assert not {"email", "email_verified", "groups", "name", "realm_access"} & set(claims)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert http.get("/userinfo", headers=bearer).json()["groups"] == ["/prokube-users"]
    provider.withheld = frozenset({"groups"})
    told = http.get("/userinfo", headers=bearer).json()
    assert set(told) == {"sub", "email", "email_verified", "name", "preferred_username"}
