"""Which paths come with a model's version: the rule by hand, and the decision on made-up rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from mlflow.utils.uri import validate_path_is_safe

from mlflow_prokube_auth.errors import PermissionDenied
from mlflow_prokube_auth.model import Person
from mlflow_prokube_auth.policy.artifacts import (
    SERVED,
    ModelArtifacts,
    Owned,
    Root,
    Version,
    holds,
    is_canonical,
    lies_within,
    model_in,
    possible_roots,
    root_of,
)

from ..support.unusual_names import UNUSUAL_NAMES

RUN = "0123456789abcdef0123456789abcdef"
MODEL = "1/models/m-abc/artifacts"
ALICE = Person(user_id=1, username="alice@example.com", is_admin=False)
ADMIN = Person(user_id=2, username="admin@example.com", is_admin=True)
BOB, CAROL, DAVE = "bob@example.com", "carol@example.com", "dave@example.com"


@pytest.mark.parametrize(
    "path",
    [
        "", "/", ".", "..", f"/{MODEL}", f"{MODEL}/", f"{MODEL}//x", f"//{MODEL}", f"./{MODEL}", f"{MODEL}/.",
        f"{MODEL}/..", f"{MODEL}/../x", f"{MODEL}/./x", f"{MODEL}/%2e%2e/x", f"{MODEL}/%252e%252e/x",
        f"{MODEL}/..%2fx", f"{MODEL}%2fx", f"{MODEL}/%2Fx", f"{MODEL}/..\\x", f"{MODEL}/a\\..\\..\\x", f"{MODEL}/%5c",
        f"{MODEL}#x", f"{MODEL}/#", f"{MODEL}/x?", f"{MODEL}/x;", f"{MODEL}\0", f"{MODEL}/\n", f"{MODEL}/\x7f",
        f"{MODEL}/%00", f"{MODEL}/\ud800", f"{MODEL}/%ff", f" {MODEL}/x", f"{MODEL}/a\tb", f"{MODEL}/\u0660%41",
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_not_canonical(path: str) -> None:
    assert not is_canonical(path)
    assert possible_roots(path) == []


@pytest.mark.parametrize("name", UNUSUAL_NAMES.values(), ids=list(UNUSUAL_NAMES))
def test_a_file_has_any_name_that_is_read_as_it_is_written(name: str) -> None:
    for path in (f"{MODEL}/{name}", f"{MODEL}/folder/{name}/file"):
        assert is_canonical(path)
        assert validate_path_is_safe(path) == path
        assert possible_roots(path)[0] == MODEL
    assert holds(SERVED + MODEL, f"{SERVED}{MODEL}/{name}")


@pytest.mark.parametrize("path", [f"{MODEL}?x", f"{MODEL};x", f"{MODEL}\\x"])
def test_what_is_joined_to_a_root_without_a_slash_is_another_file(path: str) -> None:
    assert possible_roots(path) == []


def test_no_root_has_a_question_mark() -> None:
    """As a URL it would end there, and be all that is above it."""
    assert possible_roots(f"{MODEL}/a/?x/b") == [MODEL, f"{MODEL}/a"]
    assert possible_roots(f"{MODEL}/?x") == [MODEL]
    assert root_of(f"{SERVED}{MODEL}/?x") is None
    assert not lies_within(f"s3://b/{RUN}/artifacts/?x", f"s3://b/{RUN}/artifacts")


@pytest.mark.parametrize(
    "path",
    [
        "1", "1/models", "1/models/m-abc", "1/models/artifacts", "models/m-abc/artifacts", "x/models/m-abc/artifacts",
        f"1/{RUN}", f"1/{RUN}/artifactsx", f"1/{RUN[:-1]}/artifacts", f"1/{RUN.upper()}/artifacts",
        f"1/x/{RUN}/artifacts", f"{RUN}/artifacts", "1/traces/tr-1/artifacts", "1/traces/tr-1/artifacts/traces.json",
        "workspaces/1/models/m-abc", f"workspaces/{MODEL}", f"\u0661/{RUN}/artifacts", "1/models/m-abc/artifact",
        f"lab/{MODEL}", f"workspaces/lab/x/{MODEL}", f"file:/{MODEL}", f"mlflow-artifacts:/{MODEL}",
    ],
)  # fmt: skip
def test_what_is_no_place_in_one_run_or_logged_model_has_no_root(path: str) -> None:
    assert possible_roots(path) == []


@pytest.mark.parametrize("workspace", ["", "workspaces/lab/", "workspaces/7/"])
@pytest.mark.parametrize("place", [MODEL, f"12/{RUN}/artifacts"])
def test_a_root_is_at_or_above_the_path_by_whole_segments(workspace: str, place: str) -> None:
    tier = workspace + place
    assert possible_roots(tier) == [tier]
    assert possible_roots(f"{tier}/a/b c.txt") == [tier, f"{tier}/a", f"{tier}/a/b c.txt"]
    assert possible_roots(f"{tier}/100%/ü.bin")[-1] == f"{tier}/100%/ü.bin"
    deep = possible_roots(f"{tier}/" + "/".join(["d"] * 5000))
    assert all(len(SERVED + root) <= 500 for root in deep)


@pytest.mark.parametrize(
    "location",
    [
        "", MODEL, f"/{MODEL}", f"s3://bucket/{MODEL}", f"mlflow-artifacts://host/{MODEL}", f"mlflow-artifacts:{MODEL}",
        f"mlflow-artifacts:///{MODEL}", f"http://host/api/2.0/mlflow-artifacts/artifacts/{MODEL}", f"file:/{MODEL}",
        f"MLFLOW-ARTIFACTS:/{MODEL}", f"{SERVED}1", SERVED, f"{SERVED}{MODEL}/..", f"{SERVED}{MODEL}?x=1",
        f"runs:/{RUN}/model", "models:/m-abc", "dummy-source", "REDACTED-SOURCE-PATH",
    ],
)  # fmt: skip
def test_a_location_that_this_server_does_not_serve_from_one_place_is_no_root(location: str) -> None:
    assert root_of(location) is None


def test_a_served_location_is_a_root() -> None:
    assert root_of(SERVED + MODEL) == MODEL
    assert root_of(f"{SERVED}1/{RUN}/artifacts/model") == f"1/{RUN}/artifacts/model"


@pytest.mark.parametrize(
    ("source", "within"),
    [
        ("s3://b/1/r/artifacts", True), ("s3://b/1/r/artifacts/", True), ("s3://b/1/r/artifacts/model/x", True),
        ("s3://b/1/r/artifactsx", False), ("s3://b/1/r", False), ("s3://b/1/r/artifacts/../x", False),
        ("s3://b/1/r/artifacts/%2e%2e/x", False), ("s3://b/1/r/artifacts//x", False), ("s3://c/1/r/artifacts", False),
        ("gs://b/1/r/artifacts", False), ("s3://b/1/r/artifacts?x", False), ("", False), ("/", False),
    ],
)  # fmt: skip
def test_a_source_lies_within_by_whole_segments(source: str, within: bool) -> None:
    assert lies_within(source, "s3://b/1/r/artifacts") is within


@dataclass
class Rows:
    """MLflow's tables, in memory."""

    rows: list[Version] = field(default_factory=list)
    prompts: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()

    def version(self, name: str, number: str) -> Version | None:
        return next((row for row in self.rows if (row.name, row.digest) == (name, f"{name}/{number}")), None)

    def versions_at(self, locations: list[str]) -> list[Version]:
        return [row for row in self.rows if row.location in locations]

    def served_path(self, path: str) -> str:
        return path

    def owned(self, served: str) -> Owned | None:
        return Owned("", served)

    def is_local(self, source: str) -> bool:
        return "://" not in source

    def artifact_roots(self, run_id: str, model_id: str) -> list[Root]:
        run = [Root("run", f"s3://b/{run_id}/artifacts", run_id)] if run_id else []
        model = Root("logged_model", f"s3://b/models/{model_id}/artifacts", model_id)
        return run + ([model] if model_id else [])

    def holds_model(self, location: str) -> bool:
        return location not in self.empty

    def is_prompt(self, name: str) -> bool:
        return name in self.prompts


