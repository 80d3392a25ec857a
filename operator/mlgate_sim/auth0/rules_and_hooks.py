"""Rules and hooks: past their end of life (18 November 2026), so only read, by whoever looks for what a tenant still has.

A new tenant has none; put some into `tenant.rules` and `tenant.hooks` to see what a client makes of them.
Source: shared facts, auth0 section 0.1; recordings TestRuleManager_List and deploy-cli's listings.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.pages import only_fields, page_of
from mlgate_sim.auth0.tenant import Tenant


class RulesAndHooks:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        yield Route("GET", "/rules", ("read:rules",), RulesAndHooks.rules)
        yield Route("GET", "/hooks", ("read:hooks",), RulesAndHooks.hooks)

    def rules(self, call: Call) -> Reply:
        """In the order in which they run."""
        found = sorted(self.tenant.rules.values(), key=lambda rule: int(rule.get("order", 0)))
        return 200, self._page(call, "rules", [rule for rule in found if _asked_for(call, rule)])

    def hooks(self, call: Call) -> Reply:
        return 200, self._page(call, "hooks", [hook for hook in self.tenant.hooks.values() if _asked_for(call, hook)])

    def _page(self, call: Call, plural: str, items: list[Json]) -> Any:
        return page_of(call, plural, items, lambda item: only_fields(call, copy.deepcopy(item)))


def _asked_for(call: Call, item: Json) -> bool:
    enabled = call.truth("enabled")
    return enabled is None or bool(item.get("enabled")) is enabled
