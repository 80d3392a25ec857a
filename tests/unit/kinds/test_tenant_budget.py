"""What a tenant's status says of its request budget."""

from __future__ import annotations

import pytest

from mlgate.auth0 import Allowed
from mlgate.auth0.ratelimit import Limit
from mlgate.kinds.auth0.tenant import request_budget

FREE = {"group": "tenant", "burst": 2, "perMinute": 120}


@pytest.mark.parametrize(
    ("allowed", "told"),
    [
        pytest.param([], None, id="where nothing is known nothing is said"),
        pytest.param(
            [Allowed("tenant", Limit(2, 2.0))], {"perMinute": 120, "limits": [FREE]}, id="a plan's limit is told"
        ),
        pytest.param(
            [Allowed("tenant", Limit(2, 2.0), 1.0)],
            {"perMinute": 60, "limits": [{**FREE, "learnedPerMinute": 60}]},
            id="what a refusal taught is told beside the plan's limit and counts",
        ),
        pytest.param(
            [Allowed("read roles", None, 0.001)],
            {"limits": [{"group": "read roles", "learnedPerMinute": 1}]},
            id="what only refusals tell has no plan's limit",
        ),
    ],
)
def test_what_status_says_of_the_budget(allowed: list[Allowed], told: object) -> None:
    assert request_budget(allowed) == told
