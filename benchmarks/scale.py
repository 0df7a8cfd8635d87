"""Everything on PostgreSQL at the size of a large company: lists, our pages, and the plans of the queries."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote_plus

from sqlalchemy import create_engine, text

from . import seed
from .asking import Question, ask_in_turn
from .plans import Plan, explained
from .report import Section, Target
from .searches import API, ONE, PAGE, SEARCHES, database_pids, give_one, join_team, search
from .servers import POSTGRESQL, Ours, Stage

ADMIN = "/prokube-auth/api/admin"
# A table that is small at this size may be read as a whole.
SMALL = 1_000
TEXT = (
    "{items:,} experiments, {items:,} models and {items:,} prompts with a version each, {users:,} users, {teams} teams "
    "and {grants:,} grants. `one` may read one of each kind, `member` holds {team:,} experiments and as many models by "
    "a team, `admin` sees all. 1 worker, one request at a time, medians. CPU is that of the server and of PostgreSQL."
)


def run(stage: Stage) -> Section:
    """At one size; smaller where it has to be quick."""
    size = stage.size(100_000, 5_000)
    rounds, seconds = stage.choose((3, 0.7), (1, 0.2), (1, 0.0))
    section = Section(
        "scale",
        "Scale",
        TEXT.format(
            items=size.items, users=size.users, teams=size.teams, grants=size.grants, team=size.team_grants
        ),
        ["request", "who", "ms", "CPU ms", "KB"],
    )  # fmt: skip
    if POSTGRESQL not in stage.databases():
        section.notes.append("Not measured: no PostgreSQL server was found.")
        return section
    with stage.ours(POSTGRESQL) as ours:
        stage.fill(ours, size)
        give_one(ours)
        join_team(ours)
        for question in _questions(stage, ours, size):
            ask_in_turn([question], rounds, seconds)
            section.add(*_named(question), question.shown(question.latency), question.cost, question.bytes / 1024)
        _explain(stage, ours, section, size)
    return section


def _questions(stage: Stage, ours: Ours, size: seed.Size) -> Iterator[Question]:
    besides = database_pids(stage, POSTGRESQL)
    for what in SEARCHES:
        for who in ("admin", "one", "member"):
            many = {"admin": PAGE, "one": 1, "member": 0 if what == "prompts" else PAGE}[who]
            yield search(stage, ours, POSTGRESQL, what, who, many)
    for who, target in _pages(size):
        yield Question(who, ours, ours.session(who), "GET", target, besides=besides)


def _pages(size: seed.Size) -> Iterator[tuple[str, str]]:
    """Who looks at what of ours."""
    for who in ("one", "member"):
        yield who, f"{API}/experiments/get?experiment_id={seed.experiment_id(_readable(who, size))}"
        yield who, "/prokube-auth/permissions"
        yield who, "/prokube-auth/api/permissions?size=50"
    yield "member", f"/prokube-auth/api/permissions?first={size.team_grants}&size=50"
    experiment = seed.experiment_id(ONE)
    for target in (
        "/prokube-auth/admin",
        f"{ADMIN}/users",
        f"{ADMIN}/users?first={max(0, size.users - 50)}",
        f"{ADMIN}/users?search=user-77",
        f"{ADMIN}/service-accounts",
        f"{ADMIN}/expiring-keys",
        f"{ADMIN}/teams",
        f"{ADMIN}/team-members?team={seed.team(1)}",
        f"{ADMIN}/permissions",
        f"{ADMIN}/permissions?first={size.grants - 50}",
        f"{ADMIN}/permissions?user=user-77@example.com",
        f"{ADMIN}/permissions?team={seed.team(1)}",
        f"{ADMIN}/permissions?kind=experiment&id={experiment}",
        f"{ADMIN}/explain?user=member@example.com&kind=experiment&id={experiment}",
        f"/prokube-auth/api/sharing?kind=experiment&id={experiment}",
        f"{ADMIN}/unowned",
        f"{ADMIN}/trash",
        f"{ADMIN}/audit",
        f"{ADMIN}/audit?actor=user-77@example.com",
    ):
        yield "admin", target


def _named(question: Question) -> tuple[str, str]:
    """What is asked, and by whom."""
    return unquote_plus(question.target.removeprefix(f"{API}/")), question.name


def _readable(who: str, size: seed.Size) -> int:
    """The number of an experiment that they may read: what was shared, or the middle of what the team holds."""
    return ONE if who == "one" else size.held


def _explain(stage: Stage, ours: Ours, section: Section, size: seed.Size) -> None:
    """What the hottest requests ask about rights, and by which indexes."""
    rows = _rows(ours.database)
    asked: dict[str, list[str]] = {}
    whole: list[str] = []
    for who in ("one", "member"):
        for what in (*SEARCHES, "experiments/get"):
            for plan in _plans(stage, ours, _hot(stage, ours, what, who, size)):
                asked.setdefault(_scans(plan), []).append(f"{what} ({who})")
                whole += [
                    f"{scan.table} in {what} ({who})"
                    for scan in plan.scans
                    if scan.about_rights and scan.index is None and rows.get(scan.table, 0) > SMALL
                ]
    found = ", ".join(dict.fromkeys(whole)) or "none"
    section.targets.append(Target("large tables of rights read as a whole", "none", found, not whole))
    words = "How the queries on rights read their tables, in the plans that PostgreSQL used for these very requests:"
    lines = [f"- {scans}: {', '.join(dict.fromkeys(by))}" for scans, by in asked.items()]
    section.notes.append(words + "\n\n" + "\n".join(lines))


def _plans(stage: Stage, ours: Ours, question: Question) -> list[Plan]:
    """Those of a request's queries on rights; what a process keeps is known to it before."""
    question.round(0)
    with explained(stage.postgres(), ours.database) as plans:
        question.round(0)
    return [plan for plan in plans if plan.about_rights]


def _hot(stage: Stage, ours: Ours, what: str, who: str, size: seed.Size) -> Question:
    if what in SEARCHES:
        question = search(stage, ours, POSTGRESQL, what, who, 0)
        question.results = ""
        return question
    target = f"{API}/experiments/get?experiment_id={seed.experiment_id(_readable(who, size))}"
    return Question(who, ours, ours.basic(who), "GET", target)


def _scans(plan: Plan) -> str:
    return "; ".join(f"`{scan.table}` by {scan.index or 'reading all of it'} ({scan.rows} rows)" for scan in plan.scans)


def _rows(database: str) -> dict[str, int]:
    engine = create_engine(database)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT relname, reltuples FROM pg_class WHERE relkind = 'r'")).all()
    engine.dispose()
    return {row[0]: int(row[1]) for row in rows}
