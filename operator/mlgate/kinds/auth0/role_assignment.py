"""Auth0RoleAssignment: a user has a role, for good or until a moment.

The pair is the identity: giving a role twice is one assignment and the service does not say who gave it. So a pair that is
there before we made it is somebody's (ExternalConflict, until `spec.import` says that it is ours), and of two objects for
one pair the younger is refused. The id is `<role id>/<user id>`. POST and DELETE are idempotent (shared facts, auth0
section 2.2; recordings TestAccUserRoles, TestUserManager_Roles).

After `expiresAt` the wish is that the user does not have the role: the engine looks at that moment, the role is taken
away, and the object stays and says Expired.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ...api.auth0roleassignment import AUTH0_ROLE_ASSIGNMENT, Auth0RoleAssignmentSpec
from ...auth0 import Session
from ...engine.clock import rfc3339
from ...engine.fields import Exact, Fields, Unseen
from ...engine.marks import Mark
from ...engine.plan import Plan
from ...engine.protocols import HEALTHY, Applied, Deletion, Health, Outputs, Owner, Seen, Situation, Wanted
from ...engine.references import Need, Ref, Resolved
from ...errors import AmbiguousIdentity, Gone, Retry, Terminal
from ...outbound import Urgency, urgency
from ...reasons import Reason
from .. import links
from .on_auth0 import OnAuth0, may


class Auth0RoleAssignment(OnAuth0[Auth0RoleAssignmentSpec]):
    type = AUTH0_ROLE_ASSIGNMENT
    scopes = may(("read", "update"), "users", "roles")
    looks_first = True
    fields = Fields(Unseen(), assigned=Exact())

    def references(self, owner: Owner, spec: Auth0RoleAssignmentSpec) -> Iterable[Ref]:
        yield links.tenant(owner, spec.tenant_ref)
        if spec.user_ref.name:
            yield links.to("Auth0User", owner, spec.user_ref, "spec.userRef", Need.IDENTITY)
        if spec.role_ref.name:
            yield links.to("Auth0Role", owner, spec.role_ref, "spec.roleRef", Need.IDENTITY)

    def desired(self, owner: Owner, spec: Auth0RoleAssignmentSpec, refs: Resolved) -> Wanted:
        user, role = spec.user_ref, spec.role_ref
        wanted: dict[str, Any] = {
            "user_id": refs.targets[links.key("Auth0User", owner, user)].external_id if user.name else user.user_id,
            "email": user.email,
            "role_id": refs.targets[links.key("Auth0Role", owner, role)].external_id if role.name else role.role_id,
            "role_name": role.role_name,
            "expires_at": spec.expires_at,
            "assigned": True,
        }
        if spec.expires_at is not None:
            moment(spec.expires_at)  # one that cannot be understood is refused before anything is made
        return {name: value for name, value in wanted.items() if value is not None}

    def at(self, wanted: Wanted, now: float) -> Wanted:
        ends = wanted.get("expires_at")
        return wanted if ends is None else {**wanted, "assigned": now < moment(ends)}

    async def observe(self, conn: Session, external_id: str, wanted: Wanted, mark: Mark) -> Seen | None:
        role_id, user_id = pair(external_id)
        if any(name in wanted and wanted[name] != is_ for name, is_ in (("role_id", role_id), ("user_id", user_id))):
            return None  # role or user was made anew: what we gave went with the old one
        members = conn.role_members
        has = urgency() >= Urgency.DRIFT and await members.has(role_id, user_id)
        # that it is not there must be said by the service now, a listing may be older than what somebody did
        return _seen(role_id, user_id, wanted, has=has or await members.has_now(role_id, user_id))

    async def find(self, conn: Session, wanted: Wanted, mark: Mark) -> Sequence[Seen]:
        role_id, user_id = await _ids(conn, wanted)
        seen = _seen(role_id, user_id, wanted, has=await conn.role_members.has(role_id, user_id))
        return [] if seen is None else [seen]

    async def apply(self, conn: Session, plan: Plan, seen: Seen | None, mark: Mark) -> Applied:
        role_id, user_id = pair(plan.external_id) if plan.external_id else await _ids(conn, plan.wanted)
        if not plan.wanted["assigned"]:
            await conn.role_members.remove(role_id, user_id)
        else:
            try:
                await conn.role_members.add(role_id, user_id)
            except Gone as gone:
                raise Retry(
                    f"User {user_id} or role {role_id} is not in the tenant. Correct spec.userRef or spec.roleRef; mlgate "
                    f"tries again by itself. {gone.message}",
                    reason=Reason.DEPENDENCY_NOT_FOUND,
                ) from None
        return Applied(f"{role_id}/{user_id}", _seen(role_id, user_id, plan.wanted, has=plan.wanted["assigned"]))

    async def delete(self, conn: Session, seen: Seen, refs: Resolved) -> Deletion:
        await conn.role_members.remove(*pair(seen.id))
        return Deletion(done=True)

    def health(self, wanted: Wanted, seen: Seen) -> Health:
        if wanted.get("assigned", True):
            return HEALTHY
        return Health(
            False,
            Reason.EXPIRED,
            f"The assignment ended at {wanted['expires_at']}, as spec.expiresAt says, and the user does not have the role by "
            "it any more. Delete this object, or set a later expiresAt to give the role again.",
        )

    async def outputs(self, conn: Session, spec: Auth0RoleAssignmentSpec, situation: Situation) -> Outputs:
        role_id, user_id = pair(situation.seen.id)
        left = moment(spec.expires_at) - situation.now if spec.expires_at else 0.0
        status = {
            "userId": user_id,
            "roleId": role_id,
            "assigned": situation.seen.values["assigned"],
            "endsAt": rfc3339(moment(spec.expires_at)) if left > 0 and spec.expires_at else None,
        }
        return Outputs(status, again=left if left > 0 else None)

    def next_look(self, status: Mapping[str, Any]) -> float | None:
        return moment(status["endsAt"]) + 1.0 if status.get("endsAt") else None  # whole seconds: surely over by then


def pair(external_id: str) -> tuple[str, str]:
    """Role id and user id. Raises Terminal for what is no such pair (`spec.import.id` is written by people)."""
    role_id, _, user_id = external_id.partition("/")
    if not role_id or "|" not in user_id:
        raise Terminal(
            f"{external_id} is not the id of a role assignment. Write <role id>/<user id>, such as "
            "rol_4Nx1gZ7jQbGmVvWK/auth0|5f7c8ec7c33c6c004bbafe82."
        )
    return role_id, user_id


def moment(text: str) -> float:
    """RFC 3339 as unix seconds; without an offset it is UTC. Raises Terminal."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Terminal(
            f'spec.expiresAt "{text}" is not a moment in time. Write it like 2026-12-31T23:00:00Z.'
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


