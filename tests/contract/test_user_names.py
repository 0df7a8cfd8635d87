"""User names and ids: what one account has or had, no other gets, in our tables and in MLflow's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import mlflow.store.model_registry.dbmodels.models
import mlflow.store.tracking.dbmodels.models  # noqa: F401 - both fill the metadata
import pytest
from mlflow.entities._job_status import JobStatus
from mlflow.store.db.base_sql_model import Base
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    select,
    text,
)

from mlflow_prokube_auth.administration import Administration
from mlflow_prokube_auth.api_models import NewServiceAccount
from mlflow_prokube_auth.errors import Conflict, NotFound
from mlflow_prokube_auth.identity.key_format import compose
from mlflow_prokube_auth.mlflow_auth.auth_store import ProkubeStore
from mlflow_prokube_auth.mlflow_auth.install import migrate_mlflow
from mlflow_prokube_auth.model import Actor
from mlflow_prokube_auth.services import Services
from mlflow_prokube_auth.store import mlflow_names
from mlflow_prokube_auth.store.accounts import Account
from mlflow_prokube_auth.store.database import migrate, migrate_down, open_engine
from mlflow_prokube_auth.store.people import NameTaken
from mlflow_prokube_auth.store.schema import audit_events, user_names, users
from mlflow_prokube_auth.store.user_names import NotKept, StillUsed

from ..support.people import acting, admission, let_in, log_in
from ..support.releases import HAS_SKILLS

ACTOR = Actor("admin", 100, "cli")
PASSWORD = "a password of the test's own"
# How MLflow calls columns that hold who did something, or whom something is for. Ids of its own are shorter.
HOLDS_A_USER = re.compile(
    r"(^|_)(by|users?|user_id|username|creator|owner|assignee|reviewer|author|principal|email|source_id|target_value)$"
)
SHORTEST = 100
# Queues bear a user's name, and the walk finds it by no word of theirs.
NAMED_FOR_A_USER = {("review_queues", "name"), ("review_queues", "name_key")}
# Where MLflow decides by a name, or shows whose it is; and what else a row needs, so that it is a user's.
FOLLOWED = tuple(
    (table, column)
    for table, column in (*mlflow_names.STAMPED, *mlflow_names.CHOSEN)
    if table in Base.metadata.tables and column in Base.metadata.tables[table].columns  # of each release's own
)
# A column, and tables, that came with MLflow 3.18.
NEW_COLUMN, NEW_TABLES = ("issues", "last_updated_by"), {"skills", "skill_versions"}
OF_A_USER = {
    "review_queues": {"queue_type": "user"},
    "budget_policies": {"target_scope": "USER"},
    "jobs": {"status": JobStatus.SUCCEEDED.to_int()},
}


def account(services: Services, name: str) -> Account:
    found = services.accounts.find(name)
    assert found is not None
    return found


def tables_of_mlflow(services: Services) -> dict[str, Table]:
    """MLflow's own tables with their keys, without what else they need and refer to."""
    copies = MetaData()
    for name in {name for name, _ in FOLLOWED}:
        source = Base.metadata.tables[name]
        keys = [each for each in source.constraints if isinstance(each, (UniqueConstraint, PrimaryKeyConstraint))]
        columns = [Column(each.name, each.type) for each in source.columns]
        Table(name, copies, *columns, *(type(key)(*(column.name for column in key.columns)) for key in keys))
    copies.create_all(services.database.engine)
    return dict(copies.tables)


def add(services: Services, table: Table, **given: Any) -> None:
    """A row with these values, and a key."""
    with services.database.write() as connection:
        number = connection.execute(select(text("COUNT(*)")).select_from(table)).scalar_one()
        key = {each.name: number if isinstance(each.type, Integer) else f"r{number}" for each in table.primary_key}
        connection.execute(table.insert().values({**key, **given}))


def add_of(services: Services, tables: dict[str, Table], name: str) -> None:
    """A row of that user in each of these tables."""
    for table in tables.values():
        named = {column: name for place, column in FOLLOWED if place == table.name}
        add(services, table, **OF_A_USER.get(table.name, {}), **named)


def followed(services: Services, tables: dict[str, Table]) -> dict[tuple[str, str], list[str]]:
    return {(table, column): values(services, tables[table], column) for table, column in FOLLOWED}


