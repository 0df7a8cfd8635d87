"""Presigned addresses of the artifact store: whoever has one needs no right any more."""

from __future__ import annotations

from ...errors import BadRequest
from .asked import GuardContext

# Enough for a large file on a slow line; MLflow's own choices are 5 minutes to read and 15 to write.
LONGEST_SECONDS = 3600


def short_lived(asked: GuardContext) -> None:
    """How long the address is asked to work: a grant that is withdrawn meanwhile does not end it.

    Raises:
        BadRequest: longer than :data:`LONGEST_SECONDS`, or no plain number.
    """
    value = asked.params.get("expiration")
    if value is None:
        return
    # As protobuf takes it: a number or its digits, and more that nobody needs.
    text = "" if isinstance(value, bool) else str(value)
    if not (
        text.isascii()
        and text.isdigit()
        and len(text) <= len(str(LONGEST_SECONDS))
        and 1 <= int(text) <= LONGEST_SECONDS
    ):
        raise BadRequest(
            f"The expiration {str(value)[:40]!r} cannot be used. Expected 1 to {LONGEST_SECONDS} seconds: a presigned "
            "URL keeps working after its user loses access."
        )
