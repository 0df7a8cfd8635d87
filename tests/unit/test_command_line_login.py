"""The parts of the command-line login that need no server: PKCE, parameters, the listener, the file."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import click
import httpx
import pytest

from mlflow_prokube_auth.cli.credentials import CredentialsFile, CredentialsUnusable, merged
from mlflow_prokube_auth.cli.login import server_url
from mlflow_prokube_auth.cli.loopback import Loopback, NotAllowed, read_callback
from mlflow_prokube_auth.errors import BadRequest
from mlflow_prokube_auth.identity.pkce import challenge_of
from mlflow_prokube_auth.web.cli_login import Ask, parse

STATE = "state-of-the-test"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
GOOD = {"port": "49152", "state": STATE, "challenge": CHALLENGE, "days": "30", "name": "laptop"}


def test_the_challenge_is_that_of_the_rfc() -> None:
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == CHALLENGE


def test_good_parameters_are_read_and_written_alike() -> None:
    ask = parse(GOOD, 365)
    assert ask == Ask(49152, STATE, CHALLENGE, 30, "laptop", "")
    assert dict(parse_qsl(ask.query())) == GOOD
    noted = {**GOOD, "note": "nightly & CI"}
    assert dict(parse_qsl(parse(noted, 365).query())) == noted
    assert parse({**GOOD, "port": None}, 365).port is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "1023"), ("port", "65536"), ("port", "0x50"), ("port", ""), ("port", "٤٩١٥٢"), ("port", 49152),
        ("port", "80@evil.test"), ("port", "49152/x"), ("port", "4915\n"),
        ("state", None), ("state", "x" * 15), ("state", "x" * 129), ("state", "x" * 16 + "&a=b"),
        ("challenge", None), ("challenge", "x" * 42), ("challenge", "x" * 44), ("challenge", "x" * 42 + "="),
        ("days", None), ("days", "0"), ("days", "31"), ("days", "-1"), ("days", "1.5"), ("days", 7),
        ("name", None), ("name", ""), ("name", "x" * 101), ("name", "a\nb"), ("name", "a\u202eb"), ("name", ["a"]),
        ("note", "x" * 61), ("note", "a\nb"), ("note", ""),
    ],
)  # fmt: skip
def test_a_parameter_out_of_shape_is_named_with_what_is_expected(name: str, value: Any) -> None:
    with pytest.raises(
        BadRequest, match=rf"This is not a request of `mlflow-prokube-auth login`. {name}: [^:]*, expected [^:]*$"
    ):
        parse({**GOOD, name: value}, 30)


def test_all_mistakes_are_told_at_once_and_a_body_that_is_no_object_is_one() -> None:
    with pytest.raises(BadRequest, match=r"state: is missing.*challenge: is missing.*days: found 'x'.*name: is"):
        parse({"days": "x"}, 365)
    bodies: tuple[object, ...] = (None, [], "port=1")
    for body in bodies:
        with pytest.raises(BadRequest, match="JSON object"):
            parse(body, 365)


@pytest.mark.parametrize("code", ["x", "a&b=c", "/@evil.test", "\r\nLocation: x"])
def test_the_callback_leads_to_loopback_whatever_the_code(code: str) -> None:
    callback = httpx.URL(str(parse(GOOD, 365).callback(code=code)))
    assert (callback.scheme, callback.host, callback.port, callback.path) == ("http", "127.0.0.1", 49152, "/callback")
    assert dict(callback.params) == {"code": code, "state": STATE}
    assert parse({**GOOD, "port": None}, 365).callback(code=code) is None


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://mlflow.test", "https://mlflow.test"),
        (" https://mlflow.test/mlflow// ", "https://mlflow.test/mlflow"),
        ("http://127.0.0.1:5000/", "http://127.0.0.1:5000"),
        ("http://localhost:5000", "http://localhost:5000"),
        ("http://[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_a_good_address_is_taken_without_its_last_slash(text: str, url: str) -> None:
    assert server_url(text, insecure=False) == url


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mlflow.test", "such as https://"),
        ("sqlite:///mlflow.db", "such as https://"),
        ("databricks", "such as https://"),
        ("https://", "such as https://"),
        ("https://mlflow.test:port", "such as https://"),
        ("https://[mlflow.test", "such as https://"),
        ("https://me:secret@mlflow.test", "without user"),
        ("https://mlflow.test/?a=b", "without user, query"),
        ("https://mlflow.test/#/experiments", "without user, query, fragment"),
        ("https://mlflow.test/a b", "or blanks"),
        ("http://mlflow.test", "in plain text"),
        ("http://127.0.0.1.evil.test", "in plain text"),
        ("http://localhost.evil.test", "in plain text"),
        ("http://10.0.0.1:5000", "--insecure"),
    ],
)
def test_an_address_that_is_none_or_not_safe_is_refused_with_words(text: str, words: str) -> None:
    with pytest.raises(click.ClickException, match=words):
        server_url(text, insecure=False)


def test_an_unsafe_address_is_taken_when_that_is_said() -> None:
    assert server_url("http://mlflow.test/", insecure=True) == "http://mlflow.test"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (f"code=x&state={STATE}x", "another login"),
        ("code=x", "another login"),
        (f"code=x&state={STATE}&state={STATE}", "another login"),
        (f"error=access_denied&state={STATE}", "cancelled"),
        (f"state={STATE}", "without a code"),
    ],
)
def test_a_callback_without_our_state_or_a_code_is_refused_with_words(query: str, words: str) -> None:
    with pytest.raises(NotAllowed, match=words):
        read_callback(query, STATE)


def test_the_listener_takes_the_callback_past_idle_connections_and_other_paths_and_is_gone_then() -> None:
    with Loopback(STATE) as loopback, socket.create_connection(("127.0.0.1", loopback.port)):
        root = f"http://127.0.0.1:{loopback.port}"
        assert httpx.get(f"{root}/favicon.ico").status_code == 404
        assert httpx.post(f"{root}/callback?code=x&state={STATE}").status_code == 501
        answer = httpx.get(f"{root}/callback?code=the-code&state={STATE}")
        assert (answer.status_code, "the-code" in answer.text, "terminal" in answer.text) == (200, False, True)
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert loopback.wait(30) == "the-code"
    with pytest.raises(httpx.ConnectError):
        httpx.get(root)


def test_an_answer_to_another_login_does_not_end_this_one() -> None:
    with Loopback(STATE) as loopback:
        root = f"http://127.0.0.1:{loopback.port}"
        for query in ("code=x&state=another", "error=access_denied&state=another", "code=x"):
            assert httpx.get(f"{root}/callback?{query}").status_code == 400
        assert httpx.get(f"{root}/callback?code=the-code&state={STATE}").status_code == 200
        assert loopback.wait(30) == "the-code"


def test_a_browser_that_does_not_come_back_is_told_with_what_to_do() -> None:
    with Loopback(STATE) as loopback, pytest.raises(NotAllowed, match=r"did not come back .* --no-browser"):
        loopback.wait(0.01)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "[mlflow]\nmlflow_tracking_username = a%%b@x\nmlflow_tracking_password = k\n"),
        (
            "# mine\n[other]\nKey: 50%\n",
            "# mine\n[other]\nKey: 50%\n\n[mlflow]\nmlflow_tracking_username = a%%b@x\nmlflow_tracking_password = k\n",
        ),
        (
            "[mlflow]\nMLFLOW_TRACKING_USERNAME=old\n; note\nmlflow_tracking_password : old\nextra = 1\n[z]\na = b",
            "[mlflow]\nmlflow_tracking_username = a%%b@x\nmlflow_tracking_password = k\n; note\nextra = 1\n"
            "[z]\na = b\n",
        ),
        (  # a value over two lines is no case for line by line
            "[mlflow]\nmlflow_tracking_password = o\n  ld\nextra = 1\n",
            "[mlflow]\nmlflow_tracking_password = k\nextra = 1\nmlflow_tracking_username = a%%b@x\n\n",
        ),
    ],
)
def test_the_entries_join_what_stands_in_the_file(before: str, after: str) -> None:
    assert merged(before, "a%b@x", "k") == after


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_file_and_folder_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / ".mlflow" / "credentials"
    before = os.umask(0)
    try:
        CredentialsFile(path).write("a@x", "k")
    finally:
        os.umask(before)
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)
    assert [file.name for file in path.parent.iterdir()] == ["credentials"]


def test_a_file_that_others_could_read_is_closed_and_a_link_stays_a_link(tmp_path: Path) -> None:
    kept, path = tmp_path / "dotfiles", tmp_path / "credentials"
    kept.write_text("[other]\na = b\n")
    kept.chmod(0o644)
    path.symlink_to(kept)
    CredentialsFile(path).write("a@x", "k")
    assert path.is_symlink()
    assert mode(kept) == 0o600
    assert kept.read_text().startswith("[other]\na = b\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"password = hush\n", r"MissingSectionHeaderError, line 1\)"),
        (b"[mlflow]\nhush\n", r"ParsingError, line 2\)"),
        (b"[mlflow]\na = hush\na = hush\n", r"DuplicateOptionError, line 3\)"),
        (b"[mlflow]\na = hush\xff\n", "not text in UTF-8"),
    ],
)
def test_a_file_that_is_no_ini_is_refused_unquoted_and_left_alone(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "credentials"
    path.write_bytes(content)
    with pytest.raises(CredentialsUnusable, match=words) as caught:
        CredentialsFile(path)
    assert "hush" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_folder_in_the_place_of_the_file_or_a_file_in_that_of_the_folder_is_refused_with_words(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "file" / "credentials"):
        with pytest.raises(CredentialsUnusable, match="cannot be read and written"):
            CredentialsFile(path)
