"""Registered models: sources, what is a prompt, and the files of versions that do not count."""

from __future__ import annotations

from ...errors import BadRequest
from ..spelling import VERSION
from .asked import GuardContext


def source(asked: GuardContext) -> None:
    """The source of a new version.

    Raises:
        PermissionDenied: as :meth:`ModelArtifacts.check_source`.
    """
    asked.models.check_source(asked.params)


def prompt_tag(asked: GuardContext) -> None:
    """The tag that makes a model a prompt.

    Raises:
        PermissionDenied: as :meth:`ModelArtifacts.check_tag`.
    """
    asked.models.check_tag(asked.params, deletes=asked.method == "DELETE")


def version_files(asked: GuardContext) -> None:
    """The files of a version that MLflow's server reads with its own rights.

    Raises:
        BadRequest: there is no version.
        PermissionDenied: as :meth:`ModelArtifacts.check_files`.
    """
    if not VERSION.is_canonical(asked.text("version")):
        raise BadRequest(f"The version is {asked.text('version')[:40]!r}, expected a number such as 1.")
    asked.models.check_files(asked.text("name"), asked.text("version"), asked.person.username, asked.contact)
