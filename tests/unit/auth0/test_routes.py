"""What a request is, told from method and path."""

from __future__ import annotations

import pytest

from mlgate.auth0.routes import Intent, route_of

CASES = [
    (
        "a listing is a read of its collection",
        "GET",
        "/api/v2/clients?page=0",
        "/api/v2/clients",
        Intent.READ,
        "read clients",
    ),
    (
        "an id never shows in a route",
        "GET",
        "/api/v2/clients/AbC123",
        "/api/v2/clients/{id}",
        Intent.READ,
        "read clients",
    ),
    (
        "an identifier with encoded slashes is one id",
        "GET",
        "/api/v2/resource-servers/https%3A%2F%2Fa.example.com%2F",
        "/api/v2/resource-servers/{id}",
        Intent.READ,
        "read resource-servers",
    ),
    ("a POST on a collection creates", "POST", "/api/v2/roles", "/api/v2/roles", Intent.CREATE, "write roles"),
    (
        "a POST below an object changes it",
        "POST",
        "/api/v2/roles/rol_1/permissions",
        "/api/v2/roles/{id}/permissions",
        Intent.CHANGE,
        "write roles/permissions",
    ),
    (
        "a secret is rotated by changing its client",
        "POST",
        "/api/v2/clients/x/rotate-secret",
        "/api/v2/clients/{id}/rotate-secret",
        Intent.CHANGE,
        "write clients/rotate-secret",
    ),
    (
        "the tenant's settings have no id",
        "PATCH",
        "/api/v2/tenants/settings",
        "/api/v2/tenants/settings",
        Intent.CHANGE,
        "write tenants/settings",
    ),
    (
        "a DELETE removes",
        "DELETE",
        "/api/v2/client-grants/cgr_1",
        "/api/v2/client-grants/{id}",
        Intent.DELETE,
        "write client-grants",
    ),
    (
        "a token changes nothing although it is a POST",
        "POST",
        "/oauth/token",
        "/oauth/token",
        Intent.TOKEN,
        "/oauth/token",
    ),
    (
        "the key set is a read with a limit of its own",
        "GET",
        "/.well-known/jwks.json",
        "/.well-known/jwks.json",
        Intent.READ,
        "/.well-known/jwks.json",
    ),
    (
        "an action is made in a collection of two words",
        "POST",
        "/api/v2/actions/actions",
        "/api/v2/actions/actions",
        Intent.CREATE,
        "write actions/actions",
    ),
    (
        "an action's deploy changes it",
        "POST",
        "/api/v2/actions/actions/6f1c/deploy",
        "/api/v2/actions/actions/{id}/deploy",
        Intent.CHANGE,
        "write actions/actions/deploy",
    ),
    (
        "an organization is asked for by name as by id",
        "GET",
        "/api/v2/organizations/name/acme",
        "/api/v2/organizations/name/{id}",
        Intent.READ,
        "read organization",
    ),
    (
        "a listing of organizations has a smaller bucket than one of them",
        "GET",
        "/api/v2/organizations",
        "/api/v2/organizations",
        Intent.READ,
        "read organizations",
    ),
    (
        "roles of a member have a bucket of their own, read or written",
        "POST",
        "/api/v2/organizations/org_1/members/auth0%7C1/roles",
        "/api/v2/organizations/{id}/members/{id}/roles",
        Intent.CHANGE,
        "organization member roles",
    ),
    (
        "a factor is changed by its name",
        "PUT",
        "/api/v2/guardian/factors/otp",
        "/api/v2/guardian/factors/{id}",
        Intent.CHANGE,
        "write guardian/factors",
    ),
]


@pytest.mark.parametrize(
    ("method", "path", "template", "intent", "group"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_route_of(method: str, path: str, template: str, intent: Intent, group: str) -> None:
    route = route_of(method, path)
    assert (route.template, route.intent, route.group) == (template, intent, group)
    assert route.writes == (intent not in (Intent.READ, Intent.TOKEN))
    assert "?" not in route.said
