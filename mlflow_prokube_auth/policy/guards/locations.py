"""Where the artifacts of an experiment go: MLflow's server reads and writes there with its own rights."""

from __future__ import annotations

from ...errors import BadRequest, PermissionDenied
from ..artifacts import lies_within
from .asked import GuardContext

# MLflow's column holds 256; each folder above a location is looked for.
LONGEST = 1_000


def experiment_location(asked: GuardContext) -> None:
    """The location that a new experiment chooses.

    Raises:
        BadRequest: it is too long for one.
        PermissionDenied: it is not below an allowed prefix, or others' artifacts are there.
    """
    location = asked.text("artifact_location")
    if not location:
        return
    if len(location) > LONGEST:
        raise BadRequest(f"The artifact_location has {len(location)} characters, {LONGEST} are allowed.")
    if not any(lies_within(location, prefix) for prefix in asked.locations):
        allowed = ", ".join(asked.locations)
        raise PermissionDenied(
            f"You may not choose the artifact location '{location[:200]}'. Leave artifact_location out: the server "
            + (f"chooses one. Allowed are locations below {allowed}." if allowed else "chooses one.")
            + f" Ask {asked.contact} for another place."
        )
    root = asked.answers.artifact_root()
    taken = lies_within(location, root) or lies_within(root, location)
    others = (each for each in asked.answers.experiments_at(location) if not _own(asked, each))
    if taken or any(others):
        raise PermissionDenied(
            f"Other artifacts are, or will be, at the artifact location '{location[:200]}', or above or below it. "
            "Choose a folder of its own for the experiment."
        )


def _own(asked: GuardContext, experiment_id: str) -> bool:
    return asked.answers.may("experiment", experiment_id, "update")
