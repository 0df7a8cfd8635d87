"""A packed body is unpacked as MLflow would, and never further than it may be."""

from __future__ import annotations

import gzip
import zlib

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracing.utils.otlp import decompress_otlp_body

from mlflow_prokube_auth.mlflow_auth.unpacking import MOST_MEMBERS, UnpackedTooLarge, unpack

TEXT = b"spans and spans " * 1_000


def raw(data: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-15)
    return packing.compress(data) + packing.flush()


PACKED = [
    ("gzip", gzip.compress(TEXT)), ("gzip", gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:])),
    ("gzip", gzip.compress(TEXT) + b"\0" * 9), ("deflate", zlib.compress(TEXT)), ("deflate", raw(TEXT)),
    ("gzip", gzip.compress(b"")), ("deflate", zlib.compress(b"")),
]  # fmt: skip


@pytest.mark.parametrize(("encoding", "packed"), PACKED, ids=range(len(PACKED)))
def test_what_is_packed_is_unpacked_as_by_mlflow(encoding: str, packed: bytes) -> None:
    unpacked = unpack(packed, encoding, len(TEXT))
    assert unpacked in (TEXT, b"")
    assert unpacked == decompress_otlp_body(packed, encoding)


LONG = [each for each in PACKED if len(each[1]) > 30]


@pytest.mark.parametrize(("encoding", "packed"), LONG, ids=range(len(LONG)))
def test_a_byte_more_than_is_taken_is_refused(encoding: str, packed: bytes) -> None:
    with pytest.raises(UnpackedTooLarge, match="more than 15,999 bytes when decompressed") as caught:
        unpack(packed, encoding, len(TEXT) - 1)
    assert caught.value.get_http_status_code() == 413


class Watched:
    """zlib, whose output is counted."""

    def __init__(self) -> None:
        self.unpacked = self.members = 0

    def __call__(self, wbits: int) -> object:
        triggers_installed, made = self, DECOMPRESSOBJ(wbits)
        self.members += 1

        class Counting:
            @property
            def eof(self) -> bool:
                return made.eof

            @property
            def unused_data(self) -> bytes:
                return made.unused_data

            def decompress(self, data: bytes, most: int) -> bytes:
                piece = made.decompress(data, most)
                triggers_installed.unpacked += len(piece)
                return piece

        return Counting()


DECOMPRESSOBJ = zlib.decompressobj


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, raw], ids=["gzip", "zlib", "raw"])
def test_of_a_bomb_no_more_comes_out_than_is_taken(monkeypatch: pytest.MonkeyPatch, pack: object) -> None:
    bomb = pack(b"\0" * 50_000_000)  # type: ignore[operator]  # each packs bytes
    triggers_installed = Watched()
    monkeypatch.setattr(zlib, "decompressobj", triggers_installed)
    with pytest.raises(UnpackedTooLarge):
        unpack(bomb, "gzip" if pack is gzip.compress else "deflate", 100_000)
    assert triggers_installed.unpacked == 100_001


def test_no_more_members_are_looked_at_than_exporters_send(monkeypatch: pytest.MonkeyPatch) -> None:
    triggers_installed = Watched()
    monkeypatch.setattr(zlib, "decompressobj", triggers_installed)
    assert unpack(gzip.compress(b"x") * MOST_MEMBERS, "gzip", 100) == b"x" * MOST_MEMBERS
    triggers_installed.members = 0
    with pytest.raises(MlflowException, match="compressed in more than 16 parts"):
        unpack(gzip.compress(b"") * 100_000, "gzip", 100)
    assert triggers_installed.members == MOST_MEMBERS


@pytest.mark.parametrize(
    ("encoding", "body", "words"),
    [
        ("gzip", b"spans", "not compressed as its Content-Encoding says: gzip"),
        ("gzip", gzip.compress(TEXT)[:-9], "not compressed as its Content-Encoding says: gzip"),
        ("gzip", b"", "not compressed as its Content-Encoding says: gzip"),
        ("deflate", b"\xff\xff", "not compressed as its Content-Encoding says: deflate"),
        ("zstd", b"x", "'zstd' is unknown. Expected gzip or deflate"),
        ("x" * 9_000, b"x", "is unknown. Expected gzip or deflate"),
    ],
    ids=["plain", "cut", "empty", "no-deflate", "zstd", "long"],
)
def test_what_is_not_packed_as_it_says_is_bad_input(encoding: str, body: bytes, words: str) -> None:
    with pytest.raises(MlflowException, match=words) as caught:
        unpack(body, encoding, 10**6)
    assert caught.value.get_http_status_code() == 400
    assert len(caught.value.message) < 200
