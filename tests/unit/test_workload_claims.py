"""Which claims name a workload, and which tokens have them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mlflow_prokube_auth.policy.workloads import check_claims, matches

TEAM_A = {"sub": "system:serviceaccount:team-a:*"}


@pytest.mark.parametrize(
    ("patterns", "claims"),
    [
        ({"sub": "system:serviceaccount:team-a:trainer"}, {"sub": "system:serviceaccount:team-a:trainer"}),
        (TEAM_A, {"sub": "system:serviceaccount:team-a:trainer"}),
        ({"repository": "org/repo", "ref": "refs/heads/rel-*"}, {"repository": "org/repo", "ref": "refs/heads/rel-1"}),
        ({"project_id": "12", "ref_protected": "true"}, {"project_id": 12, "ref_protected": True}),
    ],
)
def test_a_token_with_these_claims_is_the_workload(patterns: dict[str, str], claims: dict[str, Any]) -> None:
    check_claims(patterns)
    assert matches(patterns, {**claims, "other": "x"})


@pytest.mark.parametrize(
    ("patterns", "claims"),
    [
        ({}, {"sub": "a"}),
        (TEAM_A, {}),
        (TEAM_A, {"sub": "system:serviceaccount:team-ab:trainer"}),
        (TEAM_A, {"sub": "system:serviceaccount:team-b:trainer"}),
        (TEAM_A, {"sub": "system:serviceaccount:team-a:"}),
        (TEAM_A, {"sub": "x system:serviceaccount:team-a:trainer"}),
        (TEAM_A, {"sub": ["system:serviceaccount:team-a:trainer"]}),
        ({"sub": "a:trainer"}, {"sub": "a:trainer2"}),
        ({"sub": "a:trainer"}, {"sub": "A:trainer"}),
        ({"sub": "a:trainer"}, {"sub": "a:trainer\n"}),
        ({"sub": "*"}, {"sub": "anything"}),
        ({"project_id": "1"}, {"project_id": True}),
        ({"project_id": "1"}, {"project_id": 1.0}),
        ({"repository": "org/repo", "ref": "refs/heads/main"}, {"repository": "org/repo"}),
        ({"repository": "org/repo", "ref": "refs/heads/main"}, {"repository": "org/repo", "ref": "refs/heads/main2"}),
        ({"repository": "org/*"}, {"repository": "org-evil/repo"}),
    ],
)
def test_any_other_token_is_not(patterns: dict[str, str], claims: dict[str, Any]) -> None:
    assert not matches(patterns, claims)


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({}, "has 0 claims, expected 1 to 10"),
        ({f"c{number}": "x" for number in range(11)}, "has 11 claims"),
        ({"ref": "refs/heads/main"}, "say nothing of who has the token"),
        ({"job_workflow_ref": "org/repo/.github/workflows/train.yml@main"}, "say nothing of who has the token"),
        ({"azp": "client"}, "say nothing of who has the token"),
        ({"sub": "*"}, "which anybody has"),
        ({"sub": "a", "ref": "*"}, "which anybody has"),
        ({"sub": "a:*:trainer"}, "expected no '*', or one at the end"),
        ({"sub": "a:**"}, "expected no '*', or one at the end"),
        ({"sub": "system:serviceaccount:team-a*"}, "expected a ':' or '/' before the '*'"),
        ({"repository": "org*"}, "expected a ':' or '/' before the '*'"),
        ({"sub": "system:serviceaccount:*"}, "which everybody has"),
        ({"sub": "repo:*"}, "which everybody has"),
        ({"sub": "spiffe://*"}, "which everybody has"),
        ({"sub": ":*"}, "which everybody has"),
        ({"sub": ""}, "expected 1 to 255 printable characters"),
        ({"sub": " a"}, "without blanks around them"),
        ({"sub": "a\nb"}, "expected 1 to 255 printable characters"),
        ({"sub": "a" * 256}, "expected 1 to 255 printable characters"),
        ({"": "a", "sub": "a"}, "expected 1 to 100 printable characters"),
        ({"sub": "a", "aud": "b"}, "which the server checks by itself"),
    ],
)
def test_claims_that_name_nobody_are_refused(claims: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        check_claims(claims)
