"""Which claims of a token name a workload, and whether a token has them. Pure.

A pattern is a text that a claim must be equal to, or the beginning of one with a ``*`` behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LONGEST_CLAIM, LONGEST_VALUE, MOST_CLAIMS = 100, 255, 10
# Claims that say whose a token is: Kubernetes, SPIFFE and others; GitHub Actions; GitLab CI. Others narrow further.
# ``job_workflow_ref`` of GitHub is none: workflows of strangers may call a reusable one.
IDENTIFYING = (
    "sub",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "workflow_ref",
    "project_path",
    "project_id",
    "namespace_path",
    "namespace_id",
)
# What the server judges by itself, or what is another one in each token.
_JUDGED = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})
# So begin the subjects of everybody whom an issuer knows.
_EVERYBODY = frozenset(
    {"system:", "system:serviceaccount:", "repo:", "project_path:", "spiffe://", "https://", "http://"}
)
# What ends a part of a name: ``team-a*`` would be ``team-ab`` as well.
_SEPARATORS = (":", "/")


def check_claims(claims: Mapping[str, str]) -> None:
    """Whether these claims name a workload.

    Raises:
        ValueError: they do not; what was found, and what is expected.
    """
    if not 1 <= len(claims) <= MOST_CLAIMS:
        raise ValueError(f"'claims' has {len(claims)} claims, expected 1 to {MOST_CLAIMS}.")
    for name, pattern in claims.items():
        _check_claim(name, pattern)
    if not any(name in IDENTIFYING for name in claims):
        raise ValueError(
            f"'claims' names {', '.join(sorted(claims))}, which say nothing of who has the token. Expected one of "
            f"{', '.join(IDENTIFYING)} among them."
        )


def _check_claim(name: str, pattern: str) -> None:
    if not name.strip() or len(name) > LONGEST_CLAIM or not name.isprintable():
        raise ValueError(f"'claims' has the name {name[:40]!r}, expected 1 to {LONGEST_CLAIM} printable characters.")
    if name in _JUDGED:
        raise ValueError(f"'claims' names '{name}', which the server checks by itself. Expected claims such as 'sub'.")
    if pattern != pattern.strip() or not pattern or len(pattern) > LONGEST_VALUE or not pattern.isprintable():
        raise ValueError(
            f"the claim '{name}' is {pattern[:40]!r}, expected 1 to {LONGEST_VALUE} printable characters without "
            "blanks around them."
        )
    beginning, star, behind = pattern.partition("*")
    if not star:
        return
    if behind:
        raise ValueError(f"the claim '{name}' is '{pattern}', expected no '*', or one at the end.")
    if not beginning:
        raise ValueError(f"the claim '{name}' is '*', which anybody has. Expected a value, or the beginning of one.")
    if name not in IDENTIFYING:
        return
    if not beginning.endswith(_SEPARATORS):
        raise ValueError(
            f"the claim '{name}' is '{pattern}', expected a ':' or '/' before the '*': other names begin so, too."
        )
    if beginning.lower() in _EVERYBODY or not beginning.strip(":/"):
        raise ValueError(f"the claim '{name}' is '{pattern}', which everybody has whom the issuer knows. Name more.")


def matches(patterns: Mapping[str, str], claims: Mapping[str, Any]) -> bool:
    """Whether a token with these claims is of the workload; False without patterns."""
    return bool(patterns) and all(_fits(pattern, claims.get(name)) for name, pattern in patterns.items())


def _fits(pattern: str, value: Any) -> bool:
    """A list or an object is no value, and what a token lacks fits nothing."""
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int):
        value = str(value)
    if not isinstance(value, str):
        return False
    if pattern.endswith("*"):
        beginning = pattern[:-1]
        return bool(beginning) and value.startswith(beginning) and len(value) > len(beginning)
    return value == pattern
