"""Auth0Action: code that is built, deployed and bound to its trigger, in this order, one request at a time.

A write leaves a draft that Auth0 builds (`pending`, `building`, `built` or `failed`); only a built one can be deployed, only
a deployed one bound; the answer to a deploy says `deployed: false` (shared facts, auth0 sections 2.2 and 6). Each step is
one pass here: what cannot be done yet waits (`possible`), nothing is slept for. Secrets come back without their values, so
which values were sent is told by fingerprints in `status.managed`. The code's first line carries our mark (docs/adr/0011).
The list of bindings is everybody's: `trigger_order` decides, `auth0.TriggerBindings` holds the lock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...api.auth0action import AUTH0_ACTION, Auth0ActionSpec
from ...api.references import SecretKeyRef
from ...auth0 import Raw, Session, Sessions
from ...auth0.actions import as_asked
from ...engine.fields import Alike, Fields, SetOf
from ...engine.marks import Mark
from ...engine.plan import Action, Change, Plan
from ...engine.protocols import Applied, Deletion, Health, Outputs, Owner, Possible, Seen, Situation, Wanted
from ...engine.references import CONFIG_MAP, Need, Ref, Resolved
from ...errors import Retry, Terminal
from ...reasons import Reason
from ...sensitive import Sensitive
from ...store.protocol import Key
from .. import links
from .on_auth0 import EVERY, OnAuth0, may
from .stretched import Stretched
from .trigger_order import Place, with_ours, without

DRAFT = ("name", "supported_triggers", "code", "runtime", "dependencies", "secrets")
"""What a write of the Action itself carries; `deploy` and `binding` are requests of their own."""

VERSIONS = {
    "post-login": "v3",
    "credentials-exchange": "v2",
    "pre-user-registration": "v2",
    "post-user-registration": "v2",
    "post-change-password": "v2",
    "send-phone-message": "v2",
}
"""The current version of each trigger, where it is not v1 (recorded catalogue of 2026)."""
ENTITY_BOUND = ("custom-token-exchange", "event-stream", "password-hash-migration", "mcp-tool")

BUILD_LOOK = 1.0
"""Seconds to the next look at a build or a deploy: every recorded one was over after half a second."""
DEPLOY_LOOKS = 30
"""Looks after which a deploy that does not show is asked for again."""
_MARK = "// mlgate: "


class SentOnce:
    """Named values that the service never shows: sent when they differ from what `status.managed` says was sent."""

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        names = sorted(secret["name"] for secret in wanted or ())
        if names == sorted(seen or ()) and self.entries(wanted) == sorted(managed):
            return None
        return Change(path, sorted(seen or ()), wanted, wanted)

    def entries(self, wanted: Any) -> list[str]:
        return sorted(f"{secret['name']}={secret['value'].fingerprint()}" for secret in wanted or ())


def _same_code(wanted: Any, seen: Any) -> bool:
    """Who only observes has no mark of its own to compare."""
    return bool(wanted == seen) or (not str(wanted).startswith(_MARK) and wanted == _unmarked(seen))


def _unmarked(code: Any) -> str:
    first, _, rest = str(code or "").partition("\n")
    return rest if first.startswith(_MARK) else str(code or "")


class InPlace:
    """The place in the trigger's list. One that is not wished is taken away only if we gave it."""

    def change(self, path: str, wanted: Any, seen: Any, managed: Sequence[str]) -> Change | None:
        if wanted == seen or (wanted is None and not managed):
            return None
        return Change(path, seen, wanted, wanted)

    def entries(self, wanted: Any) -> list[str]:
        return ["ours"] if wanted else []


