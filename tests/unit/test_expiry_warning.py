"""When a page begins to say that an access key expires."""

from __future__ import annotations

import pytest

from mlflow_prokube_auth.model import AccessKey
from mlflow_prokube_auth.web.access_key import DAY, expires_soon


@pytest.mark.parametrize(
    ("life", "left", "soon"),
    [
        (7 * DAY, 7 * DAY, False),
        (7 * DAY, 2 * DAY, False),
        (7 * DAY, DAY, True),
        (30 * DAY, 8 * DAY, False),
        (30 * DAY, 7 * DAY, True),
        (365 * DAY, 15 * DAY, False),
        (365 * DAY, 14 * DAY, True),
        (7 * DAY, 0, True),
        (7 * DAY, -DAY, True),
    ],
)
def test_it_is_the_last_quarter_of_a_life_and_two_weeks_at_most(life: int, left: int, soon: bool) -> None:
    now = 1_800_000_000
    key = AccessKey("key", 1, now + left - life, now + left, None, None, None, None)
    assert expires_soon(key, now) is soon