PEOPLE = {1: ALICE, 2: ADMIN, 3: Person(3, BOB, False), 4: Person(4, CAROL, False), 5: Person(5, DAVE, False)}


class Counted(list[tuple[str, int]]):
    """The table of versions that count."""

    def add(self, digest: str, user_id: int) -> None:
        self.append((digest, user_id))

    def creators(self, digests: list[str]) -> dict[str, list[Person]]:
        return {digest: [PEOPLE[id] for each, id in self if each == digest] for digest in digests}


@dataclass
class Rights:
    """What the engine answers: who reads which models, which paths, and on which paths DENY stands for them."""

    models: dict[str, set[str]] = field(default_factory=dict)
    paths: dict[str, set[str]] = field(default_factory=dict)
    denied: dict[str, set[str]] = field(default_factory=dict)

    def on(self, rows: Rows) -> ModelArtifacts:
        counted: Any = Counted()
        return ModelArtifacts(
            rows,
            counted,
            lambda name, user: name in self.models.get(user, ()),
            lambda user, path: path in self.paths.get(user, ()),
            lambda user, path: path in self.denied.get(user, ()),
        )


def decide(rows: Rows, *, models: tuple[str, ...] = (), paths: tuple[str, ...] = ()) -> ModelArtifacts:
    """What everybody has."""
    names = [each.username for each in PEOPLE.values()]
    return Rights({name: set(models) for name in names}, {name: set(paths) for name in names}).on(rows)


