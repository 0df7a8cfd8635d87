"""Whose a served path is, by the experiments' recorded locations."""

from __future__ import annotations

import pytest

from mlflow_prokube_auth.mlflow_auth import places
from mlflow_prokube_auth.mlflow_auth.places import ExperimentPlaces, place_of
from mlflow_prokube_auth.policy.artifacts import Owned

Rows = list[tuple[str, str, str]]


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("mlflow-artifacts:/7", None), ("mlflow-artifacts:/7/", None), ("mlflow-artifacts:///7", None),
        ("mlflow-artifacts:/workspaces/lab/7", None), ("mlflow-artifacts:/workspaces/x/7", "workspaces/x/7"),
        ("mlflow-artifacts:/8", "8"), ("mlflow-artifacts:/a/b/", "a/b"), ("mlflow-artifacts://host/a", "a"),
        ("mlflow-artifacts:/a//./b", "a/b"), ("mlflow-artifacts:/%61/%2562", "a/b"), ("mlflow-artifacts:/a/../b", None),
        ("mlflow-artifacts:/%2e%2e/b", None), ("mlflow-artifacts:/", None), ("mlflow-artifacts:", None),
        ("http://h/api/2.0/mlflow-artifacts/artifacts/a/b", "a/b"), ("http://h/x/a", None), ("s3://b/a", None),
        ("http://[", None), ("", None), ("/a", None),
    ],
)  # fmt: skip
def test_a_location_is_a_place_where_the_server_serves_it_and_its_id_does_not_say_so(
    location: str, place: str | None
) -> None:
    assert place_of("7", location, "lab") == place


def asked(monkeypatch: pytest.MonkeyPatch, rows: Rows, by_id: tuple[str, ...] = ()) -> ExperimentPlaces:
    monkeypatch.setattr(places, "_rows", lambda: rows)
    monkeypatch.setattr(places, "_is_by_id", lambda experiment_id: experiment_id in by_id)
    return ExperimentPlaces(lambda: 0.0)


@pytest.mark.parametrize(
    ("path", "owned"),
    [
        ("1/r/artifacts", Owned("", "1/r/artifacts")), ("nowhere", Owned("", "nowhere")), ("", Owned("", "")),
        ("a/r/x", Owned("a", "3/r/x")), ("b", None), ("b/c/r", Owned("b/c", "4/r")), ("b/c", Owned("b/c", "4")),
        ("b/cc", Owned("", "b/cc")), ("3/r/x", None), ("8/r", Owned("8", "5/r")), ("a//r", None), ("a/r/", None),
        ("2/in/r", None), ("2/r", Owned("", "2/r")), ("2", None), ("2/./in", None), ("d/r", None),
        ("a", Owned("a", "3")),
        ("4/x", None), ("5/x", None), ("workspaces/lab/2/r", Owned("", "workspaces/lab/2/r")),
    ],
)  # fmt: skip
def test_a_path_is_whose_location_alone_holds_it(
    monkeypatch: pytest.MonkeyPatch, path: str, owned: Owned | None
) -> None:
    located = {"3": "a", "4": "b/c", "5": "8", "6": "2/in", "7": "d", "9": "d"}
    rows = [(each, f"mlflow-artifacts:/{place}", "default") for each, place in located.items()]
    assert asked(monkeypatch, rows, by_id=("1", "2")).owned(path) == owned


def test_a_place_that_is_new_is_known_at_once_and_one_below_an_id_within_ten_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, rows = [0.0], Rows()
    monkeypatch.setattr(places, "_rows", lambda: list(rows))
    monkeypatch.setattr(places, "_is_by_id", lambda experiment_id: experiment_id == "2")
    found = ExperimentPlaces(lambda: now[0])
    assert found.owned("2/in/r") == Owned("", "2/in/r")
    rows += [("6", "mlflow-artifacts:/2/in", "default"), ("7", "mlflow-artifacts:/a", "default")]
    now[0] = 10.0
    assert found.owned("2/in/r") is None
    rows.append(("8", "mlflow-artifacts:/b", "default"))
    assert found.owned("b/r") == Owned("b", "8/r")
