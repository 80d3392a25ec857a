"""Actions: a draft that is built, versions that are deployed.

Source: shared facts, auth0 sections 2.2 and 6; recordings TestAccAction*, TestAccTriggerActions, TestActionManager_*.
POST and PATCH answer `pending`, a later GET `built`; the answer to a deploy says `deployed: false` although the version is
live at the next GET; `current_version` and `deployed_version` appear with the first deploy; secret values are never shown;
lists leave zero values out (`page`, `total`). No recording shows a failed build, a second Action of one name, a binding of
what is not deployed or a DELETE of what is bound: those follow the documentation and are marked [J] where they are made.
"""

from __future__ import annotations

import copy
import re
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from mlgate_sim.auth0 import validation
from mlgate_sim.auth0.action_modules import named
from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.errors import ApiError, payload_error
from mlgate_sim.auth0.tenant import Tenant

TRIGGERS = {  # every version; the current one first
    "post-login": ("v3", "v2", "v1"),
    "credentials-exchange": ("v2", "v1"),
    "pre-user-registration": ("v2", "v1"),
    "post-user-registration": ("v2", "v1"),
    "post-change-password": ("v2", "v1"),
    "send-phone-message": ("v2", "v1"),
    "password-reset-post-challenge": ("v1",),
    "custom-phone-provider": ("v1",),
    "custom-email-provider": ("v1",),
    "custom-token-exchange": ("v1",),
    "event-stream": ("v1",),
    "password-hash-migration": ("v1",),
    "mcp-tool": ("v1",),
}
"""The catalogue of 2026 (recorded by deploy-cli)."""
ENTITY_BOUND = ("custom-token-exchange", "event-stream", "password-hash-migration", "mcp-tool")
LONGEST_CODE, MOST_SECRETS, MOST_DEPENDENCIES = 100_000, 30, 10
FIELDS = frozenset({"name", "supported_triggers", "code", "runtime", "dependencies", "secrets", "modules"})
MISSING_VERSIONS = re.compile(r"^(999\.|0\.0\.0-)")
"""Versions of packages that no registry has, for tests: everything else is taken to exist."""


