"""Users: their profile, and how they are found.

Source: shared facts, auth0 section 2.2; recordings TestAccUser*, TestUserManager_*. POST answers 201 and never shows the
password; `user_id` may be chosen (TestAccUser: `testaccuser` becomes `auth0|testaccuser`). PATCH merges metadata key by
key on the first level, null removes a key, `{}` empties the map: then `user_metadata` is shown empty and `app_metadata`
not at all (TestAccUser). GET by id and by email see every write at once; search (`q=`) lags behind by the tenant's
`search_delay`. The sentences for a user that exists, a weak password and fields that exclude each other are those that
users of the service quote.
"""

from __future__ import annotations

import copy
import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from mlgate_sim.auth0 import validation
from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.errors import ApiError, payload_error, query_error
from mlgate_sim.auth0.pages import only_fields, page_of
from mlgate_sim.auth0.tenant import Tenant
from mlgate_sim.auth0.user_search import matching

DATABASE = "Username-Password-Authentication"
PROVIDERS = {"email": "email", "sms": "sms"}
"""Provider by the name of a passwordless connection; every other one is taken for a database."""

METADATA = ("user_metadata", "app_metadata")
HIDDEN = frozenset({"password", "connection", "verify_email", "verify_phone_number", "verify_password", "client_id"})
PROFILE = frozenset(
    {"email", "phone_number", "username", "name", "given_name", "family_name", "nickname", "picture"}
    | {"email_verified", "phone_verified", "blocked", *METADATA}
)
PATCH = PROFILE | HIDDEN
POST = PROFILE | {"password", "connection", "verify_email", "user_id"}
OF_AN_IDENTITY = ("email", "email_verified", "phone_number", "phone_verified", "username", "password")
APART = (
    ("username", "password"),
    ("username", "email_verified"),
    ("password", "email_verified"),
    ("email", "password"),
)
"""What one PATCH cannot change together."""
LARGEST_PROFILE = 1_000_000  # bytes; the limit of 10 KB comes into force on 2027-03-04
MOST_FOUND = 1000
DOMAIN_HEADER = "Auth0-Custom-Domain"
KEYS = ("email", "username", "phone_number")


class Users:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @staticmethod
    def routes() -> Iterable[Route]:
        yield Route("GET", "/users", ("read:users",), Users.search)
        yield Route("POST", "/users", ("create:users",), Users.create)
        yield Route("GET", "/users-by-email", ("read:users",), Users.by_email)
        yield Route("GET", "/users/{id}", ("read:users",), Users.get)
        yield Route("PATCH", "/users/{id}", ("update:users", "update:users_app_metadata"), Users.update)
        yield Route("DELETE", "/users/{id}", ("delete:users",), Users.delete)

    def search(self, call: Call) -> Reply:
        """What the index knows: every user as it was `search_delay` seconds ago."""
        indexed = [user for id_ in self._ever() if (user := self.tenant.indexed_user(id_, call.now)) is not None]
        found = matching(call.one("q") or "", indexed)
        page = page_of(call, "users", found[:MOST_FOUND], lambda user: only_fields(call, shown(user)))
        if isinstance(page, dict):
            page = {**page, "length": len(page["users"])}
        return 200, page

    def by_email(self, call: Call) -> Reply:
        email = call.one("email")
        if not email:
            raise query_error("Missing required property: email", "email")
        return 200, [shown(user) for user in self.tenant.users.values() if user.get("email") == email]

    def get(self, call: Call) -> Reply:
        return 200, only_fields(call, shown(self._one(call)))

    def create(self, call: Call) -> Reply:
        body = call.json_object()
        validation.known_only(body, POST)
        validation.required(body, "connection")
        check(body)
        provider = PROVIDERS.get(body["connection"], "auth0")
        needed = {"email": "email", "sms": "phone_number"}.get(provider, "password")
        validation.required(body, needed)
        check_password(body)
        self._check_domain(call)
        given = {name: _kept(name, value) for name, value in body.items() if value is not None and name in PROFILE}
        own_id = body.get("user_id") or secrets.token_hex(12)
        user_id = f"{provider}|{own_id}"
        self._refuse_second(given, body["connection"], None)
        if user_id in self.tenant.users:
            raise exists()
        now = stamp(call.now)
        label = str(given.get("email") or given.get("username") or given.get("phone_number") or own_id)
        identity = {"connection": body["connection"], "user_id": own_id, "provider": provider, "isSocial": False}
        user: Json = {
            "user_id": user_id,
            "identities": [identity],
            "name": label,
            "nickname": label.partition("@")[0],
            "picture": gravatar(label),
            **({"email_verified": False} if "email" in given else {}),
            **{name: _without_nulls(value) if name in METADATA else value for name, value in given.items()},
            "created_at": now,
            "updated_at": now,
        }
        if body.get("password"):
            user["password"] = body["password"]
        self.tenant.users[user_id] = user
        self.tenant.index_user(user_id, call.now)
        return 201, shown(user)

    def update(self, call: Call) -> Reply:
        user = self._one(call)
        body = call.json_object()
        validation.known_only(body, PATCH)
        check(body)
        for one, other in APART:
            if one in body and other in body:
                raise ApiError(400, f"Cannot update {one} and {other} simultaneously", "operation_not_supported")
        if "password" in body:
            check_password(body)
        after = copy.deepcopy(user)
        for name, value in body.items():
            if name in METADATA:
                merge_metadata(after, name, value)
            elif name in PROFILE and value is None:
                after.pop(name, None)
            elif name in PROFILE:
                after[name] = _kept(name, value)
        for key, verified in (("email", "email_verified"), ("phone_number", "phone_verified")):
            if after.get(key) != user.get(key) and verified not in body:
                after[verified] = False
        self._refuse_second(after, user["identities"][0]["connection"], user["user_id"])
        if body.get("password"):
            after |= {"password": body["password"], "last_password_reset": stamp(call.now)}
        after["updated_at"] = stamp(call.now)
        self.tenant.users[user["user_id"]] = after
        self.tenant.index_user(user["user_id"], call.now)
        return 200, shown(after)

    def delete(self, call: Call) -> Reply:
        user_id = call.params["id"]
        if self.tenant.users.pop(user_id, None) is not None:
            self.tenant.index_user(user_id, call.now)
        self.tenant.user_permissions.pop(user_id, None)
        for held in self.tenant.role_users.values():
            held[:] = [user for user in held if user != user_id]
        return 204, None

    def _ever(self) -> list[str]:
        return list(dict.fromkeys([*self.tenant.users, *self.tenant.user_versions]))

    def _check_domain(self, call: Call) -> None:
        """With several custom domains a request must say which one it is about (TestAccUserCustomDomains)."""
        if len(self.tenant.custom_domains) > 1 and call.headers.get(DOMAIN_HEADER) not in self.tenant.custom_domains:
            raise ApiError(409, "The tenant has multiple verified custom domains.", "custom_domain_conflict")

    def _refuse_second(self, user: Json, connection: str, own_id: str | None) -> None:
        for other in self.tenant.users.values():
            if other["user_id"] == own_id or connection not in _connections(other):
                continue
            if any(user.get(key) and user.get(key) == other.get(key) for key in KEYS):
                raise exists()

    def _one(self, call: Call) -> Json:
        user = self.tenant.users.get(call.params["id"])
        if user is None:
            raise no_user()
        return user


