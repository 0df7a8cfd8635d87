"""The back channel to Keycloak when Keycloak, or something before it, does not answer as it should."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event, Thread
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from mlflow_prokube_auth.identity import kept_document
from mlflow_prokube_auth.identity import provider as module
from mlflow_prokube_auth.identity.claims import Membership
from mlflow_prokube_auth.identity.directory import Directory, NoRight, _Held
from mlflow_prokube_auth.identity.faults import GrantRefused, ProviderDown
from mlflow_prokube_auth.identity.provider import Provider, TokenSet
from mlflow_prokube_auth.identity.reading import OtherSubject, Reader
from mlflow_prokube_auth.model import AccountState, Person
from mlflow_prokube_auth.settings import Settings, load

from ..support.peer import Peer
from ..support.settings import GOOD

NOT_FOUND = (404, '{"error": "User not found", "error_description": "For more on this error consult the server log."}')
STANDING = AccountState(Person(1, "a@x", False), "https://kc", "s-1", False, "groups:/prokube-users", None, 0, False, 0)


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer() as running:
        thread = Thread(target=running.serve_forever)
        thread.start()
        yield running
        if running.hung is not None:
            running.hung.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def settings(peer: Peer) -> Settings:
    return load({**GOOD, "PROKUBE_AUTH_OIDC_ISSUER": f"{peer.url}/realms/r"})


@pytest.fixture
def provider(settings: Settings) -> Provider:
    return Provider(settings)


def test_a_flood_of_tokens_asks_a_keycloak_that_hangs_once(
    peer: Peer, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(kept_document, "RETRY_SECONDS", 60)
    peer.hung = Event()
    key = RSAKey.generate_key(2048)
    token = jwt.encode({"alg": "RS256", "kid": "made-up"}, {"sub": "x"}, key)

    def verify() -> type[Exception] | None:
        try:
            provider.verify(token)
        except ProviderDown as error:
            return type(error)
        return None

    with ThreadPoolExecutor(8) as pool:
        answers = [each.result() for each in [pool.submit(verify) for _ in range(8)]]
    assert answers == [ProviderDown] * 8
    assert len(peer.asked) == 1


DISCOVERY = "/realms/r/.well-known/openid-configuration"


def begun(pool: ThreadPoolExecutor, call: Any, number: int) -> Any:
    """So many calls at once; their outcomes as they come: what they answered, or their exception."""
    return as_completed([pool.submit(call) for _ in range(number)])


@pytest.mark.parametrize("knew", ["nothing", "an answer of a moment ago", "an answer of long ago", "a failure"])
def test_visitors_of_a_keycloak_that_hangs_hold_one_thread_and_few_wait_for_it(
    peer: Peer, settings: Settings, monkeypatch: pytest.MonkeyPatch, knew: str
) -> None:
    now = [1_000.0]
    provider = Provider(settings, lambda: now[0])
    monkeypatch.setattr(kept_document, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 25)
    peer.answers[DISCOVERY] = (200, json.dumps({"issuer": f"{peer.url}/realms/r"}))
    if knew.startswith("an answer"):
        provider.probe()
    elif knew == "a failure":
        peer.answers[DISCOVERY] = (503, "")
        with pytest.raises(ProviderDown):
            provider.probe()
    now[0] += 5 if knew == "an answer of a moment ago" else 1_000
    before, peer.hung = len(peer.asked), Event()
    with ThreadPoolExecutor(30) as pool:
        outcomes = begun(pool, provider.probe, 30)
        done = [next(outcomes).exception() for _ in range(29)]  # while the first still hangs
        assert not peer.hung.is_set()
        for _ in range(1000):  # the first may not have come so far
            if len(peer.asked) > before:
                break
            time.sleep(0.01)
        assert len(peer.asked) - before == 1
        assert {type(each) for each in done} == {type(None) if knew == "an answer of a moment ago" else ProviderDown}
        peer.hung.set()
        assert type(next(outcomes).exception()) is (ProviderDown if knew == "a failure" else type(None))


def test_no_more_threads_wait_for_a_document_than_may(
    peer: Peer, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_document, "WAIT_SECONDS", 30)
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 25)
    peer.answers[DISCOVERY] = (200, json.dumps({"issuer": f"{peer.url}/realms/r"}))
    peer.hung = Event()
    with ThreadPoolExecutor(30) as pool:
        outcomes = begun(pool, provider.metadata, 30)
        refused = [next(outcomes).exception() for _ in range(30 - 1 - kept_document.WAITING_AT_ONCE)]
        assert [str(each) for each in refused] == ["another request is already waiting for it"] * 21
        peer.hung.set()
        assert [each.exception() for each in outcomes] == [None] * (1 + kept_document.WAITING_AT_ONCE)
    assert len(peer.asked) == 1


def test_a_keycloak_that_is_back_is_seen_by_the_next_visitor(peer: Peer, provider: Provider) -> None:
    peer.answers[DISCOVERY] = (503, "")
    with pytest.raises(ProviderDown):
        provider.probe()
    peer.answers[DISCOVERY] = (200, json.dumps({"issuer": f"{peer.url}/realms/r"}))
    provider.probe()


def test_an_older_discovery_document_beats_none(peer: Peer, provider: Provider) -> None:
    path = "/realms/r/.well-known/openid-configuration"
    peer.answers[path] = (200, json.dumps({"issuer": f"{peer.url}/realms/r", "jwks_uri": "j"}))
    assert provider.endpoint("jwks_uri") == "j"
    peer.answers[path] = (503, "")
    assert provider._discovery.get(0)["jwks_uri"] == "j"
    assert peer.asked == [path] * 2


def test_a_404_of_keycloak_means_gone_and_one_of_a_proxy_means_closed(peer: Peer, provider: Provider) -> None:
    peer.answers["/gone"] = NOT_FOUND
    assert provider.get_json(f"{peer.url}/gone", "token") is None
    with pytest.raises(GrantRefused, match="not from Keycloak"):
        provider.get_json(f"{peer.url}/closed", "token")


def test_a_proxy_that_closes_the_admin_api_withdraws_nobody(
    peer: Peer, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load({**GOOD, "PROKUBE_AUTH_KEYCLOAK_ADMIN_URL": f"{peer.url}/admin/realms/r"})
    monkeypatch.setattr(provider, "service_token", lambda: "token")
    with pytest.raises(NoRight):
        Directory(settings, provider).look_up(STANDING)
    peer.answers["/admin/realms/r/users/s-1"] = NOT_FOUND
    assert not Directory(settings, provider).look_up(STANDING).enabled


def test_a_directory_that_does_not_say_whether_somebody_is_enabled_withdraws_nobody(
    peer: Peer, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load({**GOOD, "PROKUBE_AUTH_KEYCLOAK_ADMIN_URL": f"{peer.url}/admin/realms/r"})
    monkeypatch.setattr(provider, "service_token", lambda: "token")
    peer.answers["/admin/realms/r/users/s-1"] = (200, '{"id": "s-1"}')
    with pytest.raises(ProviderDown):
        Directory(settings, provider).look_up(STANDING)


def test_a_group_below_another_confirms_no_role_of_its_name() -> None:
    def get(path: str) -> object:
        return [{"path": "/team-x/prokube-admins", "name": "prokube-admins"}] if "/groups" in path else []

    held = _Held(get, "users/s-1")
    assert not held.holds(Membership("realm_access.roles", "prokube-admins"))
    assert held.holds(Membership("groups", "/team-x/prokube-admins"))


def test_whether_a_key_still_signs_is_asked_anew(peer: Peer, provider: Provider) -> None:
    peer.answers["/realms/r/.well-known/openid-configuration"] = (
        200, json.dumps({"issuer": f"{peer.url}/realms/r", "jwks_uri": f"{peer.url}/keys"}),
    )  # fmt: skip
    old, new = (RSAKey.generate_key(2048, parameters={"kid": kid}) for kid in ("old", "new"))
    token = jwt.encode({"alg": "RS256", "kid": "old"}, {"sub": "x"}, old)
    peer.answers["/keys"] = (200, json.dumps({"keys": [old.as_dict(private=False)]}))
    assert provider.still_signs(token)
    peer.answers["/keys"] = (200, json.dumps({"keys": [new.as_dict(private=False)]}))
    assert not provider.still_signs(token)


class Signer:
    """The issuer's key, in the peer's documents, and tokens under it."""

    def __init__(self, peer: Peer) -> None:
        self.issuer = f"{peer.url}/realms/r"
        self._key = RSAKey.generate_key(2048, parameters={"kid": "k"})
        document = {"issuer": self.issuer, "jwks_uri": f"{peer.url}/keys", "userinfo_endpoint": f"{peer.url}/userinfo"}
        peer.answers["/realms/r/.well-known/openid-configuration"] = (200, json.dumps(document))
        peer.answers["/keys"] = (200, json.dumps({"keys": [self._key.as_dict(private=False)]}))

    def sign(self, **claims: Any) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "mlflow", "sub": "s-1", "iat": now, "exp": now + 60, **claims}
        return jwt.encode({"alg": "RS256", "kid": "k"}, claims, self._key)


@pytest.fixture
def signer(peer: Peer) -> Signer:
    return Signer(peer)


def test_userinfo_may_come_signed(peer: Peer, provider: Provider, signer: Signer) -> None:
    peer.answers["/userinfo"] = (200, signer.sign(email="a@x", exp=None, iat=None))
    claims = provider.userinfo("token")
    assert claims is not None
    assert (claims["sub"], claims["email"]) == ("s-1", "a@x")
    for changes in ({"iss": "https://evil.test"}, {"aud": "another"}):
        peer.answers["/userinfo"] = (200, signer.sign(**changes))
        with pytest.raises(ProviderDown):
            provider.userinfo("token")
    header, _, signature = signer.sign().split(".")
    peer.answers["/userinfo"] = (200, f"{header}.{signer.sign(email='b@x').split('.')[1]}.{signature}")
    with pytest.raises(ProviderDown):
        provider.userinfo("token")


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (400, "", GrantRefused), (401, "", GrantRefused), (403, "", GrantRefused), (404, "", GrantRefused),
        (408, "", ProviderDown), (429, "", ProviderDown), (500, "", ProviderDown), (503, "", ProviderDown),
        (302, "", ProviderDown), (200, "<html>", ProviderDown), (200, "[]", ProviderDown), (200, "", ProviderDown),
    ],
)  # fmt: skip
def test_userinfo_without_claims_is_a_refusal_or_an_outage(
    peer: Peer, provider: Provider, signer: Signer, status: int, text: str, expected: type[Exception]
) -> None:
    peer.answers["/userinfo"] = (status, text)
    with pytest.raises(expected):
        provider.userinfo("token")


def test_a_provider_without_userinfo_tells_what_its_tokens_tell(
    peer: Peer, provider: Provider, settings: Settings, signer: Signer
) -> None:
    path = "/realms/r/.well-known/openid-configuration"
    document = json.loads(peer.answers[path][1])
    del document["userinfo_endpoint"]
    peer.answers[path] = (200, json.dumps(document))
    tokens = TokenSet("r", signer.sign(email="a@x"), signer.sign(aud="account", realm_access={"roles": ["pk-user"]}))
    first, second = Reader(settings, provider).of_refresh(tokens, "s-1")
    assert (first["email"], second["realm_access"]) == ("a@x", {"roles": ["pk-user"]})


@pytest.mark.parametrize("access_token", ["opaque", "another subject's"])
def test_a_refresh_may_bring_no_id_token_and_an_access_token_that_tells_nothing(
    peer: Peer, provider: Provider, settings: Settings, signer: Signer, access_token: str
) -> None:
    peer.answers["/userinfo"] = (200, '{"sub": "s-1", "email": "a@x"}')
    text = access_token if access_token == "opaque" else signer.sign(sub="s-2", email="b@x")
    sources = Reader(settings, provider).of_refresh(TokenSet("r", None, text), "s-1")
    assert sources == ({"sub": "s-1"}, {"sub": "s-1", "email": "a@x"})


@pytest.mark.parametrize("changes", [{"aud": "another"}, {"azp": "another"}, {"iss": "https://e.test"}, {"exp": 1000}])
def test_a_refreshed_id_token_that_does_not_hold_is_not_read(
    peer: Peer, provider: Provider, settings: Settings, signer: Signer, changes: dict[str, Any]
) -> None:
    peer.answers["/userinfo"] = (200, '{"sub": "s-1"}')
    tokens = TokenSet("r", signer.sign(email="b@x", **changes), None)
    assert Reader(settings, provider).of_refresh(tokens, "s-1") == ({"sub": "s-1"},)


def test_a_refresh_that_speaks_of_somebody_else_is_refused(
    peer: Peer, provider: Provider, settings: Settings, signer: Signer
) -> None:
    reader = Reader(settings, provider)
    peer.answers["/userinfo"] = (200, '{"sub": "s-1"}')
    with pytest.raises(OtherSubject, match="ID token"):
        reader.of_refresh(TokenSet("r", signer.sign(sub="s-2"), "opaque"), "s-1")
    for text in ('{"sub": "s-2"}', "{}"):
        peer.answers["/userinfo"] = (200, text)
        with pytest.raises(OtherSubject, match="userinfo"):
            reader.of_refresh(TokenSet("r", signer.sign(), "opaque"), "s-1")


@pytest.mark.parametrize(
    ("found", "advice"),
    [
        ("/realms/r/", "the slash at the end is part of it"),
        ("/realms/other", "if that is the intended provider"),
        (None, "Check PROKUBE_AUTH_OIDC_ISSUER"),
    ],
)
def test_another_issuer_is_told_with_both_and_again_while_nobody_asks_anew(
    peer: Peer, settings: Settings, found: str | None, advice: str
) -> None:
    provider = Provider(settings, clock=lambda: 1000.0)
    issuer = found and peer.url + found
    peer.answers["/realms/r/.well-known/openid-configuration"] = (200, json.dumps({"issuer": issuer}))
    for _ in range(2):
        with pytest.raises(ProviderDown) as raised:
            provider.metadata()
        for words in (repr(issuer), repr(f"{peer.url}/realms/r"), advice):
            assert words in str(raised.value)
    assert len(peer.asked) == 1


def test_requests_while_a_failure_holds_do_not_make_it_hold_longer(peer: Peer, settings: Settings) -> None:
    now = [1_000.0]
    provider = Provider(settings, lambda: now[0])
    peer.answers[DISCOVERY] = (503, "")
    with pytest.raises(ProviderDown):
        provider.metadata()
    peer.answers[DISCOVERY] = (200, json.dumps({"issuer": f"{peer.url}/realms/r"}))
    now[0] += kept_document.RETRY_SECONDS * 0.9
    with pytest.raises(ProviderDown):
        provider.metadata()
    now[0] += kept_document.RETRY_SECONDS * 0.2
    assert provider.metadata()["issuer"] == f"{peer.url}/realms/r"
