"""The manifests of docs/how-to/organizations.md on a real API server: a customer with its connection, a member and a role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .waiting import eventually
from .world import World

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "organizations.md"
OWN = (
    "auth0organization/acme",
    "auth0role/fraud-reviewer",
    "auth0connection/acme-sso",
    "auth0client/portal",
    "secret/acme-sso",
)
GRACE = "oidc|acme-sso|grace"


@pytest.fixture
def world(quickstart: World) -> Iterator[World]:
    """The quickstart, with nothing of this module's own in it."""
    users = quickstart.outside.auth0.state.users
    quickstart.outside.do(lambda: users.update({GRACE: {"user_id": GRACE, "identities": []}}))
    yield quickstart
    for which in OWN:
        quickstart.kubectl("delete", which, "-n", "ml", "--ignore-not-found", "--timeout=30s")
    quickstart.outside.do(lambda: users.pop(GRACE, None))


def test_the_pages_customer_is_made_and_leaves_with_one_request(world: World, tmp_path: Path) -> None:
    (manifests,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    file = tmp_path / "acme.yaml"
    file.write_text(manifests)
    world.kubectl("apply", "--validate=strict", "-f", str(file))
    world.wait_ready()

    state = world.outside.auth0.state
    made: dict[str, Any]
    (made,) = world.outside.do(lambda: [dict(each) for each in state.organizations.values()])
    assert (made["name"], made["display_name"], made["metadata"]["contract"]) == ("acme", "Acme Inc.", "gold")
    told = world.get("Auth0Organization", "acme")
    assert told is not None
    assert (told["status"]["organizationId"], told["status"]["members"]) == (made["id"], 1)
    role = world.get("Auth0Role", "fraud-reviewer")
    assert role is not None
    assert world.outside.do(lambda: dict(state.organization_member_roles[made["id"]])) == {
        GRACE: [role["status"]["roleId"]]
    }
    (connection,) = world.outside.do(lambda: list(state.organization_connections[made["id"]].values()))
    assert (connection["assign_membership_on_login"], connection["is_enabled"]) == (True, True)

    mark = world.outside.mark()
    world.kubectl("delete", "auth0organization/acme", "-n", "ml", "--timeout=30s")
    eventually(lambda: world.outside.do(lambda: not state.organizations), "the organization is gone")
    assert world.outside.writes(mark) == [f"DELETE organizations/{made['id']}"]
