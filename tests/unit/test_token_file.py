"""The file whose token a client sends: what is read from it, what is refused, and where the token goes."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlflow_prokube_auth.identity.key_format import compose
from mlflow_prokube_auth.token_file import (
    AUTH_VARIABLE,
    DEFAULT_PATH,
    LONGEST_TOKEN,
    PROVIDER,
    VARIABLE,
    FileAuth,
    TokenFile,
    UnusableToken,
    chosen,
    origin,
)

ROOT = Path(__file__).parents[2]
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
KEY = compose(bytes(range(41))).text


@dataclass
class Prepared:
    url: str | None
    headers: dict[str, str] = field(default_factory=dict)


@pytest.mark.parametrize("token", [JWT, KEY, "opaque~token=="])
@pytest.mark.parametrize("around", ["{}", "{}\n", "  {}\r\n\n", "\t{} "])
def test_white_space_around_a_token_does_no_harm(tmp_path: Path, token: str, around: str) -> None:
    (tmp_path / "token").write_bytes(around.format(token).encode())
    assert TokenFile(str(tmp_path / "token")).read() == token


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "found nothing in it"),
        (b" \r\n\t", "found nothing in it"),
        (f"{JWT}\n{JWT}\n".encode(), "found several lines"),
        (f"{JWT}\n# renewed".encode(), "found several lines"),
        (f"{KEY}\n{KEY}".encode(), "found several lines"),
        (f"Bearer {JWT}".encode(), "found the word 'Bearer' in front of it"),
        (f"bearer {KEY}".encode(), "found an access key that has the word 'bearer' in front of it"),
        (f"{JWT} {JWT}".encode(), "found several words"),
        (f'"{JWT}"'.encode(), "found quotes around it"),
        (f"'{KEY}'".encode(), "found an access key that is wrapped in quotes"),
        (f"MLFLOW_TRACKING_TOKEN={JWT}".encode(), "found characters that no token has"),
        (b'{"token": "' + JWT.encode() + b'"}', "found several words"),
        (f"{JWT}\0".encode(), "found characters that no token has"),
        (f"\N{ZERO WIDTH NO-BREAK SPACE}{JWT}".encode(), "found characters that no token has"),
        (JWT.encode("utf-16"), "found characters that no token has"),
        (JWT.encode() * 10000, f"found more than {LONGEST_TOKEN} bytes"),
        (b"\n" * (1 << 20), f"found more than {LONGEST_TOKEN} bytes"),
    ],
)
def test_what_is_no_token_is_said_without_it(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(UnusableToken) as refused:
        TokenFile(str(tmp_path / "token")).read()
    said = str(refused.value)
    assert said.startswith(f"token file {tmp_path / 'token'}: {words}, expected a file that holds one token")
    assert f"set {VARIABLE} to the file" in said
    whole = "".join(traceback.format_exception(refused.value))
    assert [part for part in (*JWT.split("."), KEY[4:]) if part in whole] == []


def test_what_is_no_file_is_said_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    for name, words in {
        "pipe": "no ordinary file",
        "folder": "a folder",
        "missing": "no such file",
        "loop": "what cannot be read (Too many levels of symbolic links)",
    }.items():
        with pytest.raises(UnusableToken) as refused:
            TokenFile(str(tmp_path / name)).read()
        assert f"{name}: found {words}, expected" in str(refused.value)
    with pytest.raises(UnusableToken, match="no ordinary file"):
        TokenFile("/dev/zero").read()


def test_a_file_of_somebody_else_is_said(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(JWT)
    (tmp_path / "token").chmod(0)
    myself = os.geteuid()
    if myself == 0:  # who may read everything
        os.seteuid(65534)
    try:
        with pytest.raises(UnusableToken, match="a file that this user may not read"):
            TokenFile(str(tmp_path / "token")).read()
    finally:
        if myself == 0:
            os.seteuid(0)


def test_each_request_gets_the_token_of_now(tmp_path: Path) -> None:
    """As the kubelet replaces a volume: a link to a folder is renamed over the other one."""
    for name, token in (("first", "aaa"), ("second", "bbb")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(token)
    (tmp_path / "..data").symlink_to("first")
    (tmp_path / "token").symlink_to("..data/token")
    auth = FileAuth(lambda: TokenFile(str(tmp_path / "token")), lambda: ["https://mlflow.example.com/mlflow"])
    sent = [auth(Prepared("https://mlflow.example.com/mlflow/api")).headers]
    (tmp_path / "..new").symlink_to("second")
    (tmp_path / "..new").rename(tmp_path / "..data")
    sent.append(auth(Prepared("https://MLflow.example.com:443/mlflow/api", {"Authorization": "Basic x"})).headers)
    assert sent == [{"Authorization": "Bearer aaa"}, {"Authorization": "Bearer bbb"}]


@pytest.mark.parametrize(
    "url",
    [
        "https://mlflow.example.com.evil.example/api",
        "https://evil.example/mlflow.example.com",
        "https://mlflow.example.com@evil.example/",
        "http://mlflow.example.com/api",
        "https://mlflow.example.com:8443/api",
        "https://[::1",
        "file:///etc/passwd",
        None,
    ],
)
def test_the_token_goes_to_no_other_server(tmp_path: Path, url: str | None) -> None:
    (tmp_path / "token").write_text(JWT)
    request = Prepared(url)
    auth = FileAuth(
        lambda: TokenFile(str(tmp_path / "token")), lambda: ["https://mlflow.example.com"] * 2 + ["sqlite:///x.db"]
    )
    with pytest.raises(UnusableToken, match=r"expected one to the tracking server \(https://mlflow.example.com:443\)"):
        auth(request)
    assert request.headers == {}
    assert JWT not in repr(auth) + repr(vars(auth))


def test_without_a_tracking_server_it_goes_nowhere() -> None:
    auth = FileAuth(lambda: TokenFile("/nowhere"), lambda: ["./mlruns", "databricks", ""])
    with pytest.raises(UnusableToken, match=r"tracking server \(none is set\).*set MLFLOW_TRACKING_URI"):
        auth(Prepared("https://mlflow.example.com/api"))


def test_an_origin_is_compared_as_browsers_do() -> None:
    assert origin("HTTPS://user:word@Host:443/path") == origin("https://host") == ("https", "host", 443)
    assert [origin(text) for text in ("", "host", "https://", "https://host:99999", "ftp://host")] == [None] * 5


def test_the_environment_chooses_the_file() -> None:
    assert chosen({}) is None
    assert chosen({AUTH_VARIABLE: "kubernetes", VARIABLE: " "}) is None
    assert chosen({VARIABLE: "/run/token\n"}) == TokenFile("/run/token")
    assert chosen({AUTH_VARIABLE: PROVIDER}) == TokenFile(DEFAULT_PATH)
    assert chosen({AUTH_VARIABLE: PROVIDER, VARIABLE: "/run/token"}) == TokenFile("/run/token")
    assert chosen({VARIABLE: "/run/token", "MLFLOW_TRACKING_USERNAME": "alice"}) == TokenFile("/run/token")


@pytest.mark.parametrize("other", ["MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"])
@pytest.mark.parametrize(
    ("choice", "name"),
    [({VARIABLE: "/run/token"}, VARIABLE), ({AUTH_VARIABLE: PROVIDER}, f"{AUTH_VARIABLE}={PROVIDER}")],
)
def test_two_credentials_are_one_too_many(choice: dict[str, str], name: str, other: str) -> None:
    with pytest.raises(UnusableToken) as refused:
        chosen({**choice, other: KEY})
    assert str(refused.value) == f"{name} and {other} are both set; expected one of them"


@pytest.mark.parametrize("mistake", [JWT, KEY, "token", "./token"])
def test_a_token_in_the_place_of_its_path_is_not_repeated(mistake: str) -> None:
    with pytest.raises(UnusableToken) as refused:
        chosen({VARIABLE: mistake})
    assert str(refused.value).startswith(f"{VARIABLE}: found no absolute path, expected that of the file")
    assert mistake.removeprefix("./") not in str(refused.value).replace("the token", "").replace(DEFAULT_PATH, "")