def test_a_version_opens_its_root_while_its_creator_may_read_it() -> None:
    rights = Rights({BOB: {"m", "n"}}, {ALICE.username: {MODEL}})
    rows = Rows([Version("m", SERVED + MODEL, "m/1"), Version("n", f"{SERVED}2/{RUN}/artifacts/model", "n/1")])
    artifacts = rights.on(rows)
    assert not artifacts.may_read(BOB, f"{MODEL}/x")
    artifacts.created("m", "1", ALICE)
    artifacts.created("n", "1", ALICE)  # who may not read it
    artifacts.created("gone", "1", ALICE)
    for path, expected in ((MODEL, True), (f"{MODEL}/x", True), ("1/models/m-abcd/artifacts", False), (None, False)):
        assert artifacts.may_read(BOB, path) is expected
    assert not artifacts.may_read(CAROL, MODEL)
    assert not artifacts.may_read(BOB, f"2/{RUN}/artifacts/model/x")
    artifacts.created("n", "1", ADMIN)
    assert artifacts.may_read(BOB, f"2/{RUN}/artifacts/model/x")
    rights.paths[ALICE.username].clear()
    assert not artifacts.may_read(BOB, MODEL)
    assert not artifacts.may_read(ALICE.username, MODEL)


@pytest.mark.parametrize(
    "location",
    [f"{SERVED}2/{RUN}/artifacts", f"{SERVED}workspaces/lab/2/{RUN}/artifacts", f"{SERVED}2", "s3://b/r/artifacts",
     "s3://b/r/artifacts/", f"s3://b/2/{RUN}/artifacts/", ""],
)  # fmt: skip
def test_no_version_opens_all_of_a_run_or_of_an_experiment(location: str) -> None:
    everything = (f"2/{RUN}/artifacts", f"workspaces/lab/2/{RUN}/artifacts", "2", "r")
    artifacts = decide(Rows([Version("m", location, "m/1", "r")]), models=("m",), paths=everything)
    for person in (ALICE, ADMIN):
        artifacts.created("m", "1", person)
    counted: Any = artifacts._counted
    assert counted == []


def test_a_folder_without_a_model_and_a_prompt_do_not_count() -> None:
    rows = Rows([Version("m", SERVED + MODEL, "m/1"), Version("p", SERVED + MODEL, "p/1")], ("p",))
    artifacts = decide(rows, models=("m", "p"), paths=(MODEL,))
    artifacts.created("p", "1", ALICE)
    rows.empty = (SERVED + MODEL,)
    artifacts.created("m", "1", ALICE)
    counted: Any = artifacts._counted
    assert counted == []


