"""The scopes that mlgate asks for, and where they are written for people."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mlgate import kinds
from mlgate.api.auth0tenant import Auth0TenantSpec
from mlgate.kinds.auth0.on_auth0 import OnAuth0
from mlgate.kinds.auth0.tenant import LOGS, SETTINGS, Auth0Tenant
from mlgate_sim.auth0 import management_api

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "real-services.md"
IN_TENANT = {
    kind.type.kind: kind.scopes for kind in OnAuth0.__subclasses__() if kind.__module__.startswith(kinds.__name__)
}
ALL = SETTINGS.union(*IN_TENANT.values())
TENANT = {"domain": "acme.eu.auth0.com", "credentials": {"secretRef": {"name": "auth0"}}}


def test_the_how_to_page_lists_exactly_the_scopes_that_the_kinds_need() -> None:
    listed = PAGE.read_text().split("```text")[1].split("```")[0]
    assert set(re.findall(r"\b(?:create|read|update|delete):[a-z_]+", listed)) == ALL


def test_every_scope_that_a_kind_needs_is_one_of_the_management_api() -> None:
    assert set() == (ALL | LOGS) - {scope["value"] for scope in management_api.all_scopes()}


@pytest.mark.parametrize(
    ("spec", "users", "needed"),
    [
        pytest.param({}, (), set(), id="an empty tenant needs nothing"),
        pytest.param({"settings": {"friendlyName": "a"}}, (), SETTINGS, id="its own settings"),
        pytest.param({"followLogs": True}, (), {"read:logs"}, id="following its log"),
        pytest.param(
            {},
            ("Auth0Role", "Auth0MFAPolicy"),
            {f"{verb}:roles" for verb in ("create", "read", "update", "delete")},
            id="the kinds in it, and nothing for what is made of other objects",
        ),
        pytest.param({"settings": {}}, tuple(IN_TENANT), ALL, id="all kinds need the whole list"),
    ],
)
def test_a_tenant_needs(spec: dict[str, Any], users: tuple[str, ...], needed: set[str]) -> None:
    tenant = Auth0Tenant(None, IN_TENANT)  # type: ignore[arg-type]  nothing is asked
    assert tenant.needed(Auth0TenantSpec.model_validate({**TENANT, **spec}), users) == needed
