"""What holds for all inputs, not only for those that somebody thought of."""

from __future__ import annotations

import base64
import re
from pathlib import PureWindowsPath
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from mlflow.utils.uri import validate_path_is_safe

from mlflow_prokube_auth.errors import BadRequest, CrossSiteRequest
from mlflow_prokube_auth.identity.caller import RequestFacts
from mlflow_prokube_auth.identity.claims import admit, first_match, groups_of, teams_of
from mlflow_prokube_auth.identity.key_format import PATTERN, compose, parse
from mlflow_prokube_auth.identity.presented import SAFE_METHODS, same_origin, session_cookie
from mlflow_prokube_auth.metrics import Counts
from mlflow_prokube_auth.mlflow_auth.protocol import find_alias_spelling
from mlflow_prokube_auth.model import Admission
from mlflow_prokube_auth.policy.artifacts import holds, is_canonical, lies_within, possible_roots
from mlflow_prokube_auth.policy.guards.shape import reject_ambiguous_request
from mlflow_prokube_auth.policy.kinds import LONGEST_GRANTED, LONGEST_NAME
from mlflow_prokube_auth.policy.named import check
from mlflow_prokube_auth.settings import load
from mlflow_prokube_auth.web.login import within

ENTROPY = st.binary(min_size=41, max_size=64)
# Texts that look enough like the real thing to get anywhere.
PATHS = st.lists(
    st.sampled_from(["/", "..", ".", "%2e", "%2E", "%2f", "\\", "mlflow", "//", "#/", "?", "evil.test", "@:", "\t"]),
    max_size=8,
).map("".join)
BASES = st.sampled_from(["/", "/mlflow/", "/a/b/"])
ADMIN, USER = "prokube-admins", "prokube-users"
SETTINGS = load(
    {
        "PROKUBE_AUTH_OIDC_ISSUER": "http://issuer.test",
        "PROKUBE_AUTH_OIDC_CLIENT_ID": "mlflow",
        "PROKUBE_AUTH_OIDC_CLIENT_SECRET": "secret",
        "PROKUBE_AUTH_EXTERNAL_URL": "http://mlflow.test",
        "PROKUBE_AUTH_SECRET_KEY": "k" * 40,
        "PROKUBE_AUTH_USER_GROUPS": USER,
        "PROKUBE_AUTH_ADMIN_GROUPS": ADMIN,
    }
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(ENTROPY)
def test_every_key_is_read_as_what_was_made_and_matches_the_published_pattern(entropy: bytes) -> None:
    token = compose(entropy)
    assert parse(token.text) == token
    assert re.fullmatch(PATTERN, token.text)
    assert token.text not in repr(token)


@given(st.binary(max_size=40))
def test_too_little_randomness_makes_no_key(entropy: bytes) -> None:
    with pytest.raises(ValueError, match="at least 41"):
        compose(entropy)


@given(ENTROPY, st.data())
def test_one_wrong_character_is_told_without_a_database(entropy: bytes, data: st.DataObject) -> None:
    text = compose(entropy).text
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters())
    assume(other != text[at])
    assert parse(text[:at] + other + text[at + 1 :]) is None


@given(st.text() | st.from_regex(rf"\s?{PATTERN}\s?", fullmatch=True))
def test_no_text_breaks_the_reader_of_keys_and_what_it_takes_is_in_the_plain_alphabet(text: str) -> None:
    token = parse(text)
    if token is not None:
        assert token.text == text
        assert re.fullmatch(PATTERN, text)
        assert text.isascii()


@given(BASES, PATHS | st.text(max_size=40))
@example("/mlflow/", "/mlflow/../other-app")
@example("/mlflow/", "/mlflow/%2e%2E/other-app")
@example("/", "//evil.test")
@example("/", "/\\evil.test")
@example("/", "/\t/evil.test")
def test_after_login_a_browser_stays_below_the_servers_own_path(base: str, target: str) -> None:
    where = within(base, target)
    # Browsers take a backslash for a slash, drop tabs and line ends, and walk up where dots are encoded, too
    # (https://url.spec.whatwg.org).
    read = re.sub(r"[\t\r\n]", "", where.replace("\\", "/"))
    read = re.sub("%2e", ".", read, flags=re.IGNORECASE)
    parts = urlsplit(urljoin(f"https://mlflow.test{base}", read))
    assert (parts.scheme, parts.netloc) == ("https", "mlflow.test")
    assert parts.path.startswith(base)


@given(BASES, st.from_regex(r"#/[!-\[\]-~]{0,40}", fullmatch=True))
def test_a_hash_of_mlflows_pages_is_kept_through_login(base: str, target: str) -> None:
    assert within(base, target) == base + target


@given(st.dictionaries(st.text(max_size=12), JSON, max_size=4), st.lists(st.text(max_size=12), max_size=3))
def test_no_claims_break_the_reader_of_groups(claims: dict[str, Any], paths: list[str]) -> None:
    for each in groups_of([claims], paths):
        assert each.claim in paths


@given(st.lists(st.text(max_size=30) | st.sampled_from([f"/team/{ADMIN}", f"{ADMIN}/x", f"//{ADMIN}", ADMIN.upper()])))
def test_only_the_top_level_group_itself_makes_an_administrator(groups: list[str]) -> None:
    found = first_match(groups_of([{"groups": groups}], ["groups"]), [ADMIN])
    assert (found is not None) == any(name in (ADMIN, f"/{ADMIN}") for name in groups)


