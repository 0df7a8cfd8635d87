"""What of a request's credentials goes inside, by the kind of route."""

from __future__ import annotations

import base64

import pytest

from mlflow_prokube_auth.identity import inside
from mlflow_prokube_auth.identity.caller import Identity
from mlflow_prokube_auth.model import Person

ANN = Person(7, "ann@example.com", False)
KEY = "pkt_0123456789ab_secret"
BASIC = base64.b64encode(f"ann@example.com:{KEY}".encode()).decode()
SENT = [
    (b"Authorization", f"Basic {BASIC}".encode()), (b"x-mlflow-authorization", f"Bearer {KEY}".encode()),
    (b"Proxy-Authorization", b"Basic x"), (b"X-MLflow-Assistant-Delegation", b"v1:root@example.com:9:x"),
    (b"x_mlflow_assistant_delegation", b"v1:root@example.com:9:x"), (b"cookie", b"session=s.secret"),
    (b"accept", b"*/*"),
]  # fmt: skip
NAMED = (b"authorization", b"Basic " + base64.b64encode(b"ann@example.com:"))


def test_flask_gets_no_credential_but_the_cookie_that_our_pages_read() -> None:
    assert inside.for_flask(SENT) == [(b"cookie", b"session=s.secret"), (b"accept", b"*/*")]


def test_fastapis_routes_get_the_callers_name_and_no_secret() -> None:
    identity = Identity(ANN, "access key", header="authorization")
    assert inside.for_native(SENT, identity) == [(b"accept", b"*/*"), NAMED]
    assert inside.for_native(SENT, None) == [(b"accept", b"*/*")]


@pytest.mark.parametrize("header", ["cookie", "authorization"])
def test_the_gateway_gets_nothing_of_who_is_calling(header: str) -> None:
    assert inside.for_gateway(SENT, Identity(ANN, "any", header=header)) == [(b"accept", b"*/*")]
    assert inside.for_gateway(SENT, None) == [(b"accept", b"*/*")]


@pytest.mark.parametrize(
    ("value", "goes_on"),
    [
        ("Bearer sk-own", True), ("Basic dXNlcjpwYXNz", True), (f"Bearer {KEY}", False), (f"Basic {BASIC}", False),
        (f"basic  {BASIC}", False), (f"Basic {BASIC.rstrip('=')}", False), ("Basic \u00e9", False), (f"x {KEY}", False),
    ],
)  # fmt: skip
def test_an_authorization_for_the_upstream_goes_on_unless_it_holds_a_key_of_ours(value: str, goes_on: bool) -> None:
    identity = Identity(ANN, "access key", header="x-mlflow-authorization")
    sent = [(b"authorization", value.encode("latin-1"))]
    assert inside.for_gateway(sent, identity) == (sent if goes_on else [])


def test_what_named_the_caller_goes_on_in_no_other_header_either() -> None:
    token = b"eyJhbGciOiJSUzI1NiJ9.e30.c2ln"
    sent = [(b"X-MLflow-Authorization", b"Bearer " + token), (b"Authorization", b"bearer  " + token),
            (b"x-api-key", token), (b"accept", b"*/*")]  # fmt: skip
    identity = Identity(ANN, "workload", header="x-mlflow-authorization")
    assert inside.for_gateway(sent, identity) == [(b"accept", b"*/*")]


@pytest.mark.parametrize(
    "name",
    ["X-Forwarded-Access-Token", "X-Auth-Request-Email", "Kubeflow-Userid", "X-Amzn-Oidc-Data", "Cf-Access-Token"],
)
def test_what_proxies_add_about_the_caller_does_not_go_on_to_an_upstream(name: str) -> None:
    assert inside.for_gateway([(name.encode(), b"x")], Identity(ANN, "session")) == []


def test_a_providers_own_headers_go_on() -> None:
    sent = [(b"x-api-key", b"sk-own"), (b"anthropic-version", b"2023-06-01"), (b"user-agent", b"claude-cli/1")]
    assert inside.for_gateway(sent, Identity(ANN, "session")) == sent
