"""Stock clients of several releases: one day on plain MLflow and on ours, the same results, call by call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..support.clients import begin_day, chosen_releases, told_by
from ..support.processes import free_port, running_mlflow
from ..support.world import ALICE, World, running_world

# Where ours says something else: nothing tells what is missing from what is somebody else's, so that a prompt that may
# be missing is refused, too; and a taken name comes with what to do instead of with SQL.
OTHER_WORDS = {
    "create_experiment of a taken name": "RESOURCE_ALREADY_EXISTS: The experiment name '<day>-first' already exists.",
    "create_experiment of a deleted name": "RESOURCE_ALREADY_EXISTS: The experiment '<day>-first' is in the trash. ",
    "rename_experiment to a taken name": "RESOURCE_ALREADY_EXISTS: The experiment name '<day>-first' already exists.",
    "create_registered_model of a taken name":
        "RESOURCE_ALREADY_EXISTS: The model or prompt name '<day>-model' already exists.",
    "rename_registered_model to a taken name":
        "RESOURCE_ALREADY_EXISTS: The model or prompt name '<day>-model-2' already exists.",
    "a model of a prompt's name": "RESOURCE_ALREADY_EXISTS: The model or prompt name '<day>-prompt' already exists.",
    "get_run that is not there": "PERMISSION_DENIED: The run ",
    "log_param of a run that is not there": "PERMISSION_DENIED: The run ",
    "register_model of no run": "PERMISSION_DENIED: The run ",
    "get_registered_model that is not there": "PERMISSION_DENIED: The model or prompt '<day>-model-9' ",
    "load_model by its old name": "PERMISSION_DENIED: The model or prompt '<day>-model' ",
    "delete_registered_model again": "PERMISSION_DENIED: The model or prompt '<day>-model-2' ",
    "load_prompt of no name": "PERMISSION_DENIED: The model or prompt '<day>-nobody' ",
    "load_prompt that may be missing": "PERMISSION_DENIED: The model or prompt '<day>-nobody' ",
    "get_trace that is not there": "PERMISSION_DENIED: The trace ",
    "get_experiment that is not there": "PERMISSION_DENIED: The experiment '987654321' ",
    "delete_experiment that is not there": "PERMISSION_DENIED: The experiment '987654321' ",
}  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow without this plugin."""
    port = free_port()
    with running_mlflow(tmp_path_factory.mktemp("plain"), port, app=None):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    with running_world(tmp_path_factory.mktemp("ours"), f"http://127.0.0.1:{port}", port) as world:
        yield world


@pytest.fixture(scope="module")
def key(ours: World) -> dict[str, str]:
    """Alice's."""
    browser, _ = ours.log_in(ALICE)
    made = ours.make_key(browser).json()["access_key"]
    return {"MLFLOW_TRACKING_USERNAME": ALICE, "MLFLOW_TRACKING_PASSWORD": made}


@pytest.mark.parametrize("release", chosen_releases())
def test_a_day_is_the_same_as_on_plain_mlflow(
    release: str, plain: str, ours: World, key: dict[str, str], tmp_path: Path
) -> None:
    name = f"day-{release}"
    without = begin_day(release, name, tmp_path / "plain", plain)
    within = begin_day(release, name, tmp_path / "ours", ours.url, **key)
    expected, found = told_by(without, tmp_path / "plain"), told_by(within, tmp_path / "ours")
    assert [each["step"] for each in found] == [each["step"] for each in expected]
    others = [(each, other) for each, other in zip(expected, found, strict=True) if each != other]
    assert [pair for pair in others if not is_deliberate(*pair)] == []
    # Those of a table that say the same would be of no use in it.
    steps = {each["step"] for each in expected}
    assert {each["step"] for each, _ in others} == OTHER_WORDS.keys() & steps


def is_deliberate(expected: dict[str, Any], found: dict[str, Any]) -> bool:
    """Plain MLflow refuses or has nothing, and ours refuses in the words of the table."""
    words = OTHER_WORDS.get(expected["step"])
    nothing = expected["told"] is None or "error" in expected["told"]
    return words is not None and nothing and found["told"]["message"].startswith(words)
