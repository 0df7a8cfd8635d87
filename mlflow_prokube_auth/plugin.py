"""What MLflow's engine asks us, handed to it as one object: :class:`mlflow_auth.install.Plugin`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from .errors import Refusal
from .identity.delegation import Delegation
from .mlflow_auth.answers import EngineAnswers
from .mlflow_auth.auth_store import ProkubeStore
from .mlflow_auth.pipeline import Enforcement
from .mlflow_auth.places import ExperimentPlaces
from .policy import words
from .policy.artifacts import ModelArtifacts, Owned
from .policy.guards.table import Guard, Guards
from .settings import Settings


@dataclass(frozen=True)
class ProkubePlugin:
    """Our answers, made in ``app.py``."""

    settings: Settings
    database_uri: str
    store: ProkubeStore
    enforcement: Enforcement
    answers: EngineAnswers
    models: ModelArtifacts
    guards: Guards
    delegation: Delegation
    places: ExperimentPlaces

    @property
    def contact(self) -> str:
        """The contact that messages name."""
        return self.settings.contact

    @property
    def largest_body(self) -> int:
        """In bytes, unpacked."""
        return self.settings.largest_body

    def explain(self, subject: words.Subject | None, method: str, path: str) -> str:
        """What a refused caller who may read what a request is about has, and what is missing; empty for others."""
        standing = self.answers.standing(subject) if subject is not None else None
        if standing is None:
            return ""
        return words.more_needed(standing, words.level_needed(method, path), self.contact)

    def unauthenticated(self) -> Response:
        """A login page for browsers, JSON for the rest."""
        return self.enforcement.unauthenticated()

    def refuse(self, refusal: Refusal) -> Response:
        """The answer that tells a refusal."""
        return self.enforcement.refuse(refusal)

    def before(self, engine: Callable[[], Any]) -> Any:
        """Around the engine's own decision on Flask's routes."""
        return self.enforcement.before(engine)

    def may_read_path(self, username: str, path: str | None) -> bool:
        """Whether a path comes with a model that the user may read."""
        return self.models.may_read(username, path)

    def owned_path(self, path: str) -> Owned | None:
        """Whose a path of artifacts is."""
        return self.places.asked(path)

    def may_read_logged_model(self, username: str, model_id: str, path: str | None) -> bool:
        """Whether a logged model's record, or a path in it, comes with a model that the user may read."""
        return self.models.may_read_logged_model(username, model_id, path)

    def check_guards(
        self,
        guards: tuple[Guard, ...],
        method: str,
        params: Mapping[str, Any],
        view_args: Mapping[str, Any],
        person: Any,
    ) -> None:
        """The guards of one of FastAPI's own routes."""
        self.guards.check(guards, method, params, view_args, person)

    def narrow(self, route: str) -> bool:
        """Whether the running request's search is narrowed."""
        return self.enforcement.narrow(route)

    def delegated(self, user_id: int) -> str:
        """A short-lived credential for the server's calls to itself."""
        return self.delegation.make(user_id, int(time.time()))
