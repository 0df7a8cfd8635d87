"""Packed bodies of trace exports, unpacked within bounds: 300 kB of gzip may be 600 MB."""

from __future__ import annotations

import zlib

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

# What zlib calls the formats (``wbits``); clients call the raw one "deflate", too, as MLflow knows.
_FORMATS = {"gzip": (31,), "deflate": (15, -15)}
# Exporters send one. What is left behind each is copied, so that many would cost their square.
MOST_MEMBERS = 16


class UnpackedTooLarge(MlflowException):  # type: ignore[misc]  # MLflow is untyped
    """The decompressed body is larger than allowed."""

    def __init__(self, largest: int) -> None:
        super().__init__(
            f"The body has more than {largest:,} bytes when decompressed. Send fewer spans at once.",
            error_code=INVALID_PARAMETER_VALUE,
        )

    def get_http_status_code(self) -> int:
        """Content Too Large (RFC 9110, section 15.5.14); MLflow has no code of its own for it."""
        return 413


def unpack(body: bytes, encoding: str, largest: int) -> bytes:
    """In the place of MLflow's ``decompress_otlp_body`` (mlflow/tracing/utils/otlp.py).

    Raises:
        UnpackedTooLarge: it would have more than ``largest`` bytes; not more than these are ever unpacked.
        MlflowException: it is not packed as it says, or in a way that MLflow does not know.
    """
    formats = _FORMATS.get(encoding)
    if formats is None:
        raise _invalid(f"The Content-Encoding {encoding[:20]!r} is unknown. Expected gzip or deflate.")
    for bits in formats:
        try:
            return _inflated(body, bits, largest)
        except zlib.error:
            continue
    raise _invalid(f"The body is not compressed as its Content-Encoding says: {encoding}.")


def _inflated(body: bytes, bits: int, largest: int) -> bytes:
    pieces: list[bytes] = []
    left = largest
    for _ in range(MOST_MEMBERS):
        unpacking = zlib.decompressobj(bits)
        piece = unpacking.decompress(body, left + 1)
        left -= len(piece)
        if left < 0:
            raise UnpackedTooLarge(largest)
        if not unpacking.eof:
            raise zlib.error("it is cut")
        pieces.append(piece)
        body = unpacking.unused_data.lstrip(b"\0") if bits == 31 else b""  # gzip may be padded (RFC 1952)
        if not body:
            return b"".join(pieces)
    raise _invalid(f"The body is compressed in more than {MOST_MEMBERS} parts. Expected one.")


def _invalid(message: str) -> MlflowException:
    return MlflowException(message, error_code=INVALID_PARAMETER_VALUE)