def no_user() -> ApiError:
    return ApiError(404, "The user does not exist.", "inexistent_user")


def exists() -> ApiError:
    return ApiError(409, "The user already exists.", "auth0_idp_error")


def shown(user: Json) -> Json:
    return {name: copy.deepcopy(value) for name, value in user.items() if name != "password"}


def stamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def gravatar(label: str) -> str:
    """The picture of a user without one (every recorded POST)."""
    digest = hashlib.md5(label.lower().encode(), usedforsecurity=False).hexdigest()
    fallback = quote(f"https://cdn.auth0.com/avatars/{label[:2].lower()}.png", safe="")
    return f"https://s.gravatar.com/avatar/{digest}?s=480&r=pg&d={fallback}"


def merge_metadata(user: Json, name: str, patch: Json | None) -> None:
    """First level only; an empty patch empties the map."""
    if patch:
        user[name] = _without_nulls({**user.get(name, {}), **patch})
    else:
        user[name] = {}
    if not user[name] and name == "app_metadata":
        del user[name]


def check(body: Json) -> None:
    validation.text(body, "connection", longest=128)
    for name, longest in (("name", 300), ("given_name", 150), ("family_name", 150), ("nickname", 300)):
        validation.text(body, name, longest=longest)
    for name in ("email_verified", "phone_verified", "blocked", "verify_email"):
        validation.of_type(body, name, bool)
    for name in METADATA:
        validation.of_type(body, name, dict)
    validation.text(body, "username", longest=128)
    email, phone, own_id = body.get("email"), body.get("phone_number"), body.get("user_id")
    if email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+", str(email)):
        raise payload_error(f"Object didn't pass validation for format email: {email}", "email")
    if phone is not None and not re.fullmatch(r"\+[0-9]{1,15}", str(phone)):
        raise payload_error(f"String does not match pattern: ^\\+[0-9]{{1,15}}$: {phone}", "phone_number")
    if own_id is not None and not re.fullmatch(r"[^|\s]{1,255}", str(own_id)):
        raise payload_error(f"Object didn't pass validation for format user-id: {own_id}", "user_id")


def check_password(body: Json) -> None:
    """The policy `good`: eight characters of three kinds."""
    password = body.get("password")
    if password is None:
        return
    kinds = sum(bool(re.search(kind, password)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]"))
    if len(password) < 8 or kinds < 3:
        raise ApiError(400, "PasswordStrengthError: Password is too weak", "invalid_body")


def _kept(name: str, value: object) -> object:
    return value.lower() if name in {"email", "username"} and isinstance(value, str) else copy.deepcopy(value)


def _without_nulls(metadata: object) -> object:
    return {k: v for k, v in metadata.items() if v is not None} if isinstance(metadata, dict) else metadata


def _connections(user: Json) -> set[str]:
    return {identity["connection"] for identity in user.get("identities") or []}