def test_a_copy_opens_its_root_while_its_creator_may_read_the_original() -> None:
    """Alice reads the files; Bob her model, Carol Bob's copy, Dave Carol's copy of the copy."""
    rights = Rights({BOB: {"a", "b"}, CAROL: {"b", "c"}, DAVE: {"c"}}, {ALICE.username: {MODEL}})
    artifacts = rights.on(Rows([Version(name, SERVED + MODEL, f"{name}/1") for name in "abc"]))
    for name, creator in (("a", ALICE), ("b", PEOPLE[3]), ("c", PEOPLE[4])):
        artifacts.created(name, "1", creator)
    assert artifacts.may_read(DAVE, MODEL)
    rights.models[BOB].discard("a")
    assert [artifacts.may_read(each, MODEL) for each in (BOB, CAROL, DAVE)] == [False] * 3
    # Copies do not prove each other, however many there are.
    rights.models[BOB].add("c")
    assert [artifacts.may_read(each, MODEL) for each in (BOB, CAROL, DAVE)] == [False] * 3
    rights.models[DAVE].add("a")
    assert [artifacts.may_read(each, MODEL) for each in (BOB, CAROL, DAVE)] == [False, False, True]


def test_a_denied_reader_vouches_for_no_copy() -> None:
    rights = Rights({BOB: {"a", "b"}, CAROL: {"b"}}, {ALICE.username: {MODEL}})
    artifacts = rights.on(Rows([Version(name, SERVED + MODEL, f"{name}/1") for name in "ab"]))
    artifacts.created("a", "1", ALICE)
    artifacts.created("b", "1", PEOPLE[3])
    assert artifacts.may_read(CAROL, MODEL)
    rights.denied[BOB] = {MODEL}
    assert not artifacts.may_read(CAROL, MODEL)


def test_a_creator_who_reads_a_part_vouches_for_no_more() -> None:
    """Carol's version holds a folder and all in it; by Alice's version she may read one folder in that folder."""
    outer, inner = f"{MODEL}/a", f"{MODEL}/a/b"
    rights = Rights({BOB: {"outer"}, CAROL: {"inner"}}, {ALICE.username: {inner}, CAROL: {outer}})
    rows = Rows([Version("outer", SERVED + outer, "outer/1"), Version("inner", SERVED + inner, "inner/1")])
    artifacts = rights.on(rows)
    artifacts.created("outer", "1", PEOPLE[4])
    artifacts.created("inner", "1", ALICE)
    assert artifacts.may_read(BOB, f"{inner}/x")
    rights.paths[CAROL].clear()
    assert artifacts.may_read(CAROL, f"{inner}/x")
    assert not artifacts.may_read(BOB, f"{inner}/x")


def test_a_version_that_counts_opens_nothing_by_another_one_at_the_same_place() -> None:
    rows = Rows([Version("alices", SERVED + MODEL, "alices/1"), Version("bobs", SERVED + MODEL, "bobs/1")])
    artifacts = decide(rows, models=("bobs",), paths=(MODEL,))
    artifacts.created("alices", "1", ALICE)
    assert not artifacts.may_read(BOB, f"{MODEL}/x")


@pytest.mark.parametrize(
    ("source", "run_id", "allowed"),
    [
        ("runs:/r/model", "r", True), ("models:/m/1", "", True), ("mlflow-artifacts:/1/x", "", True),
        ("dummy-source", "", True), ("s3://b/r/artifacts/model", "r", True), ("s3://b/r/artifacts/model", "", False),
        ("s3://b/other/artifacts/model", "r", False), (" runs://x", "", False), ("gs://x", "r", False),
    ],
)  # fmt: skip
def test_a_source_that_mlflow_ties_to_nothing_lies_in_the_named_run(source: str, run_id: str, allowed: bool) -> None:
    params = {"name": "m", "source": source, "run_id": run_id}
    if allowed:
        decide(Rows()).check_source(params)
        return
    with pytest.raises(PermissionDenied):
        decide(Rows()).check_source(params)