def values(services: Services, table: Table, column: str) -> list[Any]:
    with services.database.read() as connection:
        return sorted(connection.execute(select(table.c[column])).scalars())


def delete(services: Services, name: str) -> None:
    services.accounts.delete(account(services, name), None, acting())


def walked() -> set[tuple[str, str]]:
    return {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, String)
        and (column.type.length is None or column.type.length >= SHORTEST)
        and HOLDS_A_USER.search(column.name)
    }


def test_each_column_of_mlflow_that_may_hold_a_user_name_is_followed_or_told_harmless() -> None:
    tables = [mlflow_names.STAMPED, mlflow_names.CHOSEN, mlflow_names.TOLD]
    listed = {place for table in tables for place in table}
    assert sum(len(table) for table in tables) == len(listed)
    assert len(walked()) > 30
    missing = {table for table, _ in listed} - Base.metadata.tables.keys()
    assert missing == (set() if HAS_SKILLS else NEW_TABLES)
    there = {place for place in listed if place[0] not in missing}
    assert walked() | NAMED_FOR_A_USER == (there if HAS_SKILLS else there - {NEW_COLUMN})


def test_what_counts_as_an_unfinished_job_is_what_mlflow_has_not_ended() -> None:
    unfinished = (JobStatus.PENDING, JobStatus.RUNNING, JobStatus.NEEDS_RECOVERY)
    assert sorted(each.to_int() for each in unfinished) == [0, 1, 6]
    assert all(JobStatus.is_finalized(each) == (each not in unfinished) for each in JobStatus)


def test_a_rename_is_followed_wherever_mlflow_decides_by_the_name(services: Services) -> None:
    tables = tables_of_mlflow(services)
    for name in ("a@x", "b@x"):
        add_of(services, tables, name)
    log_in(services, "a@x")
    let_in(services, admission("new@x", "s-a@x"), 200)
    assert followed(services, tables) == {place: ["b@x", "new@x"] for place in FOLLOWED}


def test_after_a_release_nothing_by_which_mlflow_decides_bears_the_name(services: Services) -> None:
    tables = tables_of_mlflow(services)
    add_of(services, tables, "a@x")
    log_in(services, "a@x")
    delete(services, "a@x")
    assert followed(services, tables) == {place: ["a@x"] for place in FOLLOWED}
    services.accounts.release_name("A@x", acting())
    found = followed(services, tables)
    assert len({name for names in found.values() for name in names}) == 1
    assert re.fullmatch(r"former:[0-9a-f]{16}:a@x", found["jobs", "creator"][0])
    assert let_in(services, admission("a@x", "s-2"), 200).username == "a@x"
    assert followed(services, tables) == found


def test_what_is_named_alike_and_is_nobodys_keeps_its_name(services: Services) -> None:
    tables = tables_of_mlflow(services)
    add(services, tables["review_queues"], queue_type="custom", name="a@x", name_key="a@x")
    add(services, tables["budget_policies"], target_scope="ENDPOINT", target_value="a@x")
    log_in(services, "a@x")
    let_in(services, admission("new@x", "s-a@x"), 200)
    assert values(services, tables["review_queues"], "name") == ["a@x"]
    assert values(services, tables["budget_policies"], "target_value") == ["a@x"]


def test_reviewers_of_one_queue_become_one_where_a_rename_makes_them_so(services: Services) -> None:
    table = tables_of_mlflow(services)["review_queue_users"]
    for queue, name in (("q1", "a@x"), ("q1", "new@x"), ("q2", "a@x")):
        add(services, table, queue_id=queue, user_id=name)
    log_in(services, "a@x")
    let_in(services, admission("new@x", "s-a@x"), 200)
    assert values(services, table, "user_id") == ["new@x", "new@x"]


def test_a_long_name_is_followed_as_far_as_the_column_takes_it(services: Services) -> None:
    tables = tables_of_mlflow(services)
    long = "n" * 253 + "@x"
    add(services, tables["jobs"], creator="a@x")
    add(services, tables["review_queue_items"], completed_by="a@x")
    log_in(services, "a@x")
    let_in(services, admission(long, "s-a@x"), 200)
    assert values(services, tables["jobs"], "creator") == [long]  # by which the creator gets at the job
    assert values(services, tables["review_queue_items"], "completed_by") == [long[:250]]


def person(services: Services, name: str) -> object:
    return let_in(services, admission(name, "s-other"), 200)


