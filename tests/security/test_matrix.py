"""Who may do what: the table of :mod:`tests.support.matrix`, held against real servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from ..support.matrix import MATRIX, SKILLS, Row, ask, result
from ..support.personas import COLUMNS, PEOPLE, Cast, cast_of, shared_things
from ..support.postgres import Postgres
from ..support.processes import free_port
from ..support.releases import HAS_SKILLS
from ..support.world import running_world

# Server -> options, whether on PostgreSQL, and the credentials that are tried there.
SERVERS: dict[str, tuple[tuple[str, ...], bool, tuple[str, ...]]] = {
    "uvicorn and SQLite": ((), False, ("basic", "bearer", "session")),
    "gunicorn and PostgreSQL": (("--gunicorn-opts", "--log-level info"), True, ("basic", "jwt")),
}


@dataclass
class Stage:
    """A cast, the things of its owner, and the credentials to try."""

    cast: Cast
    owner: httpx.Client
    things: dict[str, str]
    credentials: tuple[str, ...]
    has_skills: bool


@pytest.fixture(scope="module", params=SERVERS)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    options, on_postgres, credentials = SERVERS[request.param]
    postgres: Postgres | None = request.getfixturevalue("postgres") if on_postgres else None
    database = postgres.new_database() if postgres is not None else None
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    directory = tmp_path_factory.mktemp("matrix")
    with running_world(directory, url, port, *options, users=PEOPLE, database=database) as world:
        httpx.get(f"{url}/health", timeout=180)  # gunicorn takes connections before it can answer them
        with cast_of(world) as cast:
            owner = cast.client("owner", "basic")
            assert owner is not None
            has_skills = HAS_SKILLS and not options
            yield Stage(cast, owner, shared_things(owner, has_skills), credentials, has_skills)


@pytest.mark.parametrize("row", [*MATRIX, *SKILLS], ids=lambda row: row.operation)
def test_everybody_gets_what_the_table_says(stage: Stage, row: Row) -> None:
    if row in SKILLS and not stage.has_skills:
        pytest.skip("gunicorn serves what Flask does")
    expected = row.expected.split()
    for turn, credential in enumerate(stage.credentials):
        found = []
        for place, (who, wanted) in enumerate(zip(COLUMNS, expected, strict=True)):
            client = stage.cast.client(who, credential)
            changes = row.fresh and wanted == "yes"
            # Something new costs twenty requests: each persona changes one, with the credentials by turns.
            if client is None or (changes and (place + turn) % len(stage.credentials)):
                found.append(wanted)
            else:
                found.append(
                    result(row, client, shared_things(stage.owner, stage.has_skills) if changes else stage.things)
                )
        assert (credential, found) == (credential, expected)


# The first is refused for its names alone, one of which may be anybody's. For the second, MLflow asks for EDIT on the
# route and for MANAGE in the handler, so that whoever has EDIT is told that they need more.
TOLD_OTHERWISE = {"add it with others", "delete it by its state"}


def missing(row: Row, who: str) -> str:
    """The level that a persona lacks for an operation by the table; empty where they may do it, or nobody may."""
    gets = dict(zip(COLUMNS, row.expected.split(), strict=True))
    if gets[who] != "no" or gets["manage"] != "yes" or row.operation in TOLD_OTHERWISE:
        return ""
    return "EDIT" if gets["edit"] == "yes" else "MANAGE"


@pytest.mark.parametrize(
    "row", [row for row in (*MATRIX, *SKILLS) if missing(row, "read")], ids=lambda row: row.operation
)
def test_who_may_read_it_is_told_what_they_have_and_what_is_missing(stage: Stage, row: Row) -> None:
    if row in SKILLS and not stage.has_skills:
        pytest.skip("gunicorn serves what Flask does")
    for who, level in (("stranger", ""), ("read", "READ"), ("edit", "EDIT")):
        if not (needed := missing(row, who)):
            continue
        client = stage.cast.client(who, "basic")
        assert client is not None
        said = ask(row, client, stage.things).json()["message"]
        has, needs = f"have {level} on|you have {level}, and", f"needs {needed}. Ask "
        if level:
            assert re.search(has, said, re.IGNORECASE), said
            assert needs in said, said
        else:
            assert "READ" not in said, said
            assert "does not exist or you may not" in said or "is already taken" in said, said
