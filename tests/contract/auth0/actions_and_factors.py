"""What a replay puts into a tenant for the recordings of Actions and MFA factors.

How long a build takes is the service's to choose, so a replay has it end when the recording says so. Bindings and factors
are shared: what others changed meanwhile is put in as the recording shows it, and such an exchange proves nothing.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from typing import Any

from contract.auth0.recordings import Exchange
from mlgate_sim.auth0.guardian import SETTINGS
from mlgate_sim.auth0.tenant import Tenant


class ActionsAndFactors:
    def __init__(self, tenant: Tenant, ids: dict[str, str], made_here: set[str]) -> None:
        self.tenant, self.ids, self.made_here = tenant, ids, made_here
        self._touched: set[str] = set()

    def seed(self, exchange: Exchange) -> bool:
        """True when something had to be put in that nothing before explained."""
        route, method, shown = exchange.route, exchange.method, exchange.response
        if exchange.kind == "guardian":
            return self._guardian(exchange)
        if route.endswith("/bindings"):
            return self._bindings(exchange) if method == "GET" else self._targets(exchange)
        if method == "DELETE":
            return self._known(exchange.ids[0]) is None and self._put({"id": exchange.ids[0]})
        if route == "/actions/actions" and method == "POST":
            return self._modules(shown.get("modules") or ())
        if route == "/actions/triggers" or method == "POST":
            return False
        items = shown.get("actions", []) if route == "/actions/actions" else [shown]
        for item in items:
            self._build(item)
        changed = [self._put(item) for item in items if item["id"] not in self.made_here]
        if route == "/actions/actions" and set(exchange.query) <= {"page", "per_page"}:
            changed.append(self._forget({item["id"] for item in items}))
        return any(changed)

    def _build(self, item: dict[str, Any]) -> None:
        """Lets the build stand where the recording saw it."""
        action = self._known(item["id"])
        if action is None or "status" not in item:
            return
        if item["status"] in {"pending", "building"}:
            action["status"], action["_built_at"] = item["status"], math.inf
        elif "_built_at" in action:
            action["_built_at"] = 0.0

    def _put(self, item: dict[str, Any]) -> bool:
        known = self.tenant.actions.get(item["id"])
        whole = "code" in item
        if known is not None and (not whole or "_partly_known" not in known):
            return False
        deployed = item.get("deployed_version") or {}
        stored = {
            "name": item["id"],
            "supported_triggers": [{"id": "post-login", "version": "v3"}],
            "code": deployed.get("code", ""),
            "dependencies": deployed.get("dependencies", []),
            "runtime": deployed.get("runtime", "node22"),
            "status": "built",
            "secrets": deployed.get("secrets", []),
            "created_at": "",
            "updated_at": "",
            "all_changes_deployed": bool(deployed),
            **copy.deepcopy(item),
            "_versions": [copy.deepcopy(deployed)] * int(deployed.get("number", 0)),
        }
        if not whole:
            stored["_partly_known"] = True
        self.tenant.actions[item["id"]] = stored
        return True

    def _modules(self, named: Iterable[dict[str, Any]]) -> bool:
        """Modules were made by requests that are not replayed."""
        for each in named:
            module = self.tenant.action_modules.setdefault(each["module_id"], {"versions": {}})
            module["name"] = each["module_name"]
            module["versions"][each["module_version_id"]] = each["module_version_number"]
        return False

    def _forget(self, listed: set[str]) -> bool:
        gone = [id_ for id_ in self.tenant.actions if id_ not in listed and id_ not in self.ids.values()]
        for id_ in gone:
            del self.tenant.actions[id_]
        return bool(gone)

    def _known(self, recorded: str) -> dict[str, Any] | None:
        return self.tenant.actions.get(self.ids.get(recorded, recorded))

    def _targets(self, exchange: Exchange) -> bool:
        """A PATCH of bindings needs its Actions, deployed; what the recording made and deployed is left as it is."""
        changed = False
        for binding in exchange.response["bindings"]:
            action = binding["action"]
            if self._known(action["id"]) is None:
                changed |= self._put(action)
        return changed

    def _bindings(self, exchange: Exchange) -> bool:
        trigger, shown = exchange.ids[0], exchange.response["bindings"]
        if exchange.query.get("page", ["0"]) != ["0"]:
            return False
        held = self.tenant.action_bindings.get(trigger, [])
        wanted = [self.ids.get(binding["action"]["id"], binding["action"]["id"]) for binding in shown]
        if [binding["action_id"] for binding in held] == wanted:
            return False
        for binding in shown:
            if self._known(binding["action"]["id"]) is None:
                self._put(binding["action"])
        self.tenant.action_bindings[trigger] = [
            {
                "id": self.ids.get(binding["id"], binding["id"]),
                "action_id": action_id,
                **{name: binding[name] for name in ("created_at", "updated_at", "display_name")},
            }
            for binding, action_id in zip(shown, wanted, strict=True)
        ]
        return True

    def _guardian(self, exchange: Exchange) -> bool:
        """The first sight of each document, where it was not written before."""
        path = exchange.url.split("?")[0].removeprefix("/api/v2/guardian/")
        first = path not in self._touched
        self._touched.add(path)
        if exchange.method != "GET":
            return False
        guardian, shown = self.tenant.guardian, exchange.response
        if path == "factors":
            held = guardian.setdefault("factors", {})
            new = {f["name"]: f["enabled"] for f in shown if f"factors/{f['name']}" not in self._touched}
            changed = first and any(bool(held.get(name)) != on for name, on in new.items())
            if first:
                held.update(new)
            return changed
        if not first:
            return False
        if path == "policies":
            guardian["policies"] = list(shown)
            return bool(shown)
        name = path.removeprefix("factors/")
        guardian.setdefault("settings", {})[name] = copy.deepcopy(shown)
        return bool(shown != SETTINGS.get(name))