def service(services: Services, name: str) -> object:
    return services.accounts.create_service(name, "", acting(200))


def break_glass(services: Services, name: str) -> object:
    return services.local_admins.set(name, PASSWORD, acting(200))


@pytest.mark.parametrize("gone", [log_in, service])
@pytest.mark.parametrize("comes", [person, service, break_glass])
def test_the_name_of_a_deleted_account_goes_to_nobody_else_until_it_is_released(
    services: Services, gone: Callable[..., Any], comes: Callable[..., Any]
) -> None:
    tables_of_mlflow(services)
    gone(services, "the-name")
    delete(services, "the-name")
    with pytest.raises(NameTaken) as refused:
        comes(services, "the-name")
    assert (refused.value.name, refused.value.kept) == ("the-name", True)
    assert services.accounts.find("the-name") is None  # nothing is left of the attempt
    services.accounts.release_name("the-name", acting())
    comes(services, "the-name")
    with pytest.raises(NotKept):
        services.accounts.release_name("the-name", acting())


@pytest.mark.parametrize("comes", [person, service, break_glass])
def test_the_name_of_a_renamed_account_goes_to_nobody_else_until_it_is_released(
    services: Services, comes: Callable[..., Any]
) -> None:
    tables_of_mlflow(services)
    alice = log_in(services, "a@x")
    let_in(services, admission("new@x", "s-a@x"), 200)
    with pytest.raises(NameTaken) as refused:
        comes(services, "a@x")
    assert refused.value.kept
    services.accounts.release_name("a@x", acting())
    assert not services.people.owns_name(alice.user_id, "a@x")  # it opens no access key of theirs any more
    comes(services, "a@x")
    with pytest.raises(NameTaken):
        let_in(services, admission("a@x", "s-a@x"), 300)


@pytest.mark.parametrize("comes", [person, service, break_glass])
def test_the_name_of_an_account_that_is_there_is_taken_and_not_kept(
    services: Services, comes: Callable[..., Any]
) -> None:
    log_in(services, "a@x")
    with pytest.raises(NameTaken) as refused:
        comes(services, "a@x")
    assert not refused.value.kept
    with pytest.raises(NotKept) as not_kept:
        services.accounts.release_name("a@x", acting())
    assert not_kept.value.taken


def test_the_same_identity_gets_its_name_back(services: Services) -> None:
    before = log_in(services, "a@x")
    let_in(services, admission("new@x", "s-a@x"), 150)
    delete(services, "new@x")
    with pytest.raises(NameTaken):
        let_in(services, admission("a@x", "s-2"), 200)
    after = let_in(services, admission("a@x", "s-a@x"), 300)
    assert (after.username, after.user_id != before.user_id) == ("a@x", True)
    with pytest.raises(NameTaken):  # all names that it had
        let_in(services, admission("new@x", "s-2"), 400)


def test_a_users_name_of_basic_auth_is_kept_too(services: Services) -> None:
    with services.database.write() as connection:
        connection.execute(users.insert().values(username="Old@x", password_hash="!", is_admin=False))
    delete(services, "old@x")
    with pytest.raises(NameTaken):
        log_in(services, "old@x")


def test_a_name_is_not_released_while_something_of_its_bearer_may_be_left(services: Services) -> None:
    log_in(services, "a@x")
    delete(services, "a@x")
    with pytest.raises(StillUsed, match="another database"):
        services.accounts.release_name("a@x", acting())
    add(services, tables_of_mlflow(services)["jobs"], creator="a@x", status=1)
    with pytest.raises(StillUsed, match="1 jobs that were begun under it have not ended"):
        services.accounts.release_name("a@x", acting())
    services.accounts.release_name("a@x", acting(), anyway=True)
    assert log_in(services, "a@x").username == "a@x"


def test_releases_are_refused_in_words_and_written_down(services: Services) -> None:
    admin = Administration(services, "Keycloak")
    for name in ("a@x", "svc"):
        service(services, name)
        delete(services, name)
    expected = r"'svc' belonged to another account here.*mlflow-prokube-auth users release-name svc\. Or choose another"
    with pytest.raises(Conflict, match=expected):
        admin.create_service(NewServiceAccount(name="svc"), ACTOR)
    with pytest.raises(NotFound, match="No renamed or deleted account had the name 'nobody'"):
        admin.release_name("nobody", ACTOR)
    with pytest.raises(Conflict, match="'a@x' is not released: MLflow's tables are in another database"):
        admin.release_name("a@x", ACTOR)
    admin.release_name("a@x", ACTOR, anyway=True)
    log_in(services, "a@x")
    with pytest.raises(Conflict, match="'a@x' is the name of an account"):
        admin.release_name("a@x", ACTOR)
    found, total = admin.events(action="name.release")
    assert (total, found[0]["target"], found[0]["actor"]) == (1, "a@x", "admin")