class Actions:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        yield Route("GET", "/actions/actions", ("read:actions",), Actions.list_all)
        yield Route("POST", "/actions/actions", ("create:actions",), Actions.create)
        yield Route("GET", "/actions/triggers", ("read:actions",), Actions.triggers)
        yield Route("GET", "/actions/actions/{id}", ("read:actions",), Actions.get)
        yield Route("PATCH", "/actions/actions/{id}", ("update:actions",), Actions.update)
        yield Route("DELETE", "/actions/actions/{id}", ("delete:actions",), Actions.delete)
        yield Route("POST", "/actions/actions/{id}/deploy", ("create:actions", "update:actions"), Actions.deploy)
        yield Route("GET", "/actions/actions/{id}/versions", ("read:actions",), Actions.versions)
        deploying = "/actions/actions/{id}/versions/{version}/deploy"
        yield Route("POST", deploying, ("create:actions", "update:actions"), Actions.deploy_version)

    def list_all(self, call: Call) -> Reply:
        name, trigger = call.one("actionName"), call.one("triggerId")
        items = [
            self._shown(action, call.now)
            for action in self.tenant.visible(self.tenant.actions.items(), call.now)
            if name in {None, action["name"]} and trigger in {None, action["supported_triggers"][0]["id"]}
        ]
        return 200, page_without_zeros(call, "actions", items)

    def triggers(self, call: Call) -> Reply:
        rows = [
            catalogued(trigger, version, current=version == versions[0])
            for trigger, versions in TRIGGERS.items()
            for version in versions
        ]
        return 200, {"triggers": rows}

    def get(self, call: Call) -> Reply:
        return 200, self._shown(self._one(call), call.now)

    def create(self, call: Call) -> Reply:
        body = call.json_object()
        validation.known_only(body, FIELDS | {"deploy"})
        validation.required(body, "name", "supported_triggers")
        check(body)
        if any(other["name"] == body["name"] for other in self.tenant.actions.values()):  # [J] bindings can name them
            raise ApiError(409, "An action with this name already exists.")
        self.tenant.check_entity_limit("actions")
        at = stamp(call.now)
        action: Json = {
            "id": str(uuid.uuid4()),
            "name": body["name"],
            "supported_triggers": copy.deepcopy(body["supported_triggers"]),
            "created_at": at,
            "updated_at": at,
            "code": body.get("code", ""),
            "dependencies": copy.deepcopy(body.get("dependencies") or []),
            "runtime": body.get("runtime") or "node22",
            "status": "pending",
            "secrets": [],
            "all_changes_deployed": False,
        }
        self._keep_secrets(action, body.get("secrets") or [], at)
        if body.get("modules"):
            action["modules"] = named(self.tenant, body["modules"])
        self.tenant.actions[action["id"]] = action
        self.tenant.created_at[action["id"]] = call.now
        self._build(action, call.now)
        if body.get("deploy"):
            self._deploy(action, call.now)
            self._put_live(action, "pending")
        return 201, shown(action)

    def update(self, call: Call) -> Reply:
        action = self._one(call)
        body = call.json_object()
        validation.known_only(body, FIELDS)
        check(body)
        self._settle(action, call.now)
        at = stamp(call.now)
        for name in ("name", "supported_triggers", "code", "runtime", "dependencies"):
            if name in body:
                action[name] = copy.deepcopy(body[name])
        if "secrets" in body:
            self._keep_secrets(action, body["secrets"] or [], at)
        if "modules" in body:
            action["modules"] = named(self.tenant, body["modules"] or [])
        action["updated_at"] = at
        action["all_changes_deployed"] = is_deployed(action)
        self._build(action, call.now)
        return 200, shown(action)

    def delete(self, call: Call) -> Reply:
        action = self._one(call)
        held = [
            trigger
            for trigger, bindings in self.tenant.action_bindings.items()
            if any(binding["action_id"] == action["id"] for binding in bindings)
        ]
        if held and not call.truth("force"):  # [J] status from the documentation, the words are ours
            raise ApiError(409, f"The action is bound to {', '.join(held)} and cannot be deleted.")
        for trigger in held:
            bindings = self.tenant.action_bindings[trigger]
            bindings[:] = [binding for binding in bindings if binding["action_id"] != action["id"]]
        del self.tenant.actions[action["id"]]
        return 204, None

    def deploy(self, call: Call) -> Reply:
        action = self._one(call)
        self._settle(action, call.now)
        if action["status"] != "built":
            raise ApiError(400, "A draft must be in the 'built' state before it can be deployed.")
        return 200, self._deploy(action, call.now)

    def deploy_version(self, call: Call) -> Reply:
        action = self._one(call)
        self._settle(action, call.now)
        found = next((v for v in action.get("_versions", []) if v["id"] == call.params["version"]), None)
        if found is None:
            raise ApiError(404, "That version does not exist.")
        return 200, self._deploy(action, call.now)

    def versions(self, call: Call) -> Reply:
        action = self._one(call)
        self._settle(action, call.now)
        return 200, page_without_zeros(call, "versions", copy.deepcopy(action.get("_versions", [])))

    # A draft's way to users.

    def _build(self, action: Json, now: float) -> None:
        action["status"] = "pending"
        action["_built_at"] = now + self.tenant.action_build_seconds

    def _deploy(self, action: Json, now: float) -> Json:
        at = stamp(now)
        version: Json = {
            "code": action["code"],
            "dependencies": copy.deepcopy(action["dependencies"]),
            "id": str(uuid.uuid4()),
            "deployed": False,
            "number": len(action.setdefault("_versions", [])) + 1,
            "secrets": copy.deepcopy(action["secrets"]),
            "status": "built",
            "created_at": at,
            "updated_at": at,
            "runtime": action["runtime"],
            "supported_triggers": copy.deepcopy(action["supported_triggers"]),
            **({"modules": copy.deepcopy(action["modules"])} if "modules" in action else {}),
        }
        action["_versions"].append(version)
        action["_deployed_at"] = now + self.tenant.action_build_seconds
        return {**copy.deepcopy(version), "action": in_short(action)}

    def _settle(self, action: Json, now: float) -> None:
        """What the time since the last look has brought about."""
        built_at = action.get("_built_at")
        if built_at is not None and now >= built_at:
            missing = [d for d in action["dependencies"] if MISSING_VERSIONS.match(str(d.get("version", "")))]
            broken = missing or "SyntaxError" in action["code"]
            action["status"] = "failed" if broken else "built"
            action.pop("errors", None)
            if broken:  # [J] where the service shows them on a draft no recording tells
                words = [f"{d['name']}@{d['version']} could not be found in the registry" for d in missing]
                words = words or ["SyntaxError: Unexpected token (1:1)"]
                action["errors"] = [{"id": "build_failed", "msg": word} for word in words]
            del action["_built_at"]
            # what the caller said about a package beyond name and version is gone once it is installed
            action["dependencies"] = [{n: d[n] for n in ("name", "version") if n in d} for d in action["dependencies"]]
        deployed_at = action.get("_deployed_at")
        if deployed_at is not None and now >= deployed_at:
            del action["_deployed_at"]
            self._put_live(action, "built")

    @staticmethod
    def _put_live(action: Json, status: str) -> None:
        version = action["_versions"][-1]
        version["deployed"] = True
        names = ("id", "code", "runtime", "number", "created_at", "updated_at")
        action["deployed_version"] = {**copy.deepcopy(version), "status": status}
        action["current_version"] = {**{name: version[name] for name in names}, "status": status.upper()}
        if status == "built":
            action["deployed_version"]["built_at"] = version["updated_at"]
            action["current_version"]["build_time"] = version["updated_at"]
        action["all_changes_deployed"] = is_deployed(action)

    @staticmethod
    def _keep_secrets(action: Json, asked: list[Json], at: str) -> None:
        """The list is whole: what is left out is gone, what comes without a value keeps the one it had."""
        held = {secret["name"]: secret for secret in action["secrets"]}
        values = action.setdefault("_values", {})
        kept = []
        for secret in asked:
            name = secret["name"]
            if "value" in secret:
                values[name] = secret["value"]
                kept.append({"name": name, "updated_at": at})
            elif name in held:
                kept.append(held[name])
            else:
                raise payload_error("Missing required property: value", "secrets")
        action["secrets"] = kept
        action["_values"] = {name: value for name, value in values.items() if name in {s["name"] for s in kept}}

    def _shown(self, action: Json, now: float) -> Json:
        stored = self.tenant.actions[action["id"]]
        self._settle(stored, now)
        return shown(stored)

    def _one(self, call: Call) -> Json:
        action = self.tenant.actions.get(call.params["id"])
        if action is None:
            raise ApiError(404, "That action does not exist.")
        return action


