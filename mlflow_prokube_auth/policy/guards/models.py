"""Registered models: sources, what is a prompt, and the files of versions that do not count."""

from __future__ import annotations

import re

from ...errors import BadRequest
from .asked import Asked

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


def source(asked: Asked) -> None:
    """The source of a new version.

    Raises:
        PermissionDenied: as :meth:`ModelArtifacts.check_source`.
    """
    asked.models.check_source(asked.params)


def prompt_tag(asked: Asked) -> None:
    """The tag that makes a model a prompt.

    Raises:
        PermissionDenied: as :meth:`ModelArtifacts.check_tag`.
    """
    asked.models.check_tag(asked.params, deletes=asked.method == "DELETE")


def version_files(asked: Asked) -> None:
    """The files of a version that MLflow's server reads with its own rights.

    Raises:
        BadRequest: the number is one that a database may read as another.
        PermissionDenied: as :meth:`ModelArtifacts.check_files`.
    """
    if not _NUMBER.fullmatch(asked.text("version")):
        raise BadRequest(f"The version is {asked.text('version')[:40]!r}, expected a number such as 1.")
    asked.models.check_files(asked.text("name"), asked.text("version"), asked.person.username, asked.contact)
