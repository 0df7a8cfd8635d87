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
    raise PermissionDenied("The assistant runs programs on the server: it is for administrators.")


def budgets(asked: GuardContext) -> None:
    """What others may spend, and have spent.

    Raises:
        PermissionDenied: always.
    """
    raise PermissionDenied("Budgets tell what others may spend and have spent: they are for administrators.")


def demo_data(asked: GuardContext) -> None:
    """MLflow's demo experiment.

    Raises:
        PermissionDenied: always.
    """
    raise PermissionDenied(
        f"Demo data would belong to nobody on this server. Ask {asked.contact} to create it, or try "
        "`mlflow demo` on your own machine."
    )


def evaluation(asked: GuardContext) -> None:
    """An evaluation by the server.

    Raises:
        NotOffered: always.
    """
    raise NotOffered(
        "The server runs no evaluations: such a job would have nobody's rights. Run mlflow.genai.evaluate() where "
        "your access key is, such as in a notebook."
    )