class TriggerBindings:
    """Which Actions run at a trigger, in which order: one list per trigger, replaced whole by PATCH."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        path = "/actions/triggers/{id}/bindings"
        yield Route("GET", path, ("read:actions",), TriggerBindings.list_all)
        yield Route("PATCH", path, ("update:actions",), TriggerBindings.replace)

    def list_all(self, call: Call) -> Reply:
        return 200, page_without_zeros(call, "bindings", self._shown(self._trigger(call), call.now))

    def replace(self, call: Call) -> Reply:
        trigger = self._trigger(call)
        asked = call.json_object().get("bindings")
        if not isinstance(asked, list):
            raise payload_error("Missing required property: bindings")
        at = stamp(call.now)
        bindings = []
        for position, item in enumerate(asked):
            action = self._meant(item.get("ref") or {}, position)
            Actions(self.tenant)._settle(action, call.now)
            if action["supported_triggers"][0]["id"] != trigger:
                raise ApiError(400, f"The action {action['id']} does not support the trigger {trigger}.")
            if not action.get("deployed_version"):  # that it refuses is known, its words are not [J]
                raise ApiError(400, "Actions must be deployed before they can be bound to a trigger.")
            bindings.append(
                {
                    "id": str(uuid.uuid4()),  # all ids change with each PATCH
                    "action_id": action["id"],
                    "created_at": at,
                    "updated_at": at,
                    "display_name": item.get("display_name") or action["name"],
                }
            )
        self.tenant.action_bindings[trigger] = bindings
        return 200, {"bindings": self._shown(trigger, call.now)}

    def _meant(self, ref: Json, position: int) -> Json:
        by, value = ref.get("type"), ref.get("value")
        if by not in {"action_id", "action_name", "binding_id"}:
            raise payload_error(f"No enum match for: {by}", f"bindings[{position}].ref.type")
        if by == "binding_id":
            every = (b for bindings in self.tenant.action_bindings.values() for b in bindings)
            value = next((b["action_id"] for b in every if b["id"] == value), None)
        for action in self.tenant.actions.values():
            if value == (action["name"] if by == "action_name" else action["id"]):
                return action
        raise ApiError(404, "That action does not exist.")

    def _shown(self, trigger: str, now: float) -> list[Json]:
        rows = []
        for binding in self.tenant.action_bindings.get(trigger, []):
            action = self.tenant.actions[binding["action_id"]]
            Actions(self.tenant)._settle(action, now)
            versions: Json = {
                n: copy.deepcopy(action[n]) for n in ("current_version", "deployed_version") if n in action
            }
            rest: Json = {name: value for name, value in binding.items() if name != "action_id"}
            rows.append({**rest, "trigger_id": trigger, "action": {**in_short(action), **versions}})
        return rows

    @staticmethod
    def _trigger(call: Call) -> str:
        trigger = call.params["id"]
        if trigger not in TRIGGERS:
            raise ApiError(404, "That trigger does not exist.")
        return trigger


def catalogued(trigger: str, version: str, *, current: bool) -> Json:
    """A row of the catalogue as recorded in 2026: deprecated versions run on what they came with, or on node22."""
    old = {"v1": "node12", "v2": "node16"}
    if not current:
        runtimes = ["node18", "node22"] if version == "v2" else ["node22"]
    elif trigger in {"event-stream", "password-hash-migration", "mcp-tool"}:
        runtimes = ["node22"]
    else:
        runtimes = ["node18" if trigger in ENTITY_BOUND else "node18-actions", "node22"]
    return {
        "id": trigger,
        "version": version,
        "status": "CURRENT" if current else "DEPRECATED",
        "runtimes": runtimes,
        "default_runtime": "node22" if current else old[version],
        "binding_policy": "entity-bound" if trigger in ENTITY_BOUND else "trigger-bound",
        "compatible_triggers": [{"id": trigger, "version": "v2"}] if (trigger, version) == ("post-login", "v3") else [],
    }


def page_without_zeros(call: Call, plural: str, items: list[Json]) -> Json:
    """A page as the Actions API gives it: zero values are left out, and a page past the end has no total."""
    number, size = int(call.one("page") or 0), int(call.one("per_page") or 20)
    page = items[number * size : (number + 1) * size]
    answer: Json = {plural: page, "total": len(items) if page else 0, "page": number, "per_page": size}
    return {name: value for name, value in answer.items() if value or name == plural}


def in_short(action: Json) -> Json:
    """An Action inside something else: its times are those of its making, and nothing counts as deployed."""
    names = ("id", "name", "supported_triggers", "created_at")
    few: Json = {name: copy.deepcopy(action[name]) for name in names}
    return {**few, "updated_at": action["created_at"], "all_changes_deployed": False}


def is_deployed(action: Json) -> bool:
    """Whether the draft says what runs: a PATCH that changes nothing leaves it so (recorded by deploy-cli)."""
    runs: Json = action.get("deployed_version") or {}
    names = ("code", "runtime", "secrets", "supported_triggers")
    return bool(runs) and _packages(runs) == _packages(action) and all(runs[name] == action[name] for name in names)


def _packages(holder: Json) -> list[tuple[str, str]]:
    return sorted((d["name"], d["version"]) for d in holder.get("dependencies") or [])


def shown(action: Json) -> Json:
    return {name: copy.deepcopy(value) for name, value in action.items() if not name.startswith("_")}


def stamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def check(body: Json) -> None:
    """What POST and PATCH have in common. Raises ApiError (400)."""
    validation.text(body, "name", longest=255)
    validation.text(body, "code", longest=LONGEST_CODE, shortest=0)
    for name, most in (("secrets", MOST_SECRETS), ("dependencies", MOST_DEPENDENCIES)):
        validation.of_type(body, name, list)
        if len(body.get(name) or []) > most:
            raise payload_error(f"Array is too long ({len(body[name])}), maximum {most}", name)
    triggers: Any = body.get("supported_triggers")
    if triggers is None:
        return
    if not isinstance(triggers, list) or len(triggers) != 1:
        raise payload_error("Array is too long, maximum 1", "supported_triggers")
    if triggers[0].get("id") not in TRIGGERS:
        raise payload_error(f"No enum match for: {triggers[0].get('id')}", "supported_triggers[0].id")