class Auth0Action(OnAuth0[Auth0ActionSpec]):
    type = AUTH0_ACTION
    scopes = may(EVERY, "actions")
    looks_before_deleting = True
    fields = Fields(
        supported_triggers=SetOf(("id", "version")),
        code=Alike(_same_code),
        runtime=Alike(lambda a, b: str(a).removesuffix("-actions") == str(b).removesuffix("-actions")),
        dependencies=SetOf(("name", "version")),
        secrets=SentOnce(),
        binding=InPlace(),
    )

    def __init__(self, sessions: Sessions) -> None:
        super().__init__(sessions)
        self._priorities: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        """Of ours, by tenant and trigger: what `trigger_order` needs to know of the other objects of this kind."""
        self._deploying: dict[str, int] = {}
        """Deploys that do not show yet, by Action, with how often they were looked for."""

    def references(self, owner: Owner, spec: Auth0ActionSpec) -> Iterable[Ref]:
        yield links.tenant(owner, spec.tenant_ref)
        for secret in spec.secrets or ():
            yield links.secret(owner.namespace, secret.value_from.secret_key_ref, "spec.secrets[].valueFrom")
        if spec.code_from:
            key = Key(CONFIG_MAP, owner.namespace, spec.code_from.config_map_ref.name)
            yield Ref(key, "spec.codeFrom.configMapRef", Need.EXISTS)

    def desired(self, owner: Owner, spec: Auth0ActionSpec, refs: Resolved) -> Wanted:
        name = spec.name or owner.name
        version = spec.trigger.version or VERSIONS.get(spec.trigger.id, "v1")
        wanted: dict[str, Any] = {
            "name": name,
            "supported_triggers": [{"id": spec.trigger.id, "version": version}],
            "code": _code(owner, spec, refs),
        }
        if spec.runtime:
            wanted["runtime"] = spec.runtime
        if spec.dependencies is not None:
            wanted["dependencies"] = [{"name": d.name, "version": d.version} for d in spec.dependencies]
        if spec.secrets is not None:
            wanted["secrets"] = [
                {"name": s.name, "value": _secret(owner, s.name, s.value_from.secret_key_ref, refs)}
                for s in spec.secrets
            ]
        if spec.deploy:
            wanted["deploy"] = True
        if spec.trigger.id not in ENTITY_BOUND:
            binding = spec.binding
            wanted["binding"] = binding and {
                "display_name": binding.display_name or name,
                "priority": binding.priority,
            }
        return wanted

    def with_mark(self, wanted: Wanted, mark: Mark) -> Wanted:
        return {**wanted, "code": f"{_MARK}{mark.owner} {mark.uid}\n{wanted['code']}"}

    def defaults(self, owner: Owner, spec: Auth0ActionSpec) -> Wanted:
        return {"runtime": "node22"}

    async def observe(self, conn: Session, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.actions.get(external_id)
        if raw is None:
            self._deploying.pop(external_id, None)
            return None
        return _seen(self._deploy_looked_for(raw), mark, await self._place(conn, raw, wanted))

    async def find(self, conn: Session, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        """Ours by the mark. Others of the same name are told too, as not ours: bindings can name Actions, so the service
        may keep names unique, but no name makes one ours."""
        found = await conn.actions.find(lambda raw: raw.get("name") == wanted["name"] or bool(whose(raw, mark)[0]))
        return [
            _seen(raw, mark, None)
            if whose(raw, mark)[0]
            else Seen(raw["id"], {}, raw, ours=False, holder=whose(raw, mark)[1])
            for raw in found
        ]

    async def apply(self, conn: Session, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        draft = plan.values(*DRAFT)
        if "secrets" in draft:
            draft["secrets"] = [{"name": s["name"], "value": s["value"].reveal()} for s in draft["secrets"] or ()]
        if plan.action is Action.CREATE:
            raw = await conn.actions.create(draft)
            return Applied(raw["id"], _seen(raw, mark, None), again=BUILD_LOOK)
        assert plan.external_id is not None and seen is not None
        place = seen.values.get("binding")
        if draft:
            self._deploying.pop(plan.external_id, None)
            raw = await conn.actions.update(plan.external_id, draft)
            return Applied(plan.external_id, _seen(raw, mark, place), again=BUILD_LOOK)
        if plan.change("deploy"):
            await conn.actions.deploy(plan.external_id)
            self._deploying[plan.external_id] = 0
            return Applied(plan.external_id, _seen({**seen.raw, "deploying": True}, mark, place), again=BUILD_LOOK)
        wished = plan.wanted["binding"]
        await self._bind(conn, seen.raw, wished)
        return Applied(plan.external_id, _seen(seen.raw, mark, wished))

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        if _trigger(seen.raw) not in ENTITY_BOUND:
            await self._bind(conn, seen.raw, None)
        await conn.actions.delete(seen.id)
        self._deploying.pop(seen.id, None)
        return Deletion(done=True)

    def possible(self, wanted: Wanted, seen: Seen) -> Possible:
        bound = wanted.get("binding") in (None, seen.values.get("binding"))
        if wanted.get("deploy") and not seen.values["deploy"]:
            now = {name: value for name, value in wanted.items() if name != "binding"}
            return Possible(now, "What was built is deployed next.", usable=bound and _runs(seen.raw))
        if not bound:
            return Possible(wanted, f"It is bound to {_trigger(seen.raw)} next.", usable=False)
        return Possible(wanted)

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        raw, status = seen.raw, seen.raw.get("status")
        usable = _runs(raw) and wanted.get("binding") in (None, seen.values.get("binding"))
        if status == "failed":
            words = _why(raw)
            return Health(
                usable,
                Reason.PROVISIONING_FAILED,
                f"Auth0 could not build the Action{f': {words}' if words else ''}. "
                f"{'What was deployed before goes on running. ' if usable else ''}Correct its code or dependencies.",
                failed=True,
            )
        if status in ("pending", "building", "retesting", "packaged"):
            message = "Auth0 builds the Action."
            return Health(usable, Reason.UPDATING, message, settled=False, again=BUILD_LOOK)
        if raw.get("deploying"):
            message = "Auth0 deploys the Action."
            return Health(usable, Reason.UPDATING, message, settled=False, again=BUILD_LOOK)
        return Health(ready=True)

    async def outputs(self, conn: Session, spec: Auth0ActionSpec, situation: Situation) -> Outputs:
        raw = situation.seen.raw
        version = raw.get("deployed_version") or {}
        return Outputs(
            {
                "actionId": situation.seen.id,
                "name": raw.get("name"),
                "buildStatus": raw.get("status"),
                "versionId": version.get("id"),
                "deployedVersion": version.get("number"),
                "allChangesDeployed": bool(raw.get("all_changes_deployed")),
                "bound": bool(situation.seen.values.get("binding")) if "binding" in situation.wanted else None,
            }
        )

    # -- the deploy -----------------------------------------------------------------------------------------------------

    def _deploy_looked_for(self, raw: Raw) -> Raw:
        """A deploy that we asked for shows only later: until then it is not asked for again."""
        looks = self._deploying.get(raw["id"])
        if looks is None or _is_deployed(raw) or looks >= DEPLOY_LOOKS:
            self._deploying.pop(raw["id"], None)
            return raw
        self._deploying[raw["id"]] = looks + 1
        return {**raw, "deploying": True}

    # -- the place at the trigger ---------------------------------------------------------------------------------------

    async def _place(self, conn: Session, raw: Raw, wanted: Wanted) -> Mapping[str, Any] | None:
        """How it stands in its trigger's list, in the words of the wish: the wish itself where all is as it should be."""
        if "binding" not in wanted:
            return None
        trigger, wish = _trigger(raw), wanted["binding"]
        ours = self._priorities[conn.issuer, trigger]
        if wish is None:
            ours.pop(raw["id"], None)
        else:
            ours[raw["id"]] = wish["priority"]
        present = _places(await conn.trigger_bindings.of(trigger))
        found = next((place for place in present if place.action_id == raw["id"]), None)
        if found is None:
            return None
        if wish is None:
            return {"display_name": found.display_name}
        if with_ours(present, Place(raw["id"], wish["display_name"]), ours) == present:
            return dict(wish)
        return {"display_name": found.display_name, "position": present.index(found) + 1}

    async def _bind(self, conn: Session, raw: Mapping[str, Any], wish: Mapping[str, Any] | None) -> None:
        """Puts it where the wish says, or takes it out."""
        trigger, action_id = _trigger(raw), raw["id"]
        ours = self._priorities[conn.issuer, trigger]
        if wish is None:
            ours.pop(action_id, None)
        else:
            ours[action_id] = wish["priority"]

        def merged(bindings: list[Raw]) -> list[Raw]:
            present = _places(bindings)
            if wish is None:
                places = without(present, action_id)
            else:
                places = with_ours(present, Place(action_id, wish["display_name"]), ours)
            refs = [{"type": "action_id", "value": place.action_id} for place in places]
            return [{"ref": ref, "display_name": p.display_name} for ref, p in zip(refs, places, strict=True)]

        await conn.trigger_bindings.change(trigger, merged)


def whose(raw: Mapping[str, Any], mark: Mark) -> tuple[bool | None, str | None]:
    """Whether the code's first line carries this object's mark, and the readable owner when it is another's."""
    first = str(raw.get("code") or "").partition("\n")[0]
    if not first.startswith(_MARK):
        return None, None
    owner, _, uid = first.removeprefix(_MARK).strip().rpartition(" ")
    ours = mark.is_on(owner=owner, uid=uid)
    return ours, None if ours is not False else owner


def _seen(raw: Mapping[str, Any], mark: Mark, place: Mapping[str, Any] | None) -> Seen:
    ours, holder = whose(raw, mark)
    values = {
        **{name: raw.get(name) for name in DRAFT},
        "secrets": [secret["name"] for secret in raw.get("secrets") or ()],
        "deploy": _is_deployed(raw),
        "binding": place,
    }
    return Seen(raw["id"], values, raw, ours, holder)


def _code(owner: Owner, spec: Auth0ActionSpec, refs: Resolved) -> str:
    if spec.code is not None:
        return spec.code
    assert spec.code_from is not None
    ref = spec.code_from.config_map_ref
    code = refs.config_map(owner.namespace, ref.name).get(ref.key)
    if not code:
        raise Terminal(
            f"ConfigMap {owner.namespace}/{ref.name} has no key {ref.key}, where spec.codeFrom of Auth0Action "
            f"{owner.namespace}/{owner.name} says the code is. Put it there, or correct the reference.",
            reason=Reason.DEPENDENCY_NOT_FOUND,
        )
    return code


def _secret(owner: Owner, name: str, ref: SecretKeyRef, refs: Resolved) -> Sensitive:
    value = refs.secret(owner.namespace, ref.name).get(ref.key)
    if value is None:
        raise Terminal(
            f"Secret {owner.namespace}/{ref.name} has no key {ref.key}, which spec.secrets of Auth0Action "
            f"{owner.namespace}/{owner.name} names. Put it there; mlgate goes on as soon as it is.",
            reason=Reason.CREDENTIALS_MISSING,
        )
    return Stretched(value.reveal(), salt=f"{owner.uid} {name}")


def _places(bindings: Iterable[Raw]) -> list[Place]:
    asked = [as_asked(binding) for binding in bindings]
    return [Place(binding["ref"]["value"], str(binding["display_name"])) for binding in asked]


def _trigger(raw: Mapping[str, Any]) -> str:
    triggers = raw.get("supported_triggers") or ()
    if not triggers or not triggers[0].get("id"):
        raise Retry(f"Action {raw['id']} has no field `supported_triggers[].id`. mlgate asks again by itself.")
    return str(triggers[0]["id"])


def _runs(raw: Mapping[str, Any]) -> bool:
    return bool((raw.get("deployed_version") or {}).get("deployed"))


def _is_deployed(raw: Mapping[str, Any]) -> bool:
    """Whether the draft is what runs. That a changed secret makes `all_changes_deployed` false is recorded nowhere, so
    the times of the secrets are compared too; a version keeps those of its draft (TestActionManager_DeployVersion)."""
    runs = raw.get("deployed_version") or {}
    times = [{s["name"]: s.get("updated_at") for s in held.get("secrets") or ()} for held in (raw, runs)]
    return bool(raw.get("all_changes_deployed")) and times[0] == times[1]


def _why(raw: Mapping[str, Any]) -> str:
    """The compiler's words, wherever the service puts them."""
    errors = raw.get("errors") or (raw.get("current_version") or {}).get("errors") or ()
    return "; ".join(str(error.get("msg") or error.get("message") or error) for error in errors)
