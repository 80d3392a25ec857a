"""Auth0Connection: a source of users and the applications that may use it.

Names are unique in the tenant, so a second POST answers 409; `metadata` has room for our mark, so what holds the name is
ours only when it says so. `options` and `metadata` are replaced whole by the service: read, merged, written. The
applications are a sub-resource that takes deltas, so those of others stay. Deleting is accepted (202) and goes on; until
it is over the connection shows and its name is taken (shared facts, auth0 section 2.2; recordings TestAccConnection*,
TestAccConnectionClients*).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...api.auth0connection import AUTH0_CONNECTION, Auth0ConnectionSpec
from ...auth0 import Session
from ...engine.fields import CreateOnly, Fields, MapOf, Nested, SetOf
from ...engine.marks import Mark
from ...engine.plan import Action, Change, Plan
from ...engine.protocols import Applied, Deletion, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Need, Ref, Resolved
from ...errors import AlreadyHeld, Gone, Retry, Trouble
from ...reasons import Reason
from ...store.protocol import Object
from .. import links
from . import secret_settings
from .connection_options import OptionsOf, merged
from .on_auth0 import EVERY, OnAuth0, mark_values, may, unmarked, whose
from .secret_settings import SecretSettings, refuse_secrets

PLAIN = ("strategy", "display_name", "is_domain_connection", "show_as_button", "realms", "authentication",
         "connected_accounts", "cross_app_access_requesting_app", "cross_app_access_resource_app", "options")  # fmt: skip
"""Fields that are on the wire as in the manifest, but for the case of their names."""
NOT_SENT = ("options", "option_secrets", "enabled_clients")
"""Fields that do not go into a body as they are."""
DEFAULT = "Username-Password-Authentication"
"""The connection that every tenant begins with."""
GOING = 2.0
"""Seconds between two looks at a connection that the service is deleting."""


class Auth0Connection(OnAuth0[Auth0ConnectionSpec]):
    type = AUTH0_CONNECTION
    scopes = may(EVERY, "connections")
    looks_before_deleting = True

    @staticmethod
    def fields_of(strategy: str, *, exclusive: bool = False) -> Fields:
        """The rules for connections of one strategy."""
        return Fields(
            name=CreateOnly(),
            strategy=CreateOnly(),
            realms=SetOf(),
            metadata=MapOf(merges=False),
            authentication=Nested(merges=False),
            connected_accounts=Nested(merges=False),
            cross_app_access_requesting_app=Nested(merges=False),
            cross_app_access_resource_app=Nested(merges=False),
            options=OptionsOf(strategy),
            option_secrets=SecretSettings(),
            enabled_clients=SetOf(shared=not exclusive),
        )

    def fields_for(self, spec: Auth0ConnectionSpec) -> Fields:
        return self.fields_of(spec.strategy, exclusive=spec.exclusive)

    def references(self, owner: Owner, spec: Auth0ConnectionSpec) -> Iterable[Ref]:
        yield links.tenant(owner, spec.tenant_ref)
        for client in spec.enabled_clients or ():
            if client.name:
                yield links.to("Auth0Client", owner, client, "spec.enabledClients[]", Need.IDENTITY)
        yield from secret_settings.references(owner, spec.option_secrets, "optionSecrets")

    def gets_by_without(self, target: Object, own: Object) -> bool:
        return bool(target["kind"] == "Auth0Client")  # the service takes a deleted application off by itself

    def desired(self, owner: Owner, spec: Auth0ConnectionSpec, refs: Resolved) -> Wanted:
        paths = [secret.path for secret in spec.option_secrets or ()]
        refuse_secrets(spec.options or {}, paths, field="options", secrets="optionSecrets")
        wanted: dict[str, Any] = spec.model_dump(
            include=set(PLAIN), by_alias=False, exclude_unset=True, exclude_none=False
        )
        wanted = {name: value for name, value in wanted.items() if value is not None}
        wanted |= {"name": spec.name or owner.name, "metadata": dict(spec.metadata or {})}
        if spec.option_secrets is not None:
            wanted["option_secrets"] = secret_settings.values(owner, spec.option_secrets, refs, "optionSecrets")
        if spec.enabled_clients is not None:
            wanted["enabled_clients"] = _clients(owner, spec, refs)
        return wanted

    def with_mark(self, wanted: Wanted, mark: Mark) -> Wanted:
        return {**wanted, "metadata": {**wanted["metadata"], **mark_values(mark)}}

    async def observe(self, conn: Session, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.connections.get(external_id)
        if raw is None:
            return None
        enabled = await conn.connections.enabled_clients(external_id) if "enabled_clients" in wanted else None
        return _seen(raw, enabled, mark)

    async def find(self, conn: Session, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        raw = await conn.connections.by_name(wanted["name"])
        if raw is None:
            return []
        enabled = await conn.connections.enabled_clients(raw["id"]) if "enabled_clients" in wanted else None
        seen = _seen(raw, enabled, mark)
        # one of ours was made with our mark in it: without, the name is somebody else's
        return [seen if seen.ours else replace(seen, ours=False)]

    async def apply(self, conn: Session, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        raw = await (self._create(conn, plan) if plan.action is Action.CREATE else self._update(conn, plan, seen))
        enabled: list[str] | None = None if "enabled_clients" not in plan.wanted else _enabled(seen)
        if (change := plan.change("enabled_clients")) is not None:
            try:
                enabled = await self._enable(conn, raw["id"], change, creating=seen is None)
            except Trouble as trouble:
                return Applied(raw["id"], trouble=trouble)
        return Applied(raw["id"], _seen(raw, enabled, mark))

    async def _create(self, conn: Session, plan: Plan) -> Mapping[str, Any]:
        body = {name: value for name, value in plan.values().items() if name not in NOT_SENT}
        options = merged({}, plan.wanted.get("options") or {}, plan.wanted.get("option_secrets"))
        try:
            return await conn.connections.create(body | ({"options": options} if options else {}))
        except AlreadyHeld:
            if await conn.connections.by_name(body["name"]) is not None:
                raise
            raise Retry(
                f"The name {body['name']} is taken by a connection that Auth0 is still deleting. "
                "mlgate goes on as soon as it is free.",
                reason=Reason.CREATING,
                after=GOING,
            ) from None

    async def _update(self, conn: Session, plan: Plan, seen: Seen | None) -> Mapping[str, Any]:
        assert plan.external_id is not None and seen is not None
        body = {name: value for name, value in plan.values().items() if name not in NOT_SENT}
        if plan.change("options") or plan.change("option_secrets"):
            # what was seen may be a minute old, and what is left out of `options` is lost
            current = await conn.connections.current(plan.external_id)
            if current is None:
                raise Gone(f"Connection {plan.external_id} is not there any more.")
            wished, secrets = plan.wanted.get("options") or {}, plan.wanted.get("option_secrets")
            body["options"] = merged(current.get("options") or {}, wished, secrets)
        return await conn.connections.update(plan.external_id, body) if body else seen.raw

    async def _enable(self, conn: Session, connection_id: str, change: Change, *, creating: bool) -> list[str]:
        added, removed = (change.new, ()) if creating else (change.added, change.removed)
        await conn.connections.enable_clients(
            connection_id, {**dict.fromkeys(added, True), **dict.fromkeys(removed, False)}
        )
        return list(change.send)

    def spared(self, conn: Session, seen: Seen, status: Mapping[str, Any]) -> str:
        if seen.raw.get("name") == DEFAULT:
            return "it is the tenant's default connection, with its users"
        return unmarked(seen)

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        await conn.connections.delete(seen.id)
        if await conn.connections.current(seen.id) is None:
            return Deletion(done=True)
        return Deletion(
            done=False,
            again=GOING,
            message=f"Auth0 is deleting connection {seen.id} and its users; that can take a while.",
        )

    async def outputs(self, conn: Session, spec: Auth0ConnectionSpec, situation: Situation) -> Outputs:
        raw, enabled = situation.seen.raw, situation.seen.values.get("enabled_clients")
        return Outputs(
            {
                "connectionId": situation.seen.id,
                "name": raw.get("name"),
                "strategy": raw.get("strategy"),
                "enabledClientCount": None if enabled is None else len(enabled),
            }
        )


def _clients(owner: Owner, spec: Auth0ConnectionSpec, refs: Resolved) -> list[str]:
    found: list[str] = []
    for client in spec.enabled_clients or ():
        target = refs.targets.get(links.key("Auth0Client", owner, client)) if client.name else None
        client_id = client.client_id or (target.external_id if target else None)
        if client_id is not None and client_id not in found:
            found.append(client_id)
    return found


def _enabled(seen: Seen | None) -> list[str]:
    return list(seen.values.get("enabled_clients") or ()) if seen else []


def _seen(raw: Mapping[str, Any], enabled: Sequence[str] | None, mark: Mark) -> Seen:
    options = raw.get("options") or {}
    values = {name: value for name, value in raw.items() if name != "enabled_clients"}
    values |= {"options": options, "option_secrets": options}
    if enabled is not None:
        values["enabled_clients"] = list(enabled)
    ours, holder = whose(raw.get("metadata"), mark)
    return Seen(raw["id"], values, raw, ours, holder)
