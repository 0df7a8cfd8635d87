"""What a grant is on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Resource:
    """A type and a pattern of MLflow's (an id; of a model a name), in a workspace."""

    resource_type: str
    pattern: str
    workspace: str
