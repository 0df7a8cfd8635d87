"""What operators see on standard error: our log lines, and none of one warning that nobody here can act on."""

from __future__ import annotations

import logging
import warnings

from .plain import escaped

# As MLflow's own lines look.
LINE_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
TIME_FORMAT = "%Y/%m/%d %H:%M:%S"
LONGEST = 8192


def logger(name: str) -> logging.Logger:
    """The logger of a module of ours, whose records stay one line each, whoever chose their words and writes them.

    User names, groups and what other servers answer come from outside, and none of it may begin a line of its own.
    """
    made = logging.getLogger(name)
    made.addFilter(_in_one_line)
    return made


def _in_one_line(record: logging.LogRecord) -> bool:
    record.msg, record.args = escaped(record.getMessage(), LONGEST), ()
    return True


def show_ours() -> None:
    """Let a server's process log from INFO on, the audit trail included; ``mlflow server`` configures none of that.

    A handler that is there already was chosen by whoever runs the server (uvicorn's ``--log-config``), and stays the
    only one.
    """
    logger = logging.getLogger("mlflow_prokube_auth")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    if logger.hasHandlers():
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(LINE_FORMAT, TIME_FORMAT))
    logger.addHandler(handler)
    logger.propagate = False


def hide_starlettes_warning() -> None:
    """MLflow imports a module of Starlette's that is going to go; Python would say so in every process."""
    warnings.filterwarnings(
        "ignore", message=r"starlette\.middleware\.wsgi is deprecated", module=r"mlflow\.server\.fastapi_app"
    )
