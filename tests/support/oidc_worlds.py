"""Worlds of mlflow-oidc-auth: a small one in which every source meets every other, and a large one."""

from __future__ import annotations

import random

from .oidc_auth import OldServer, OldUser

ANN, BEN, CLEO, BOSS, ROBOT = (
    "ann@example.com", "ben@example.com", "cleo@example.com", "boss@example.com", "robot",
)  # fmt: skip
KEYS = {name: f"old-key-of-{name}" for name in (ANN, BEN, BOSS, ROBOT)}

SMALL = OldServer(
    users=[
        OldUser(ANN, password=KEYS[ANN]),
        OldUser(BEN, password=KEYS[BEN]),
        OldUser(CLEO),
        OldUser(BOSS, is_admin=True, password=KEYS[BOSS]),
        OldUser(ROBOT, is_service=True, password=KEYS[ROBOT]),
    ],
    groups={"team-a": [ANN, BEN], "/team-b": [BEN, ROBOT], "empty": []},
    experiments=["team-a-one", "team-a-two", "team-b-one", "b-test", "nobody's"],
    models=["team-a-model", "team-b-model", "shared"],
    prompts=["team-a-prompt", "other-prompt"],
    user_grants=[
        ("experiment", "team-a-one", ANN, "READ"),
        ("experiment", "nobody's", CLEO, "MANAGE"),
        ("registered_model", "shared", BEN, "NO_PERMISSIONS"),
        ("registered_model", "gone", ANN, "MANAGE"),
        ("prompt", "other-prompt", ROBOT, "EDIT"),
    ],
    group_grants=[
        ("experiment", "team-a-one", "team-a", "MANAGE"),
        ("experiment", "b-test", "/team-b", "READ"),
        ("registered_model", "shared", "team-a", "EDIT"),
        ("prompt", "team-a-prompt", "team-a", "READ"),
    ],
    user_patterns=[
        ("experiment", ".*-test$", 1, CLEO, "EDIT"),
        ("registered_model", "team-a-.*", 1, BEN, "READ"),
    ],
    group_patterns=[
        ("experiment", "^team-b-.*", 5, "/team-b", "EDIT"),
        ("experiment", "(team-a|b)-.*", 7, "team-a", "READ"),
        ("registered_model", "^team-a-.*", 1, "team-a", "MANAGE"),
        ("prompt", ".*", 1, "/team-b", "READ"),
    ],
    asked=[ANN, BEN, CLEO, ROBOT],
)


def large(users: int = 300, groups: int = 40, grants: int = 2000, patterns: int = 60, things: int = 500) -> OldServer:
    """So many of each, always the same; the release itself is asked for eight users."""
    random_ = random.Random(21)
    people = [OldUser(f"user-{number:03}@example.com", is_admin=number % 100 == 0) for number in range(users)]
    names = [person.name for person in people]
    teams = {f"team-{number:02}": random_.sample(names, random_.randint(3, 30)) for number in range(groups)}
    named = [
        f"team-{random_.randrange(groups):02}-{random_.choice(['train', 'eval', 'x-test'])}-{n}" for n in range(things)
    ]
    kinds = {"experiment": named[: things * 7 // 10], "registered_model": named[things * 7 // 10 : things * 9 // 10]}
    kinds["prompt"] = named[things * 9 // 10 :]
    levels = ["READ", "READ", "EDIT", "MANAGE", "USE", "NO_PERMISSIONS"]

    def some(count: int, holders: list[str]) -> list[tuple[str, str, str, str]]:
        found: dict[tuple[str, str], tuple[str, str, str, str]] = {}
        while len(found) < count:
            kind = random_.choice(["experiment", "experiment", "registered_model", "prompt"])
            name, holder = random_.choice(kinds[kind]), random_.choice(holders)
            found[name, holder] = (kind, name, holder, random_.choice(levels))
        return list(found.values())

    def matching(count: int, holders: list[str], first: int) -> list[tuple[str, str, int, str, str]]:
        forms = ["^team-{}-.*", "team-{}-train", ".*-test-.*", "team-({}|07)-.*", "^team-{}-.*-1$", ".*"]
        made = []
        for number in range(count):
            regex = random_.choice(forms).format(f"{random_.randrange(groups):02}")
            kind = random_.choice(["experiment", "registered_model"])
            # One priority each: releases differ where two of one priority match.
            made.append((kind, regex, first + number, random_.choice(holders), random_.choice(levels)))
        return list({(kind, regex, holder): row for row in made for kind, regex, _, holder, _ in [row]}.values())

    return OldServer(
        users=people,
        groups=teams,
        experiments=kinds["experiment"],
        models=kinds["registered_model"],
        prompts=kinds["prompt"],
        user_grants=some(grants * 3 // 4, names),
        group_grants=some(grants - grants * 3 // 4, list(teams)),
        user_patterns=matching(patterns // 2, names, 0),
        group_patterns=matching(patterns - patterns // 2, list(teams), patterns),
        asked=names[5::40],
    )