async def _ids(conn: Session, wanted: Wanted) -> tuple[str, str]:
    """Role id and user id, asked of the service where the manifest names them by what people know."""
    role_id, user_id = wanted.get("role_id"), wanted.get("user_id")
    if role_id is None:
        role = await conn.roles.by_name(wanted["role_name"])
        if role is None:
            raise _not_there(f"a role named {wanted['role_name']}", "spec.roleRef.roleName")
        role_id = role["id"]
    if user_id is None:
        users = await conn.users.by_email(wanted["email"])
        if not users:
            raise _not_there(f"a user with the address {wanted['email']}", "spec.userRef.email")
        if len(users) > 1:
            ids = ", ".join(sorted(str(user["user_id"]) for user in users))
            raise AmbiguousIdentity(
                f"{len(users)} users of the tenant have the address {wanted['email']} ({ids}). Nothing was written. Name "
                "one of them with spec.userRef.userId."
            )
        user_id = users[0]["user_id"]
    return str(role_id), str(user_id)


def _not_there(what: str, path: str) -> Retry:
    return Retry(
        f"The tenant has no {what.removeprefix('a ')}. Create it, or correct {path}; mlgate looks again by itself.",
        reason=Reason.DEPENDENCY_NOT_FOUND,
    )


def _seen(role_id: str, user_id: str, wanted: Wanted, *, has: bool) -> Seen | None:
    """None where the user should have the role and does not: there is nothing. An assignment that has ended is ours."""
    ended = not wanted.get("assigned", True)
    if not has and not ended:
        return None
    values: Mapping[str, Any] = {"assigned": has}
    return Seen(f"{role_id}/{user_id}", values, values, ours=True if ended and not has else None)
