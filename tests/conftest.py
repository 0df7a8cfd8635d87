"""Real servers for the tests: one demo per session, ended with everything that it started."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

from .support.demo import Demo, running_demo
from .support.postgres import Postgres, running_postgres
from .support.processes import free_port
from .support.timings import Timings

# No example is too slow for a machine that does other things, too, and none is kept on disk.
hypothesis.settings.register_profile(
    "here", deadline=None, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("here")


def pytest_configure(config: pytest.Config) -> None:
    """In the process that is asked to run all tests, not in its workers."""
    if hasattr(config, "workerinput"):
        return
    config.pluginmanager.register(Timings())
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.collectonly:
        from .support.tools import being_built  # its imports are of no use to workers

        stack = ExitStack()
        stack.enter_context(being_built())
        config.add_cleanup(stack.close)


# What takes longest begins first, so that no worker is left with it at the end; the rest follows.
LONGEST_FIRST = (
    "tests/packaging", "tests/kserve", "tests/keycloak", "tests/providers", "tests/browser", "tests/server",
    "tests/security",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the folders; within one, the order is left as it is."""
    ranks = {folder: rank for rank, folder in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.nodeid.split("::")[0].rpartition("/")[0], len(ranks)))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for all tests of a worker."""
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL for all tests of a worker; each test makes itself a database."""
    with running_postgres(free_port()) as server:
        yield server


@pytest.fixture(autouse=True)
def package_logger() -> Iterator[None]:
    """The package's loggers are as at the start for each test: commands and MLflow's migrations change them."""
    yield
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and name.partition(".")[0] == "mlflow_prokube_auth":
            logger.disabled, logger.propagate = False, True
            logger.setLevel(logging.NOTSET)


@pytest.fixture(params=["sqlite", "postgresql"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/auth.db"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.new_database()
