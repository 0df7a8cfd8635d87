"""What MLflow 3.18 writes into a search for experiments, left to the criterion in SQL where there is one.

Before, its engine filtered what a search had found. Now it appends the ids that the caller may read to the filter:
MLflow's parser refuses more than 10,000 words and signs there, and takes long for fewer. Where :mod:`.searches` narrows
the statement instead, the engine's own predicate looks at each row that was found, as it did before 3.18.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import mlflow.server.auth as auth
from flask import Response, g

from ..errors import Unavailable
from . import seams
from .auth_store import caller

EXPERIMENTS = "experiments/search"
_CHECKED = "prokube_found_is_checked"


def install(narrow: Callable[[str], bool]) -> None:
    """Have ``narrow`` asked first, which says whether the running request's search is narrowed by it."""
    if not seams.is_there(seams.AUTH, "REQUEST_SCOPE_HANDLERS"):
        return
    scope: Callable[[], None] = seams.original(seams.AUTH, "_scope_experiment_search_query")
    scopes: dict[Any, Callable[[], None]] = seams.original(seams.AUTH, "REQUEST_SCOPE_HANDLERS")

    def scope_experiments() -> None:
        if narrow(EXPERIMENTS):
            setattr(g, _CHECKED, True)
        else:
            scope()

    ours = {route: scope_experiments if each is scope else each for route, each in scopes.items()}
    seams.replace(seams.AUTH, "REQUEST_SCOPE_HANDLERS", ours)


def check_found(response: Response) -> Response:
    """The answer to a search that :func:`install` has left to SQL, without what the engine would not show.

    Raises:
        Unavailable: the engine could not be asked.
    """
    if not g.pop(_CHECKED, False) or response.status_code >= 400:
        return response
    try:
        body = response.get_json()
        may_read = auth._role_based_read_predicate(_username(), "experiment")
        shown = [each for each in body.get("experiments", ()) if may_read(each["experiment_id"])]
    except Exception as error:
        raise Unavailable("The server could not check the permissions on the results. Try again shortly.") from error
    if len(shown) < len(body.get("experiments", ())):
        response.set_data(json.dumps({**body, "experiments": shown}))
    return response


def _username() -> str:
    person = caller()
    return person.username if person is not None else ""