def test_kept_names_are_listed_with_the_account_that_had_them(services: Services) -> None:
    tables_of_mlflow(services)
    for name in ("a@x", "b@x", "c@x", "d@x"):
        log_in(services, name)
    let_in(services, admission("new@x", "s-a@x"), 150)
    for name in ("b@x", "c@x"):
        delete(services, name)
    listed = Administration(services, "Keycloak").kept_names
    assert listed("", first=0, size=2) == (
        [{"name": "a@x", "account": "new@x"}, {"name": "b@x", "account": None}], 3
    )  # fmt: skip
    services.accounts.release_name("b@x", acting())
    assert listed("@X", first=0, size=9) == (
        [{"name": "a@x", "account": "new@x"}, {"name": "c@x", "account": None}], 2
    )  # fmt: skip
    assert listed("c@", first=0, size=9)[1] == 1


def test_a_deleted_users_id_is_given_to_nobody(services: Services) -> None:
    """SQLite hands out the highest id again when its row is gone."""
    tables_of_mlflow(services)
    ids = []
    for number in range(3):
        ids.append(log_in(services, f"u{number}@x").user_id)
        delete(services, f"u{number}@x")
        services.accounts.release_name(f"u{number}@x", acting())
    ids.append(services.accounts.create_service("svc", "", acting()).user_id)
    delete(services, "svc")
    services.local_admins.set("break-glass", PASSWORD, acting())
    ids.append(account(services, "break-glass").user_id)
    assert ids == sorted(set(ids))


def details(services: Services, action: str) -> list[dict[str, Any]]:
    with services.database.read() as connection:
        rows = connection.execute(select(audit_events.c.detail).where(audit_events.c.action == action))
        return [json.loads(row.detail) for row in rows]


def test_the_audit_trail_names_whom_an_event_is_about(services: Services) -> None:
    """By name and as of then: an id alone would tell of whoever has it later."""
    alice = log_in(services, "a@x")
    mlflow_store = ProkubeStore(services.database, services.teams)
    mlflow_store.init_db("")
    mlflow_store.grant_if_absent(alice.user_id, "default", "experiment", "1", "READ")
    team = services.teams.create("t", acting())
    services.teams.join(team, alice.user_id, acting())
    services.teams.leave(team, alice.user_id, acting())
    services.access_keys.mint(compose(b"a" * 41), alice.user_id, 9000, acting())
    services.access_keys.revoke(alice.user_id, acting(200))
    delete(services, "a@x")
    about = {"user": "a@x", "user_id": alice.user_id}
    for action in ("role.create", "member.create", "grant.create", "team.join", "team.leave", "access_key.revoke"):
        assert [{**each, **about} for each in details(services, action)] == details(services, action), action
        assert details(services, action), action
    with services.database.read() as connection:
        everything = connection.execute(select(audit_events)).mappings().all()
    for event in everything:
        ids_alone = re.search(rf'__user_{alice.user_id}__|"user_id"', f"{event['target']} {event['detail']}")
        assert ids_alone is None or json.loads(event["detail"])["user"] == "a@x", event


def test_names_are_kept_by_a_migration_up_and_free_again_after_one_down(services: Services) -> None:
    log_in(services, "a@x")
    let_in(services, admission("new@x", "s-a@x"), 150)
    log_in(services, "b@x")
    delete(services, "b@x")
    database = open_engine(services.database.uri)
    migrate_down(database, "0009")
    migrate(database, migrate_mlflow)
    with database.connect() as connection:
        names = sorted(connection.execute(select(user_names.c.name)).scalars())
    database.dispose()
    assert names == ["a@x", "new@x"]
    assert log_in(services, "b@x").username == "b@x"
    with pytest.raises(NameTaken):
        let_in(services, replace(admission("a@x", "s-2"), name_verified=True), 200)
