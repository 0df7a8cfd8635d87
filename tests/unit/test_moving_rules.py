"""What mlflow-oidc-auth allowed, and what becomes of it here: nobody may ever do more, and as little less as can be."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from mlflow_prokube_auth.model import Resource
from mlflow_prokube_auth.moving.new_rules import Standing, compare
from mlflow_prokube_auth.moving.old_rules import ADMIN, DEFAULT, Decision, OldRules, Options
from mlflow_prokube_auth.moving.old_world import (
    NOTHING,
    SOURCES,
    Holder,
    OldGrant,
    OldPattern,
    OldUser,
    OldWorld,
    Thing,
)
from mlflow_prokube_auth.moving.patterns import prefix_of
from mlflow_prokube_auth.moving.plan import DENY, EVERYBODY, TAKEN, TURNED, Account, Plan, plan

ANN, BEN, BOSS = Holder(False, 1), Holder(False, 2), Holder(False, 3)
RED, BLUE = Holder(True, 1), Holder(True, 2)
LEVELS = (NOTHING, "READ", "USE", "EDIT", "MANAGE")


def experiment(number: int, name: str) -> Thing:
    return Thing("experiment", str(number), "default", name, (str(number),))


def on(key: str, holder: Holder, level: str, kind: str = "experiment") -> OldGrant:
    return OldGrant(kind, key, holder, level)


def pattern(regex: str, holder: Holder, level: str, priority: int = 1, kind: str = "experiment") -> OldPattern:
    return OldPattern(kind, abs(hash((regex, holder))) % 10**6, regex, priority, holder, level)


def world(
    grants: tuple[OldGrant, ...] = (),
    patterns: tuple[OldPattern, ...] = (),
    members: Mapping[int, frozenset[int]] | None = None,
) -> OldWorld:
    users = tuple(
        OldUser(number, f"{name}@example.com", name, name == "boss", False, True)
        for number, name in ((1, "ann"), (2, "ben"), (3, "boss"))
    )
    groups = {1: "red", 2: "blue"}
    return OldWorld("x", users, groups, members or {1: frozenset({1, 2})}, grants, patterns)


def decided(of: OldWorld, thing: Thing, user: int = 1, default: str = NOTHING, order: str = ",".join(SOURCES)) -> str:
    decision = OldRules(of, Options(tuple(order.split(",")), default), [thing]).decide(user, thing)
    return f"{decision.level} by {decision.source}"


ONE = experiment(1, "team-a-one")


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (world(), "NO_PERMISSIONS by default"),
        (world((on("1", ANN, "READ"), on("1", RED, "MANAGE"))), "READ by user"),
        (world((on("1", ANN, NOTHING), on("1", RED, "MANAGE"))), "NO_PERMISSIONS by user"),
        (world((on("1", RED, "EDIT"),), (pattern("team-a", ANN, "MANAGE"),)), "EDIT by group"),
        (world((), (pattern("team-a", ANN, "READ"), pattern(".*", RED, "MANAGE"))), "READ by regex"),
        (world((), (pattern(".*", RED, "MANAGE"),)), "MANAGE by group-regex"),
        # Looked for at the beginning of the name alone.
        (world((), (pattern("one", ANN, "READ"),)), "NO_PERMISSIONS by default"),
        (world((), (pattern(".*one", ANN, "READ", 2), pattern("team", ANN, "EDIT", 5))), "READ by regex"),
        # Of several groups NO_PERMISSIONS counts, else what allows most.
        (
            world((on("1", RED, "READ"), on("1", BLUE, "EDIT")), (), {1: frozenset({1}), 2: frozenset({1})}),
            "EDIT by group",
        ),
        (
            world((on("1", RED, NOTHING), on("1", BLUE, "EDIT")), (), {1: frozenset({1}), 2: frozenset({1})}),
            "NO_PERMISSIONS by group",
        ),
        # Releases differ on patterns of one priority; what allows less is taken.
        (world((), (pattern("team", ANN, "READ"), pattern("team-a", ANN, NOTHING))), "NO_PERMISSIONS by regex"),
    ],
)
def test_the_first_source_that_says_anything_counts(of: OldWorld, expected: str) -> None:
    assert decided(of, ONE) == expected


def test_the_order_of_the_sources_and_the_default_are_those_of_the_old_server() -> None:
    of = world((on("1", ANN, "READ"), on("1", RED, "MANAGE")))
    assert decided(of, ONE, order="group,user") == "MANAGE by group"
    assert decided(world(), ONE, default="MANAGE") == "MANAGE by default"
    assert decided(of, ONE, user=3) == f"MANAGE by {ADMIN}"


def test_a_scorer_without_a_permission_of_its_own_has_its_experiments() -> None:
    scorer = Thing("scorer", "1/good", "default", "good", ("1/good",), ONE)
    assert decided(world((on("1", ANN, "EDIT"),)), scorer) == "EDIT by user"
    assert decided(world((on("1", ANN, "EDIT"), on("1/good", ANN, "READ", "scorer"))), scorer) == "READ by user"


@pytest.mark.parametrize(
    ("regex", "prefix"),
    [
        ("^team-a-.*", "team-a-"),
        ("team-a-.*$", "team-a-"),
        ("team-a-", "team-a-"),
        (r"^team\-a\.x/", "team-a.x/"),
        (".*", ""),
        ("^", ""),
        ("^.*-test$", None),
        ("^(a|b)-.*", None),
        ("a|b", None),
        ("^team-a-$", None),
        ("^team-a-.+", None),
        ("team-?", None),
        ("team-*", None),
        (r"team-\d+", None),
        ("team-[ab].*", None),
        ("team.a", None),
        ("te{2}", None),
        ("team\\", None),
    ],
)
def test_what_begins_so_is_what_a_pattern_says(regex: str, prefix: str | None) -> None:
    assert prefix_of(regex) == prefix


# What becomes of it.


def planned(
    of: OldWorld, things: list[Thing], default: str = NOTHING, *, keep: bool = False, order: str = ",".join(SOURCES)
) -> tuple[Plan, OldRules]:
    options = Options(tuple(order.split(",")), default)
    rules = OldRules(of, options, things)
    accounts = [Account(user, user.name) for user in of.users]
    return plan(of, rules, options, things, (accounts, []), lambda group: (group, ""), keep_access=keep), rules


def standings(made: Plan, things: list[Thing]) -> dict[int, Standing]:
    """What the engine makes of the plan, as the tables would have it."""
    found = {}
    for account in made.accounts:
        sets: list[dict[Resource, str]] = [made.user_grants.get(account.old.id, {})]
        for team, members in made.teams.items():
            if account.old.id in members:
                sets.append(made.team_grants.get(team, {}))
                for rule in made.rules.values():
                    if rule.team == team:
                        bearers = [each for each in things if each.type == rule.kind]
                        sets.append(
                            {
                                Resource(each.type, each.pattern, each.workspace): rule.level
                                for each in bearers
                                if each.name.startswith(rule.prefix)
                            }
                        )
        roles = []
        for grants in sets:
            role: dict[tuple[str, str], dict[str, str]] = {}
            for resource, level in grants.items():
                role.setdefault((resource.resource_type, resource.workspace), {})[resource.pattern] = level
            roles.append(role)
        found[account.old.id] = Standing(account.name, account.old.is_admin, tuple(roles))
    return found


def test_a_groups_prefix_becomes_a_rule_where_it_allows_no_member_more() -> None:
    things = [ONE, experiment(2, "team-a-two"), experiment(3, "other")]
    made, _ = planned(world((), (pattern("^team-a-.*", RED, "EDIT"),)), things)
    assert [(rule.team, rule.kind, rule.prefix, rule.level) for rule in made.rules.values()] == [
        ("red", "experiment", "team-a-", "EDIT")
    ]
    assert (made.team_grants, made.user_grants) == ({}, {})


def test_what_no_rule_can_say_becomes_grants_on_what_exists() -> None:
    things = [ONE, experiment(2, "team-a-two")]
    made, _ = planned(world((), (pattern(".*-two$", RED, "EDIT"),)), things)
    assert made.rules == {}
    assert made.team_grants == {"red": {Resource("experiment", "2", "default"): "EDIT"}}
    assert [line.outcome for line in made.lines if line.what == "pattern of a group"] == [TURNED]


def test_a_users_own_permission_that_allows_less_keeps_the_team_from_allowing_more() -> None:
    of = world((on("1", ANN, "READ"), on("1", RED, "MANAGE")))
    made, rules = planned(of, [ONE])
    assert made.team_grants == {}
    assert made.user_grants == {
        1: {Resource("experiment", "1", "default"): "READ"},
        2: {Resource("experiment", "1", "default"): "MANAGE"},
    }
    assert list(compare(of.users, rules, standings(made, [ONE]), [ONE])) == []


def test_no_permissions_is_denied_where_it_counted() -> None:
    made, _ = planned(world((on("1", ANN, NOTHING), on("1", BLUE, NOTHING))), [ONE])
    assert made.user_grants == {1: {Resource("experiment", "1", "default"): DENY}}
    assert made.team_grants == {"blue": {Resource("experiment", "1", "default"): DENY}}


def test_use_of_what_cannot_be_called_reads() -> None:
    endpoint = Thing("gateway_endpoint", "e-1", "default", "gpt", ("gpt", "e-1"))
    made, rules = planned(
        world((on("1", ANN, "USE"), on("gpt", ANN, "USE", "gateway_endpoint"))), things := [ONE, endpoint]
    )
    assert sorted(made.user_grants[1].values()) == ["READ", "USE"]
    assert not list(compare(made_users(made), rules, standings(made, things), things))


def made_users(made: Plan) -> list[OldUser]:
    return [account.old for account in made.accounts]


def test_a_default_that_let_everybody_in_is_told_as_lost() -> None:
    of = world((on("1", ANN, "MANAGE"),))
    made, rules = planned(of, [ONE], default="MANAGE")
    found = list(compare(of.users, rules, standings(made, [ONE]), [ONE]))
    assert [(each.user, each.before, each.now, each.why) for each in found] == [
        ("ben@example.com", "MANAGE", NOTHING, "the default permission of the old server")
    ]


def test_a_default_that_is_kept_is_exactly_what_it_was() -> None:
    things = [ONE, experiment(2, "two")]
    of = world((on("1", ANN, "READ"),))
    made, rules = planned(of, things, default="EDIT", keep=True)
    assert made.team_grants == {EVERYBODY: {Resource("experiment", "2", "default"): "EDIT"}}
    assert list(compare(of.users, rules, standings(made, things), things)) == []


@pytest.mark.parametrize("seed", range(300))
def test_no_world_gives_anybody_more_or_less(seed: int) -> None:
    """Random worlds of few names, so that all sources meet: what is planned allows what was explicitly allowed."""
    random_ = random.Random(seed)
    things = [
        experiment(number, random_.choice(["a", "ab", "ab-x", "b", "b-x", "c"]) + str(number)) for number in range(6)
    ]
    holders = [ANN, BEN, BOSS, RED, BLUE]
    grants = {
        (key, holder): on(key, holder, random_.choice(LEVELS))
        for key, holder in ((str(random_.randrange(7)), random_.choice(holders)) for _ in range(random_.randrange(8)))
    }
    regexes = ["a", "^ab.*", ".*x", ".*", "b", "^c", "(a|b)-x", "b-.+", "["]
    patterns = tuple(
        OldPattern(
            "experiment", number, random_.choice(regexes), number, random_.choice(holders), random_.choice(LEVELS)
        )
        for number in range(random_.randrange(6))
    )
    members = {group: frozenset(user for user in (1, 2, 3) if random_.random() < 0.6) for group in (1, 2)}
    order = list(SOURCES)
    random_.shuffle(order)
    default, keep = random_.choice([NOTHING, "READ", "MANAGE"]), random_.random() < 0.5
    of = world(tuple(grants.values()), patterns, members)
    made, rules = planned(of, things, default, keep=keep, order=",".join(order))
    found = list(compare(of.users, rules, standings(made, things), things))
    assert [each for each in found if each.is_more] == []
    assert {each.why for each in found} <= {"the default permission of the old server"} - (
        {""} if not keep else {"the default permission of the old server"}
    )
    taken = [line for line in made.lines if line.outcome == TAKEN]
    assert len(taken) <= len(grants) + len(patterns) + 2


def test_a_decision_knows_what_it_allows() -> None:
    assert [Decision(level, DEFAULT).strength for level in LEVELS] == [0, 1, 2, 3, 4]