@given(st.lists(st.text(max_size=200)), JSON, JSON)
def test_who_is_in_no_group_that_admits_does_not_come_in(groups: list[str], email: Any, verified: Any) -> None:
    claims = {"sub": "1", "groups": groups, "email": email, "email_verified": verified}
    verdict = admit([claims], SETTINGS)
    allowed = {USER, f"/{USER}", ADMIN, f"/{ADMIN}"}
    if isinstance(verdict, Admission):
        assert allowed & set(groups)
        assert verified is True
        assert verdict.username == email.strip().lower()
        assert ":" not in verdict.username
    elif allowed & set(groups) and verified is True:
        assert not isinstance(email, str) or not email.strip() or ":" in email


@given(st.lists(st.text(max_size=170) | st.sampled_from(["__user_1__", USER, f"/{ADMIN}"])))
def test_no_team_is_called_like_a_role_of_mlflows_or_like_a_group_that_admits(groups: list[str]) -> None:
    teams = teams_of(groups_of([{"groups": groups}], ["groups"]), SETTINGS)
    assert len(teams) == len(set(teams))
    for team in teams:
        assert 0 < len(team) <= 150
        assert not team.startswith("__user_")
        assert team not in (USER, ADMIN)


KEYED_BY_NAME = {"registered_model", "mcp_server", "skill"}


@given(
    st.sampled_from(["experiment", "registered_model", "mcp_server", "skill", "gateway_secret"]), st.text(max_size=600)
)
def test_a_name_that_passes_is_no_wildcard_and_fits_where_grants_are_kept(kind: str, name: str) -> None:
    longest = LONGEST_GRANTED if kind in KEYED_BY_NAME else LONGEST_NAME
    try:
        check(kind, name)
    except BadRequest:
        odd = any(character == "\0" or "\ud800" <= character <= "\udfff" for character in name)
        assert len(name) > longest or odd or (kind in KEYED_BY_NAME and "*" in name)
    else:
        assert len(name) <= longest
        assert "\0" not in name
        assert kind not in KEYED_BY_NAME or "*" not in name
        name.encode()


@given(st.text(max_size=60) | PATHS)
@example("A:")
@example("a:b/c")
@example(" ")
def test_what_counts_as_one_path_cannot_be_read_as_another(path: str) -> None:
    if is_canonical(path):
        assert unquote(path) == path
        assert ".." not in path.replace("\\", "/").split("/")
        # As MLflow's handlers read it; they refuse what Windows would take for absolute.
        assert PureWindowsPath(path).is_absolute() or validate_path_is_safe(path) == path
    for root in possible_roots(path):
        assert holds(root, path)


@given(PATHS, PATHS)
def test_what_lies_within_begins_with_the_whole_segments_of_it(source: str, root: str) -> None:
    if lies_within(source, root) and root.strip("/"):
        source, root = source.rstrip("/"), root.rstrip("/")
        assert source == root or source.startswith(f"{root}/")
        assert ".." not in source[len(root) :].split("/")


@given(st.text(max_size=80), st.text("=;, \"'abc.", max_size=80))
def test_no_cookie_header_breaks_the_reader(other: str, junk: str) -> None:
    for header in (other, junk, f"{junk}; s=id.secret", f"s=id.secret; {junk}"):
        session_id, secret = session_cookie(header, "s")
        assert (session_id == "") == (secret == "")
    assert session_cookie(f"s=id.secret; {junk}", "s") == ("id", "secret")


@given(st.dictionaries(st.sampled_from(["origin", "sec-fetch-site"]), st.text(max_size=20)))
def test_only_our_own_origin_counts_as_ours(headers: dict[str, str]) -> None:
    facts = RequestFacts("POST", "/", headers, "")
    ours = headers.get("origin", "").lower() == "https://mlflow.test" if "origin" in headers else None
    expected = headers.get("sec-fetch-site") == "same-origin" if ours is None else ours
    assert same_origin(facts, "https://mlflow.test") == expected


ID_WORDS = st.sampled_from(["experiment_id", "run_id", "run_uuid", "name", "new_name", "trace_id", "model_id"])


@given(ID_WORDS, st.text(max_size=5), st.text(max_size=5))
def test_a_parameter_with_two_values_is_refused_and_with_one_it_is_not(name: str, one: str, other: str) -> None:
    def shape(in_query: str, in_body: str) -> None:
        reject_ambiguous_request("POST", {name: in_query}, {}, True, {name: in_body}, True, False)

    shape(one, one)
    assume(one != other)
    with pytest.raises(BadRequest):
        shape(one, other)


@given(ID_WORDS.filter(lambda word: "_" in word), st.sampled_from(["/api/2.0/mlflow/runs/log-batch", "/no/protocol"]))
def test_an_id_in_camel_case_is_found_on_whatever_route(name: str, rule: str) -> None:
    first, *rest = name.split("_")
    camel = first + "".join(word.capitalize() for word in rest)
    assert find_alias_spelling("POST", rule, {name: "1"}) is None
    assert find_alias_spelling("POST", rule, {name: "1", camel: "1"}) == (camel, name)


class Nobody:
    """Stands where no credential may be looked up."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked")


@settings(max_examples=50)
@given(st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "FOO"]), st.text("abcdehlnopstv.:/", min_size=1, max_size=30))
def test_a_write_with_a_password_from_a_foreign_origin_is_refused_before_it_is_looked_at(
    method: str, origin: str
) -> None:
    from mlflow_prokube_auth.identity.authenticators import Authenticators, KeyCredentials, OriginOfPasswords

    nobody: Any = Nobody()
    ordered = (OriginOfPasswords(SETTINGS.origin), KeyCredentials(nobody, nobody, nobody, nobody, "", ""))
    ask = Authenticators(ordered, SETTINGS.session_cookie, Counts())
    basic = "Basic " + base64.b64encode(b"alice@example.com:pkt_x").decode()
    assert method not in SAFE_METHODS
    with pytest.raises(CrossSiteRequest):
        ask(RequestFacts(method, "/graphql", {"authorization": basic, "origin": origin}, ""))
