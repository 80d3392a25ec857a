"""Auth0User: a user.

Made once: a user with a password gets an id chosen by us, so a repeated POST is refused (409) and the id tells whether
the user is ours (recording TestAccUser: the service takes `user_id`). Others are found by email, both strongly
consistent; only a user known by phone or name alone, made without a password, is searched for by our mark in
`app_metadata`, and the search lags.

One PATCH cannot change everything: username, password and email exclude each other and verification flags, and each of
them needs `connection`; a changed address is unverified again unless the same PATCH says otherwise (shared facts, auth0
section 2.2). Metadata merges on its first level and null removes a key (TestAccUser). Drift is looked for by one GET per
user: searches lag and are capped, so they are no evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...api.auth0user import AUTH0_USER, Auth0UserSpec
from ...auth0 import Session
from ...engine.fields import Alike, CreateOnly, Exact, Fields, MapOf, Unseen, WriteOnly
from ...engine.marks import Mark
from ...engine.plan import Action, Plan
from ...engine.protocols import Applied, Deletion, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import SECRET, Ref, Resolved
from ...errors import Terminal, Trouble
from ...reasons import Reason
from ...sensitive import Sensitive
from ...store.protocol import Key
from .. import links
from .on_auth0 import EVERY, MARK_UID, OnAuth0, mark_values, may, whose
from .stretched import Stretched

PROFILE = {"email", "username", "phone_number", "name", "given_name", "family_name", "nickname", "picture"}
PLAIN = PROFILE | {"email_verified", "phone_verified", "blocked", "user_id", "app_metadata", "user_metadata"}
"""Fields that are on the wire as in the manifest, but for the case of their names."""

TOGETHER = (("email", "email_verified"), ("phone_number", "phone_verified"), ("username",), ("password",))
"""What belongs to the user's identity: at most one of these groups fits into one PATCH, and it needs `connection`."""


class Password(Stretched):
    """A password as it is wished, and where it stands, for messages."""

    __slots__ = ("place",)

    def __init__(self, value: str, *, salt: str, place: str) -> None:
        super().__init__(value, salt=salt)
        self.place = place


def _any_case(one: Any, other: Any) -> bool:
    return str(one or "").lower() == str(other or "").lower()


