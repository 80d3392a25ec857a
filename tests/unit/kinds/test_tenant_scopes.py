"""The scopes that mlgate asks for, and where they are written for people."""

from __future__ import annotations

import re
from pathlib import Path

from mlgate.kinds.auth0_tenant import SCOPES
from mlgate_sim.auth0 import management_api

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "real-services.md"


def test_the_how_to_page_lists_exactly_the_scopes_that_the_tenant_looks_for() -> None:
    assert (
        set(
            re.findall(r"\b(?:create|read|update|delete):[a-z_]+", PAGE.read_text().split("```text")[1].split("```")[0])
        )
        == SCOPES
    )


def test_every_scope_that_the_tenant_looks_for_is_one_of_the_management_api() -> None:
    assert set() == SCOPES - {scope["value"] for scope in management_api.all_scopes()}
