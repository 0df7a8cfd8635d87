"""What only administrators may start, and what is found of it."""

from __future__ import annotations

from ...errors import NotOffered, PermissionDenied
from .. import words
from .asked import GuardContext
from .limits import Asking


def jobs(asked: GuardContext) -> None:
    """Any job with any parameters.

    Raises:
        PermissionDenied: always.
    """
    raise PermissionDenied(words.ONLY_ADMINISTRATORS_SUBMIT)


def job_search(asked: GuardContext) -> None:
    """A search for jobs, of which anybody sees their own.

    Raises:
        BadRequest: it asks for too much.
    """
    Asking().take(asked.params.items())


def assistant(asked: GuardContext) -> None:
    """The assistant, which runs programs on the server.

    Raises:
        PermissionDenied: always.
    """
    raise PermissionDenied("The assistant runs programs on the server, so only administrators may use it.")


def budgets(asked: GuardContext) -> None:
    """What others may spend, and have spent.

    Raises:
        PermissionDenied: always.
    """
    raise PermissionDenied("Budgets show the limits and spending of other users, so only administrators may see them.")


def demo_data(asked: GuardContext) -> None:
    """MLflow's demo experiment.

    Raises:
        PermissionDenied: always.
    """
    raise PermissionDenied(
        f"Demo data would have no owner on this server. Ask {asked.contact} to create it, or try "
        "`mlflow demo` on your own machine."
    )


def evaluation(asked: GuardContext) -> None:
    """An evaluation by the server.

    Raises:
        NotOffered: always.
    """
    raise NotOffered(
        "The server does not run evaluations, because such a job would have no user's rights. Run "
        "mlflow.genai.evaluate() where you have your access key, such as in a notebook."
    )