class Auth0User(OnAuth0[Auth0UserSpec]):
    type = AUTH0_USER
    scopes = may(EVERY, "users")
    looks_before_deleting = True
    fields = Fields(
        connection=CreateOnly(),
        user_id=CreateOnly(),
        email=Alike(_any_case),
        username=Alike(_any_case),
        email_verified=Exact(absent=False),
        phone_verified=Exact(absent=False),
        blocked=Exact(absent=False),
        password=WriteOnly(),
        verify_email=Unseen(),
        custom_domain=Unseen(),
        app_metadata=MapOf(merges=True),
        user_metadata=MapOf(merges=True),
    )

    def references(self, owner: Owner, spec: Auth0UserSpec) -> Iterable[Ref]:
        yield links.tenant(owner, spec.tenant_ref)
        if spec.password_secret_ref:
            yield links.secret(owner.namespace, spec.password_secret_ref, "spec.passwordSecretRef")

    def desired(self, owner: Owner, spec: Auth0UserSpec, refs: Resolved) -> Wanted:
        written = spec.model_dump(include=PLAIN, by_alias=False, exclude_unset=True, exclude_none=True)
        for name in ("app_metadata", "user_metadata"):  # null means something there: this key is to go
            if (metadata := getattr(spec, name)) is not None:
                written[name] = dict(metadata)
        wanted: dict[str, Any] = {**written, "connection": spec.connection}
        if spec.email is not None:
            wanted["verify_email"] = spec.verify_email
        if spec.custom_domain is not None:
            wanted["custom_domain"] = spec.custom_domain
        password = _password(owner, spec, refs)
        if password is not None:
            wanted["password"] = password
        return wanted

    def with_mark(self, wanted: Wanted, mark: Mark) -> Wanted:
        return {**wanted, "app_metadata": {**wanted.get("app_metadata", {}), **mark_values(mark)}}

    def defaults(self, owner: Owner, spec: Auth0UserSpec) -> Wanted:
        return {"user_id": chosen_id(owner.uid)} if spec.password_secret_ref and not spec.user_id else {}

    async def observe(self, conn: Session, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        raw = await conn.users.get(external_id)
        return None if raw is None else _seen(raw, mark, wanted)

    async def find(self, conn: Session, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        """By the id that we chose, then by email, else by our mark. Others who hold the key are returned too."""
        found: dict[str, Mapping[str, Any]] = {}
        own_id = wanted.get("user_id") or (chosen_id(mark.uid) if "password" in wanted else None)
        if own_id and (raw := await conn.users.get(f"auth0|{own_id}")) is not None:
            found[raw["user_id"]] = raw
        if not found and (email := wanted.get("email")):
            found |= {raw["user_id"]: raw for raw in await conn.users.by_email(email)}
        elif not found and not own_id:
            found |= {raw["user_id"]: raw for raw in await conn.users.marked(MARK_UID, mark.uid)}
        for field in ("username", "phone_number"):  # whose they are is only told: the search is no evidence for more
            if not found and field in wanted and (own_id or wanted.get("email")):
                found |= {raw["user_id"]: raw for raw in await conn.users.holding(field, wanted[field])}
        seen = [_seen(raw, mark, wanted) for raw in found.values() if wanted["connection"] in _connections(raw)]
        # who has no mark may be anybody: a user is taken over by spec.import only
        return [each if each.ours is not None else _of_others(each) for each in seen]

    async def apply(self, conn: Session, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        wanted = plan.wanted
        if plan.action is Action.CREATE:
            raw = await self._sent(conn, None, _new(plan.values()), wanted)
            return Applied(raw["user_id"], _seen(raw, mark, wanted))
        assert plan.external_id is not None
        raw = {}
        for body in patches(plan.values(), wanted):
            raw = await self._sent(conn, plan.external_id, body, wanted)
        return Applied(plan.external_id, _seen(raw, mark, wanted))

    async def _sent(
        self, conn: Session, user_id: str | None, body: dict[str, Any], wanted: Wanted
    ) -> Mapping[str, Any]:
        open_body = {n: v.reveal() if isinstance(v, Sensitive) else v for n, v in body.items()}
        if wanted.get("custom_domain"):
            open_body["custom_domain"] = wanted["custom_domain"]
        try:
            return await (conn.users.create(open_body) if user_id is None else conn.users.update(user_id, open_body))
        except Terminal as refused:
            raise _explained(refused, wanted) from None

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        await conn.users.delete(seen.id)
        return Deletion(done=True)

    async def outputs(self, conn: Session, spec: Auth0UserSpec, situation: Situation) -> Outputs:
        raw = situation.seen.raw
        return Outputs(
            {
                "userId": situation.seen.id,
                "email": raw.get("email"),
                "emailVerified": raw.get("email_verified"),
                "blocked": bool(raw.get("blocked")),
            }
        )


def chosen_id(uid: str) -> str:
    """The id of a user that we make: from the object's uid, so the same object never makes two."""
    return re.sub(r"[^a-z0-9]", "", uid.lower())


def patches(changed: Mapping[str, Any], wanted: Wanted) -> list[dict[str, Any]]:
    """The PATCHes that carry out these changes: what fits together goes together, in few requests."""
    rest = {name: value for name, value in changed.items() if not any(name in group for group in TOGETHER)}
    bodies: list[dict[str, Any]] = []
    for group in TOGETHER:
        part = {name: changed[name] for name in group if name in changed}
        if not part:
            continue
        for key, verified in (("email", "email_verified"), ("phone_number", "phone_verified")):
            if key in part and verified in wanted:  # it would be reset by the change
                part[verified] = wanted[verified]
        if "email" in part and "verify_email" in wanted:
            part["verify_email"] = wanted["verify_email"]
        bodies.append({"connection": wanted["connection"], **part})
    if not bodies:
        return [rest]
    return [{**bodies[0], **rest}, *bodies[1:]]


def _new(values: Mapping[str, Any]) -> dict[str, Any]:
    """The body that makes a user: a null, which removes a key, has nothing to remove yet."""
    body = dict(values)
    for name in ("app_metadata", "user_metadata"):
        if name in body:
            body[name] = {key: value for key, value in body[name].items() if value is not None}
    return body


def _password(owner: Owner, spec: Auth0UserSpec, refs: Resolved) -> Password | None:
    ref = spec.password_secret_ref
    data = refs.secrets.get(Key(SECRET, owner.namespace, ref.name)) if ref else None
    if ref is None or data is None:  # gone while the user is being deleted
        return None
    place = f"Key {ref.key} of Secret {owner.namespace}/{ref.name}"
    if not data.get(ref.key):
        raise Terminal(
            f"{place} is missing or empty; spec.passwordSecretRef refers to it. Put the password there; mlgate goes on "
            "as soon as it is.",
            reason=Reason.CREDENTIALS_MISSING,
        )
    return Password(data[ref.key].reveal(), salt=owner.uid, place=place)


def _explained(refused: Terminal, wanted: Wanted) -> Trouble:
    password = wanted.get("password")
    if isinstance(password, Password) and "PasswordStrengthError" in refused.message:
        return Terminal(
            f"{password.place} holds a password that the policy of connection {wanted['connection']} refuses as too weak. "
            "Put a stronger one there; mlgate goes on as soon as it is.",
            reason=refused.reason,
        )
    return refused


def _seen(raw: Mapping[str, Any], mark: Mark, wanted: Wanted) -> Seen:
    ours, holder = whose(raw.get("app_metadata"), mark)
    return Seen(raw["user_id"], seen_values(raw, wanted.get("connection")), raw, ours, holder)


def seen_values(raw: Mapping[str, Any], connection: str | None = None) -> dict[str, Any]:
    """A user as the wish words it: the id without its provider, and the connection (of several linked, the wished)."""
    held = _connections(raw)
    shown = connection if connection in held else next(iter(held), None)
    return {**raw, "user_id": str(raw["user_id"]).partition("|")[2], "connection": shown}


def _connections(raw: Mapping[str, Any]) -> list[str]:
    return [str(identity["connection"]) for identity in raw.get("identities") or () if identity.get("connection")]


def _of_others(seen: Seen) -> Seen:
    return Seen(seen.id, seen.values, seen.raw, ours=False, holder=seen.holder)
