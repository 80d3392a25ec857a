"""What an entry of the tenant's log says about our objects."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.auth0.logs import touched

OWN = "mlgate"


def entry(method: str, path: str, **more: Any) -> dict[str, Any]:
    request = {"method": method, "path": path}
    answer = {"statusCode": 200, "body": more.pop("answered", {})}
    details = {"request": request, "response": answer}
    return {"type": "sapi", "client_id": "dashboard", "log_id": "9", "details": details, **more}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(entry("patch", "/api/v2/clients/a1"), [("clients", {"a1"})], id="a change of a client names it"),
        pytest.param(
            entry("post", "/api/v2/roles/rol_1/permissions"),
            [("roles", {"rol_1"})],
            id="a change below a role is a change of the role",
        ),
        pytest.param(
            entry("delete", "/api/v2/users/auth0%7C5f"),
            [("users", {"auth0%7C5f", "auth0|5f"})],
            id="an id that was escaped is found",
        ),
        pytest.param(
            entry(
                "patch", "/api/v2/resource-servers/https%3A%2F%2Fa", answered={"id": "6f", "identifier": "https://a"}
            ),
            [("resource-servers", {"https%3A%2F%2Fa", "https://a", "6f"})],
            id="an API that was named by its identifier is known by the id in the answer",
        ),
        pytest.param(
            entry("patch", "/api/v2/tenants/settings"), [("tenants/settings", set())], id="settings have no id"
        ),
        pytest.param(
            entry("patch", "/api/v2/clients/a1", type="fapi"),
            [("clients", {"a1"})],
            id="a change that failed may have had an effect",
        ),
        pytest.param(entry("patch", "/api/v2/clients/a1", client_id=OWN), [], id="our own change is no news"),
        pytest.param(entry("get", "/api/v2/clients/a1"), [], id="a read is no change"),
        pytest.param(entry("get", "/api/v2/clients", type="mgmt_api_read"), [], id="nor is one that is logged as such"),
        pytest.param({"type": "s", "client_id": "shop", "log_id": "9"}, [], id="a login does not concern us"),
        pytest.param({"type": "sapi", "details": "?"}, [], id="an entry that makes no sense is skipped"),
    ],
)
def test_touched(one: dict[str, Any], expected: list[tuple[str, set[str]]]) -> None:
    assert [(each.collection, set(each.ids)) for each in touched([one], own_client=OWN)] == expected