@pytest.mark.parametrize(
    ("deletes", "name", "value", "allowed"),
    [
        (False, "prompt", "true", True), (False, "prompt", "True", True), (False, "prompt", "false", False),
        (False, "model", "true", False), (True, "prompt", "true", False),
    ],
)  # fmt: skip
def test_nobody_changes_what_is_a_prompt(deletes: bool, name: str, value: str, allowed: bool) -> None:
    for key in ("mlflow.prompt.is_prompt", " MLflow.prompt.IS_prompt "):
        params = {"name": name, "key": key, "value": value}
        if allowed:
            decide(Rows(prompts=("prompt",))).check_tag(params, deletes)
            continue
        with pytest.raises(PermissionDenied):
            decide(Rows(prompts=("prompt",))).check_tag(params, deletes)
    decide(Rows()).check_tag({"name": "model", "key": "other", "value": "x"}, deletes)


@pytest.mark.parametrize(
    ("location", "model"),
    [
        ("s3://b/1/models/m-1/artifacts", "m-1"), ("s3://b/1/models/m-1/artifacts/x", "m-1"),
        ("s3://b/models/m-1/artifactsx", ""), ("s3://b/1/r/artifacts", ""), ("", ""),
        ("s3://b/models/m-1/artifacts/models/m-2/artifacts", "m-2"),
    ],
)  # fmt: skip
def test_a_location_names_a_logged_model(location: str, model: str) -> None:
    assert model_in(location) == model


@pytest.mark.parametrize(
    ("location", "run_id", "sources", "allowed"),
    [
        ("s3://b/r/artifacts/model", "r", ("r",), True), ("s3://b/r/artifacts/model", "r", (), False),
        ("s3://b/other/artifacts/model", "r", ("r", "other"), False), ("s3://b/r/artifacts", "", ("r",), False),
        ("s3://b/models/m-1/artifacts", "", ("m-1",), True), ("s3://b/models/m-1/artifacts", "", (), False),
        ("s3://c/models/m-1/artifacts", "", ("m-1",), False), (SERVED + MODEL, "", (), False),
        ("x", "r", ("r",), False),
    ],
)  # fmt: skip
def test_files_of_a_version_that_does_not_count_are_read_by_who_may_read_where_they_are(
    location: str, run_id: str, sources: tuple[str, ...], allowed: bool
) -> None:
    artifacts = decide(Rows([Version("m", location, "m/1", run_id)]), models=("m",), paths=sources)
    if allowed:
        artifacts.check_files("m", "1", BOB, "somebody")
    else:
        with pytest.raises(PermissionDenied, match="Ask somebody"):
            artifacts.check_files("m", "1", BOB, "somebody")
    artifacts.check_files("gone", "1", BOB, "somebody")  # which MLflow answers


@pytest.mark.parametrize("location", ["s3://b/r/artifacts/model", "s3://b/models/m-1/artifacts", "s3://c/elsewhere"])
def test_files_of_a_version_that_counts_are_read_by_its_models_readers(location: str) -> None:
    artifacts = decide(Rows([Version("m", location, "m/1", "r")]), models=("m",))
    artifacts.created("m", "1", ALICE)
    with pytest.raises(PermissionDenied):
        artifacts.check_files("m", "1", BOB, "somebody")
    artifacts.created("m", "1", ADMIN)
    artifacts.check_files("m", "1", BOB, "somebody")


def test_a_copy_counts_where_its_creator_may_read_the_original() -> None:
    place = "s3://b/r/artifacts/model"
    rows = Rows([Version("original", place, "original/1", "r"), Version("copy", place, "copy/1", "r")])
    artifacts = decide(rows, models=("original", "copy"))
    artifacts.created("copy", "1", ALICE)
    with pytest.raises(PermissionDenied):
        artifacts.check_files("copy", "1", BOB, "somebody")
    artifacts.created("original", "1", ADMIN)
    artifacts.created("copy", "1", ALICE)
    artifacts.check_files("copy", "1", BOB, "somebody")


def test_a_version_in_a_file_store_never_counts() -> None:
    rows = Rows([Version("m", SERVED + MODEL, "")])
    rows.version = lambda name, number: rows.rows[0]  # type: ignore[method-assign]  # a file store has no rows
    artifacts = decide(rows, models=("m",))
    artifacts.created("m", "1", ADMIN)
    with pytest.raises(PermissionDenied):
        artifacts.check_files("m", "1", BOB, "somebody")
