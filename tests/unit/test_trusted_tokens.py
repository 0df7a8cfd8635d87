"""What is checked of a trusted issuer's token, against attacks; and how its keys are fetched."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from mlflow_prokube_auth.errors import Unauthenticated, Unavailable
from mlflow_prokube_auth.identity import fetching, issuer_keys
from mlflow_prokube_auth.identity.workloads import LONGEST_TOKEN, TrustedTokens
from mlflow_prokube_auth.settings import load

from ..support.issuers import DISCOVERY, JWKS, TRAINER, TestIssuer, running_issuer
from ..support.settings import GOOD

AUDIENCE = "https://mlflow.test/mlflow"


@pytest.fixture
def issuer() -> Iterator[TestIssuer]:
    with running_issuer(AUDIENCE) as running:
        yield running


class Tokens:
    """Tokens as the server judges them, at a time that the test sets."""

    def __init__(self, trusted: str) -> None:
        self.now = time.time()
        settings = load({**GOOD, "PROKUBE_AUTH_TRUSTED_ISSUERS": trusted})
        self.judge = TrustedTokens(settings, lambda: self.now)

    def claims(self, token: str, lenient: bool = False) -> Any:
        return self.judge(token, lenient)

    def refusal(self, token: str) -> str:
        with pytest.raises(Unauthenticated) as refused:
            self.judge(token, False)
        assert token not in str(refused.value)
        return str(refused.value)

    def holds_not(self, token: str) -> bool:
        """Whether it is refused, or no token at all."""
        try:
            return self.judge(token, False) is None
        except Unauthenticated:
            return True


@pytest.fixture
def tokens(issuer: TestIssuer) -> Tokens:
    return Tokens(issuer.url)


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.mark.parametrize(
    "header", [{}, {"typ": "JWT"}, {"typ": "at+jwt"}, {"typ": "JOSE"}], ids=["none", "JWT", "at+jwt", "JOSE"]
)
def test_a_token_of_the_issuer_for_this_server_holds(
    issuer: TestIssuer, tokens: Tokens, header: dict[str, str]
) -> None:
    for audience in (AUDIENCE, ["other", AUDIENCE]):
        claims = tokens.claims(issuer.token(header=header, aud=audience))
        assert claims["sub"] == TRAINER
    assert issuer.fetches == 1


@pytest.mark.parametrize(
    ("alg", "key"),
    [
        ("PS256", None), ("RS512", None),
        ("ES256", ECKey.generate_key("P-256", parameters={"kid": "ec"})),
        ("ES384", ECKey.generate_key("P-384", parameters={"kid": "ec"})),
        ("EdDSA", OKPKey.generate_key("Ed25519", parameters={"kid": "ed"})),
        ("Ed25519", OKPKey.generate_key("Ed25519", parameters={"kid": "ed"})),
    ],
    ids=["PS256", "RS512", "ES256", "ES384", "EdDSA", "Ed25519"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_asymmetric_algorithms_are_accepted(issuer: TestIssuer, tokens: Tokens, alg: str, key: Any) -> None:
    if key is not None:
        issuer.keys.append(key)
        issuer.publish()
    assert tokens.claims(issuer.token(alg=alg, key=key))["sub"] == TRAINER


# --- whose token it is -------------------------------------------------------------------------


@pytest.mark.parametrize("added", ["/", ".evil.test", "/x", "#", "%2f"])
def test_an_issuer_that_only_begins_like_a_trusted_one_is_another(
    issuer: TestIssuer, tokens: Tokens, added: str
) -> None:
    assert tokens.claims(issuer.token(iss=issuer.url + added)) is None
    assert tokens.claims(issuer.token(iss=issuer.url.upper())) is None
    assert issuer.fetches == 0


@pytest.mark.parametrize("issuer_claim", [["x"], {"x": 1}, 5, None, True])
def test_an_issuer_that_is_no_text_is_none(issuer: TestIssuer, tokens: Tokens, issuer_claim: Any) -> None:
    assert tokens.claims(issuer.token(iss=issuer_claim)) is None


def test_a_token_of_the_login_realm_is_for_others_to_judge(issuer: TestIssuer, tokens: Tokens) -> None:
    assert tokens.claims(issuer.token(iss=GOOD["PROKUBE_AUTH_OIDC_ISSUER"])) is None


@pytest.mark.parametrize("text", ["", "a.b", "pkt_abc", "a.b.c", "..", "e30.e30.e30", "\u00e9.\u00e9.\u00e9"])
def test_what_is_no_token_is_for_others_to_judge(tokens: Tokens, text: str) -> None:
    assert tokens.claims(text) is None


def test_a_discovery_document_of_another_issuer_gives_no_keys(issuer: TestIssuer, tokens: Tokens) -> None:
    issuer.peer.answers[DISCOVERY] = (200, json.dumps({"issuer": issuer.url + "/", "jwks_uri": issuer.url + JWKS}))
    with pytest.raises(Unavailable):
        tokens.claims(issuer.token())
    assert issuer.fetches == 0


@pytest.mark.parametrize("url", ["http://10.1.2.3/jwks", "file:///etc/passwd", "https://", 5, None, "ftp://h/x"])
def test_a_discovery_document_leads_nowhere_without_encryption(issuer: TestIssuer, tokens: Tokens, url: Any) -> None:
    issuer.peer.answers[DISCOVERY] = (200, json.dumps({"issuer": issuer.url, "jwks_uri": url}))
    with pytest.raises(Unavailable):
        tokens.claims(issuer.token())


# --- for whom it is ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "audience",
    [
        "https://kubernetes.default.svc",
        "https://mlflow.test/mlflow/",
        "https://mlflow.test",
        [],
        None,
        [[AUDIENCE]],
        {},
    ],
    ids=str,
)
def test_a_token_for_another_audience_is_refused(issuer: TestIssuer, tokens: Tokens, audience: Any) -> None:
    token = issuer.token(aud=audience)
    assert f"for another audience (aud). Expected among it: '{AUDIENCE}'" in tokens.refusal(token)
    assert tokens.claims(token, lenient=True) is None  # a gateway's own, beside a session


# --- signatures --------------------------------------------------------------------------------


def test_a_token_without_a_signature_is_refused(issuer: TestIssuer, tokens: Tokens) -> None:
    for alg in ("none", "None", "NONE", ""):
        text = forged({"alg": alg, "kid": "one"}, issuer.claims())
        assert "its alg is" in tokens.refusal(text)
    assert tokens.claims(forged({"kid": "one"}, issuer.claims())) is None  # no token at all


def test_the_public_key_is_no_secret_of_a_symmetric_signature(issuer: TestIssuer, tokens: Tokens) -> None:
    public = issuer.keys[0].public_key
    secrets = (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(issuer.keys[0].as_dict(private=False)).encode(),
    )
    for secret in secrets:
        head, body, _ = forged({"alg": "HS256", "kid": "one"}, issuer.claims()).split(".")
        mac = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
        text = f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        assert "its alg is 'HS256'" in tokens.refusal(text)


def test_a_symmetric_key_among_the_issuers_is_not_used(issuer: TestIssuer, tokens: Tokens) -> None:
    secret = OctKey.import_key("secret-of-the-issuer-0123456789", {"kid": "oct"})
    documents = issuer.documents()
    documents[JWKS]["keys"].append(secret.as_dict(private=True))
    issuer.peer.answers[JWKS] = (200, json.dumps(documents[JWKS]))
    assert "its alg is 'HS256'" in tokens.refusal(issuer.token(key=secret, alg="HS256"))
    assert tokens.claims(issuer.token())


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "RS1", "RSA-OAEP", "ES256K", ["RS256"], None, 5])
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_an_algorithm_that_does_not_fit_the_key_is_refused(issuer: TestIssuer, tokens: Tokens, alg: Any) -> None:
    _, body, signature = issuer.token().split(".")
    head = forged({"alg": alg, "kid": "one"}, {}).split(".")[0]
    assert tokens.holds_not(f"{head}.{body}.{signature}")


def test_a_key_for_one_algorithm_verifies_no_other(issuer: TestIssuer, tokens: Tokens) -> None:
    key = RSAKey.generate_key(2048, parameters={"kid": "pinned", "alg": "RS256", "use": "sig"})
    issuer.keys.append(key)
    issuer.publish()
    assert tokens.claims(issuer.token(key=key))
    unpinned = RSAKey.import_key({**key.as_dict(private=True), "alg": "PS256"})
    assert "is not valid" in tokens.refusal(issuer.token(key=unpinned, alg="PS256"))


@pytest.mark.parametrize("spoiled", ["weak", "for encryption", "without an id"])
def test_keys_that_are_not_for_signing_are_left_out(issuer: TestIssuer, tokens: Tokens, spoiled: str) -> None:
    key = issuer.new_key("two", bits=1024 if spoiled == "weak" else 2048)
    documents = issuer.documents()
    public = key.as_dict(private=False)
    changed = {"weak": public, "for encryption": {**public, "use": "enc"}}.get(spoiled, {**public, "kid": None})
    documents[JWKS]["keys"] += [changed, {"kty": "RSA", "kid": "broken"}, {"kty": "AKP", "kid": "later"}, "x"]
    issuer.peer.answers[JWKS] = (200, json.dumps(documents[JWKS]))
    assert tokens.claims(issuer.token())
    assert "a key that the issuer does not have" in tokens.refusal(issuer.token(key=key))


@pytest.mark.parametrize("kind", ["jku", "jwk", "x5u", "x5c", "crit", "b64"])
def test_keys_that_a_token_brings_along_are_ignored(issuer: TestIssuer, tokens: Tokens, kind: str) -> None:
    with running_issuer(AUDIENCE) as attacker:
        key = attacker.new_key("one")
        public = key.as_dict(private=False)
        brought: dict[str, Any] = {
            "jku": f"{attacker.url}{JWKS}", "jwk": public, "x5u": f"{attacker.url}/cert", "x5c": ["MIIB"],
            "crit": ["x"], "b64": False,
        }  # fmt: skip
        head, body, _ = forged({"alg": "RS256", "kid": "one", kind: brought[kind]}, issuer.claims()).split(".")
        model = jws.JWSRegistry.algorithms["RS256"]
        signature = base64.urlsafe_b64encode(model.sign(f"{head}.{body}".encode(), key)).rstrip(b"=").decode()
        assert tokens.holds_not(f"{head}.{body}.{signature}")
        assert attacker.peer.asked == []
        # What the issuer's own key has signed under a header that must be understood, and is not, does not hold either.
        if kind in ("crit", "b64"):
            own = base64.urlsafe_b64encode(model.sign(f"{head}.{body}".encode(), issuer.keys[0])).rstrip(b"=").decode()
            assert tokens.holds_not(f"{head}.{body}.{own}")


def test_a_changed_claim_breaks_the_signature(issuer: TestIssuer, tokens: Tokens) -> None:
    head, _, signature = issuer.token().split(".")
    body = forged({}, issuer.claims(sub="system:serviceaccount:team-b:trainer")).split(".")[1]
    assert "its signature is not valid" in tokens.refusal(f"{head}.{body}.{signature}")


@pytest.mark.parametrize("key_id", [None, 5, ["one"], "", "two"])
def test_a_token_must_name_a_key_of_the_issuer(issuer: TestIssuer, tokens: Tokens, key_id: Any) -> None:
    header = {"alg": "RS256"} if key_id is None else {"alg": "RS256", "kid": key_id}
    assert "is not valid" in tokens.refusal(forged(header, issuer.claims(), b"x"))


# --- times and kinds ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"exp": -61}, "it expired"), ({"nbf": 120}, "its nbf lies"), ({"iat": 120, "exp": 3600}, "its iat lies"),
        ({"exp": None}, "no usable exp"), ({"iat": None}, "no usable iat"), ({"exp": "never"}, "no usable exp"),
        ({"exp": 86_401}, "it lives 24.0 hours, expected at most 24"),
        ({"iat": -90_000, "exp": 60}, "it lives 25.0 hours, expected at most 24"),
        ({"exp": 10**9}, "expected at most 24"),
    ],
)  # fmt: skip
def test_a_token_outside_of_its_time_is_refused(
    issuer: TestIssuer, tokens: Tokens, changes: dict[str, Any], told: str
) -> None:
    now = int(tokens.now)
    moved = {name: now + value if isinstance(value, int) else value for name, value in changes.items()}
    assert told in tokens.refusal(issuer.token(**{"iat": now, **moved}))


def test_a_token_lives_a_day_at_most_and_clocks_may_differ(issuer: TestIssuer, tokens: Tokens) -> None:
    now = int(tokens.now)
    assert tokens.claims(issuer.token(iat=now, exp=now + 86_400))
    assert tokens.claims(issuer.token(iat=now - 600, exp=now - 30))
    tokens.now += 86_400 + 120
    assert "it expired" in tokens.refusal(issuer.token(iat=now, exp=now + 86_400))


@pytest.mark.parametrize("typ", ["logout+jwt", "secevent+jwt", "dpop+jwt", "JWE", 5, ["JWT"]])
def test_a_token_of_another_type_is_refused(issuer: TestIssuer, tokens: Tokens, typ: Any) -> None:
    text = forged({"alg": "RS256", "kid": "one", "typ": typ}, issuer.claims(), b"x")
    assert "its typ is" in tokens.refusal(text)


@pytest.mark.parametrize(
    "claims",
    [{"nonce": "n"}, {"at_hash": "h"}, {"c_hash": "h"}, {"events": {}}, {"typ": "ID"}, {"typ": "Refresh"},
     {"typ": "Logout"}, {"typ": ["Bearer"]}],
    ids=str,
)  # fmt: skip
def test_the_id_token_of_a_person_is_refused(issuer: TestIssuer, tokens: Tokens, claims: dict[str, Any]) -> None:
    assert "so it is no access token of a workload" in tokens.refusal(issuer.token(**claims))
    assert tokens.claims(issuer.token(typ="Bearer"))  # Keycloak's word for an access token


def test_a_token_that_is_too_long_is_refused_before_it_is_verified(issuer: TestIssuer, tokens: Tokens) -> None:
    assert f"expected at most {LONGEST_TOKEN}" in tokens.refusal(issuer.token(pad="x" * LONGEST_TOKEN))
    assert tokens.claims(issuer.token(pad="x" * 70_000)) is None
    assert issuer.fetches == 0


# --- keys --------------------------------------------------------------------------------------


def test_a_new_key_holds_after_the_cool_down_and_a_withdrawn_one_no_more(issuer: TestIssuer, tokens: Tokens) -> None:
    old = issuer.token()
    assert tokens.claims(old)
    issuer.keys = [issuer.new_key("two")]
    issuer.publish()
    new = issuer.token()
    assert "a key that the issuer does not have" in tokens.refusal(new)
    tokens.now += issuer_keys.COOLDOWN_SECONDS
    assert tokens.claims(new)
    assert "a key that the issuer does not have" in tokens.refusal(old)


def test_a_withdrawn_key_ends_though_no_token_names_a_new_one(issuer: TestIssuer, tokens: Tokens) -> None:
    old = issuer.token()
    assert tokens.claims(old)
    issuer.keys = [issuer.new_key("two")]
    issuer.publish()
    tokens.now += issuer_keys.KEYS_SECONDS
    assert "a key that the issuer does not have" in tokens.refusal(old)


def test_a_key_with_the_id_of_another_does_not_verify(issuer: TestIssuer, tokens: Tokens) -> None:
    assert "its signature is not valid" in tokens.refusal(issuer.token(key=issuer.new_key("one")))


def test_a_flood_of_unknown_keys_fetches_once_in_a_cool_down(issuer: TestIssuer, tokens: Tokens) -> None:
    flood = [forged({"alg": "RS256", "kid": f"made-up-{number}"}, issuer.claims(), b"x") for number in range(40)]
    for fetches in (1, 2, 3):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(tokens.refusal, flood))
        assert issuer.fetches == fetches
        tokens.now += issuer_keys.COOLDOWN_SECONDS


def test_a_flood_while_the_issuer_fails_asks_once_in_a_cool_down(issuer: TestIssuer, tokens: Tokens) -> None:
    issuer.fail()
    for asked in (1, 2):
        for number in range(20):
            with pytest.raises(Unavailable):
                tokens.claims(forged({"alg": "RS256", "kid": f"{number}"}, issuer.claims(), b"x"))
        assert len(issuer.peer.asked) == asked
        tokens.now += issuer_keys.COOLDOWN_SECONDS


def test_without_keys_no_token_is_judged_and_known_keys_serve_on_for_a_while(
    issuer: TestIssuer, tokens: Tokens
) -> None:
    issuer.fail()
    with pytest.raises(Unavailable, match="are not available"):
        tokens.claims(issuer.token())
    issuer.publish()
    tokens.now += issuer_keys.COOLDOWN_SECONDS
    assert tokens.claims(issuer.token())
    issuer.fail()
    tokens.now += issuer_keys.KEYS_SECONDS
    now = int(tokens.now)
    assert tokens.claims(issuer.token(iat=now, exp=now + 60))
    with pytest.raises(Unavailable):  # a new key, perhaps
        tokens.claims(issuer.token(key=issuer.new_key("two"), iat=now, exp=now + 60))
    tokens.now += 8 * 3600 + 1
    now = int(tokens.now)
    with pytest.raises(Unavailable):
        tokens.claims(issuer.token(iat=now, exp=now + 60))


def test_known_keys_are_no_reason_to_wait_for_an_issuer_that_hangs(
    issuer: TestIssuer, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_keys, "TIMEOUT_SECONDS", 20)
    token = issuer.token()
    assert tokens.claims(token)
    issuer.peer.hung = Event()
    tokens.now += issuer_keys.KEYS_SECONDS
    asked = len(issuer.peer.asked)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(tokens.claims, token)
        while len(issuer.peer.asked) == asked:
            time.sleep(0.01)
        assert all(tokens.claims(token) for _ in range(5))
        assert not first.done()
        issuer.peer.hung.set()
        assert first.result()
    assert len(issuer.peer.asked) == asked + 2


@pytest.mark.parametrize("answer", ["[]", "{}", '{"keys": []}', '{"keys": 5}', "no json", "[" * 100_000])
def test_keys_that_cannot_be_read_are_none(issuer: TestIssuer, tokens: Tokens, answer: str) -> None:
    for path in (JWKS, DISCOVERY):
        issuer.publish()
        issuer.peer.answers[path] = (200, answer)
        with pytest.raises(Unavailable):
            tokens.claims(issuer.token())
        tokens.now += issuer_keys.COOLDOWN_SECONDS


def test_an_answer_that_is_too_large_is_not_read(
    issuer: TestIssuer, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_keys, "LARGEST_DOCUMENT", 2_000)
    issuer.peer.answers[JWKS] = (200, json.dumps({**issuer.documents()[JWKS], "pad": "x" * 2_000}))
    with pytest.raises(Unavailable):
        tokens.claims(issuer.token())


def test_a_file_of_keys_is_read_anew_and_asks_nobody(issuer: TestIssuer, tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(issuer.documents()[JWKS]))
    tokens = Tokens(f"{issuer.url}={file}")
    old = issuer.token()
    assert tokens.claims(old)
    issuer.keys = [issuer.new_key("two")]
    file.write_text(json.dumps(issuer.documents()[JWKS]))
    tokens.now += issuer_keys.COOLDOWN_SECONDS
    assert tokens.claims(issuer.token())
    assert "a key that the issuer does not have" in tokens.refusal(old)
    file.unlink()
    tokens.now += issuer_keys.KEYS_SECONDS
    now = int(tokens.now)
    assert tokens.claims(issuer.token(iat=now, exp=now + 60))
    assert issuer.peer.asked == []


def test_answers_are_bounded_in_size_and_not_redirected(issuer: TestIssuer) -> None:
    issuer.peer.answers["/large"] = (200, "x" * 1000)
    assert fetching.get(f"{issuer.url}/large", None, 5, 1000).text == "x" * 1000
    with pytest.raises(Exception, match="more than 999 bytes"):
        fetching.get(f"{issuer.url}/large", None, 5, 999)
    issuer.peer.answers["/moved"] = (302, "")
    assert fetching.get(f"{issuer.url}/moved", None, 5).status_code == 302


def test_an_answer_that_comes_byte_by_byte_is_given_up() -> None:
    """Each byte is within the timeout of the socket."""
    given_up = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not given_up.wait(0.05):
                    connection.sendall(b"x")

        thread = Thread(target=drip)
        thread.start()
        with pytest.raises(requests.Timeout):
            fetching.get(f"http://127.0.0.1:{server.getsockname()[1]}/", None, 0.3)
        given_up.set()
        thread.join()
