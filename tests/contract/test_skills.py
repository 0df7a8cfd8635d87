"""Skills in MLflow's tables by the names that their grants have, in SQLite and PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from mlflow_prokube_auth.mlflow_auth import catalog
from mlflow_prokube_auth.policy.named import skill_name, skill_of
from mlflow_prokube_auth.services import Services

from ..support.releases import HAS_SKILLS, SINCE_3_18

THERE = ("a", "b", "@o/a", "@o.x/a", "@o/team-a")


@pytest.fixture
def found(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> catalog.MlflowCatalog:
    store = SqlAlchemyStore(services.database.uri, str(tmp_path))
    for organization, name in map(skill_of, THERE) if HAS_SKILLS else ():  # type: ignore[misc]  # each is one
        store.create_skill(name, organization, created_by="a@x")
    monkeypatch.setattr(catalog, "_get_tracking_store", lambda: store)
    nobody: Any = None
    return catalog.MlflowCatalog(*[nobody] * 8)


@SINCE_3_18
def test_a_skill_is_found_by_its_name_with_its_organization(found: catalog.MlflowCatalog) -> None:
    for name in THERE:
        for one in (found.find("skill", name), found.at("skill", name)):
            assert one is not None
            assert (one.name, one.pattern, one.resource_type, one.workspace) == (name, name, "skill", "default")
    for name in ("c", "@/a", "@o", "@o/", "@o/a/b", "/a", "@x/a", "", "@", "A", "@O/a", "o/a"):
        assert found.find("skill", name) is None, name
        assert found.at("skill", name) is None, name


@SINCE_3_18
def test_skills_are_listed_by_these_names(found: catalog.MlflowCatalog) -> None:
    assert sorted(found.patterns("skill")) == sorted(THERE)
    assert {each.name for each in found.those("skill", ["a", "@o/a", "@/b", "@o/b"])} == {"a", "@o/a"}
    for prefix, names in (("@o/", {"@o/a", "@o/team-a"}), ("a", {"a"}), ("@o", {"@o/a", "@o.x/a", "@o/team-a"})):
        assert {each.name for each in found.with_prefix("skill", prefix)} == names
    assert found.titles("skill", ["@o/a"]) == {"@o/a": "@o/a"}


@pytest.mark.skipif(HAS_SKILLS, reason="before MLflow 3.18")
def test_before_there_are_skills_there_is_none(found: catalog.MlflowCatalog) -> None:
    assert found.find("skill", "a") is found.at("skill", "a") is None
    assert [*found.patterns("skill"), *found.those("skill", ["a"]), *found.with_prefix("skill", "a")] == []


def test_a_name_and_what_it_is_made_of() -> None:
    for name in THERE:
        parts = skill_of(name)
        assert parts is not None
        assert skill_name(*parts) == name
    assert [skill_of(name) for name in ("@", "@o", "@o/", "@/a")] == [None] * 4
    assert [skill_name(*parts) for parts in ((None, "a"), ("o", None), ("o", 1), ("", ""), (1, "a"))] == [""] * 5
