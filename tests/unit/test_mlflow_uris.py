"""What an mlflow:// address means, and what of a text may stand in a log."""

from __future__ import annotations

import re

import pytest

from mlflow_prokube_auth.kserve.failures import LONGEST_REASON, OneLine
from mlflow_prokube_auth.kserve.uris import BadUri, ModelUri, RunUri, is_safe_name, parse

from ..support.unusual_names import UNUSUAL_NAMES

RUN = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mlflow://models/iris/1", ModelUri("iris", version=1)),
        ("mlflow://models/iris/007", ModelUri("iris", version=7)),
        ("mlflow://models/iris/1/", ModelUri("iris", version=1)),
        ("mlflow://models/iris/latest", ModelUri("iris", label="latest")),
        ("mlflow://models/iris/Production", ModelUri("iris", label="Production")),
        ("mlflow://models/iris/v1", ModelUri("iris", label="v1")),
        ("mlflow://models/iris@champion", ModelUri("iris", alias="champion")),
        # An @ in a name is kept where a version follows, and can be encoded where an alias does.
        ("mlflow://models/a@b/3", ModelUri("a@b", version=3)),
        ("mlflow://models/a@b@champion", ModelUri("a@b", alias="champion")),
        ("mlflow://models/a%40b@champion", ModelUri("a@b", alias="champion")),
        ("mlflow://models/two%20words+plus/2", ModelUri("two words+plus", version=2)),
        ("mlflow://models/two words/2", ModelUri("two words", version=2)),
        ("mlflow://models/Gr%C3%B6%C3%9Fe/2", ModelUri("Größe", version=2)),
        ("mlflow://models/50%25/2", ModelUri("50%", version=2)),
        ("mlflow://models/a%2525/2", ModelUri("a%25", version=2)),
        ("mlflow://models/what%3F%23/2", ModelUri("what?#", version=2)),
        # Digits of other scripts are no version.
        ("mlflow://models/iris/٣", ModelUri("iris", label="٣")),
        (f"mlflow://runs/{RUN}/artifacts/model", RunUri(RUN, ("model",))),
        (f"mlflow://runs/{RUN}/model/", RunUri(RUN, ("model",))),
        (f"mlflow://runs/{RUN}/a%20b/c", RunUri(RUN, ("a b", "c"))),
        (f"mlflow://runs/{RUN}/artifacts/artifacts/x", RunUri(RUN, ("artifacts", "x"))),
    ],
)
def test_an_address_is_read(uri: str, expected: ModelUri | RunUri) -> None:
    assert parse(uri) == expected


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("s3://bucket/model", "is no address of MLflow's"),
        ("models:/iris/1", "is no address of MLflow's"),
        ("mlflow://", "names neither models nor runs"),
        ("mlflow://models", "without a version"),
        ("mlflow://models/iris", "without a version"),
        ("mlflow://models/iris@", "holds an empty"),
        ("mlflow://models/@champion", "holds an empty"),
        ("mlflow://models//1", "holds an empty"),
        ("mlflow://models/iris/1/model", "has 3 parts"),
        ("mlflow://models/iris/0", "versions begin with 1"),
        ("mlflow://models/iris@3", "digits always mean a version; write mlflow://models/iris/3"),
        ("mlflow://models/a%2Fb/1", "holds an empty, relative or unreadable part"),
        ("mlflow://models/..%2F..%2Fetc/1", "holds an empty, relative or unreadable part"),
        ("mlflow://models/iris/1?x=1", "holds a ? or #"),
        ("mlflow://models/50%/1", "a % that begins no escape"),
        ("mlflow://models/%ff/1", "is not percent-encoded UTF-8"),
        ("mlflow://models/a%00b/1", "holds an empty, relative or unreadable part"),
        (f"mlflow://runs/{RUN}", "without a path"),
        (f"mlflow://runs/{RUN}/artifacts", "without a path"),
        (f"mlflow://runs/{RUN}/../x", "relative"),
        (f"mlflow://runs/{RUN}/%2e%2e/x", "relative"),
        (f"mlflow://runs/{RUN}/a//b", "holds an empty"),
        (f"mlflow://runs/{RUN}/a%2fb", "unreadable"),
        ("mlflow://runs/not a run/model", "names no run"),
    ],
)
def test_what_is_no_address_is_refused_with_what_is_expected(uri: str, words: str) -> None:
    with pytest.raises(BadUri, match=re.escape(words)):
        parse(uri)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\nb", "\x00", "\x7f", "\ud800", "ä" * 128])
def test_a_name_that_is_not_that_of_one_file_is_unsafe(name: str) -> None:
    assert not is_safe_name(name)


@pytest.mark.parametrize(
    "name",
    ["a", "...", "a..b", ".hidden", "größe", "a b", "50%", "%2e%2e", "ä" * 127, *UNUSUAL_NAMES.values()],
)
def test_any_other_name_is_safe(name: str) -> None:
    assert is_safe_name(name)


def test_a_line_of_the_log_is_one_line_without_secrets() -> None:
    one_line = OneLine(["p@ss/word", None, ""])
    assert one_line("a\nb\r\n\x1b[31mc") == "a b [31mc"
    assert one_line("p@ss/word and p%40ss%2Fword") == "*** and ***"
    assert one_line("http://alice:x@host/a") == "http://host/a"
    assert one_line("key pkt_0123456789ab_zzz.") == "key ***."
    assert len(one_line("x" * 5000)) == LONGEST_REASON
