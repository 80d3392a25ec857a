"""Rate limits and entity limits of Auth0's plans, and the token buckets that enforce them.

Numbers: shared facts, auth0 section 5 (Auth0's rate-limit and entity-limit pages, August 2026). The tenant's global
bucket never shows in the headers; the buckets of endpoints do. `x-ratelimit-reset` is the UNIX second at which ONE
more request becomes possible.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mlgate_sim.auth0.errors import ApiError, OAuthError, ServiceError


@dataclass(frozen=True, slots=True)
class Limit:
    """A token bucket: `burst` requests at once, refilled at `per_second`."""

    burst: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What a tenant may do. `families` limit groups of endpoints; `other` is the bucket of all the rest."""

    global_limit: Limit | None = None
    families: Mapping[str, Limit] = field(default_factory=dict)
    other: Limit | None = None
    token_endpoint: Limit | None = None
    entities: Mapping[str, int] = field(default_factory=dict)


FAMILIES: tuple[tuple[str, str, str], ...] = (
    ("read clients", r"GET", r"/clients(/\{[^/]+\})?"),
    ("read connections", r"GET", r"/connections(/\{[^/]+\})?"),
    ("read users", r"GET", r"/users(/\{[^/]+\})?|/users-by-email"),
    ("write users", r"POST|PATCH|DELETE", r"/users(/\{[^/]+\})?"),
    ("read organizations", r"GET", r"/organizations"),
    ("read organization", r"GET", r"/organizations/(name/)?\{[^/]+\}"),
    ("write organizations", r"POST|PATCH|DELETE", r"/organizations(/\{[^/]+\})?"),
    ("organization connections", r".*", r"/organizations/\{[^/]+\}/(enabled_)?connections(/.*)?"),
    ("organization members", r".*", r"/organizations/\{[^/]+\}/members"),
    ("organization member roles", r".*", r"/organizations/\{[^/]+\}/members/\{[^/]+\}/roles"),
    ("read organization client grants", r"GET", r"/organizations/\{[^/]+\}/client-grants"),
    ("write organization client grants", r"POST|DELETE", r"/organizations/\{[^/]+\}/client-grants(/.*)?"),
)
"""Name, methods and path of the groups of endpoints that plans limit: the first that fits."""


def family_of(method: str, path: str) -> str:
    """The group of a route below `/api/v2` (`/clients/{client_id}`); "" for those that only share the rest."""
    for name, methods, paths in FAMILIES:
        if re.fullmatch(methods, method) and re.fullmatch(paths, path):
            return name
    return ""


def _minutes(burst: int, per_minute: int) -> Limit:
    return Limit(burst, per_minute / 60)


def _self_service(token_per_second: float) -> Plan:
    return Plan(
        families={
            "read clients": _minutes(5, 100),
            "read connections": _minutes(5, 50),
            "read users": _minutes(40, 500),
            "write users": _minutes(20, 200),
            "read organizations": _minutes(5, 50),
            "read organization": _minutes(20, 200),
            "write organizations": _minutes(5, 25),
            "organization connections": _minutes(5, 25),
            "organization members": _minutes(20, 200),
            "organization member roles": _minutes(20, 200),
        },
        other=_minutes(10, 150),
        token_endpoint=Limit(token_per_second, token_per_second),
        entities={"clients": 100, "resource_servers": 100, "client_grants": 10_000, "roles": 1000, "connections": 100},
    )


ENTERPRISE_ENTITIES = {"clients": 100_000, "resource_servers": 100_000, "client_grants": 100_000, "roles": 1000}
PLANS: dict[str, Plan] = {
    "none": Plan(),
    "generous": Plan(other=Limit(1000, 1000)),
    "free": Plan(
        global_limit=Limit(2, 2),
        token_endpoint=Limit(30, 30),
        entities={"clients": 10, "resource_servers": 10, "client_grants": 100, "roles": 1000},
    ),
    "essentials": _self_service(25),
    "professional": _self_service(25),
    "b2b": _self_service(25),
    "enterprise": Plan(
        global_limit=Limit(50, 16),
        families={
            "read organizations": _minutes(10, 100),
            "write organizations": _minutes(5, 150),
            "read organization client grants": _minutes(10, 100),
            "write organization client grants": _minutes(5, 150),
        },
        token_endpoint=Limit(100, 100),
        entities=ENTERPRISE_ENTITIES,
    ),
    "private-cloud": Plan(global_limit=Limit(50, 50), entities=ENTERPRISE_ENTITIES),
    "enterprise-nonproduction": Plan(
        global_limit=Limit(10, 2), token_endpoint=Limit(100, 100), entities=ENTERPRISE_ENTITIES
    ),
}


class Bucket:
    """The tokens left in one bucket. Time is passed in."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._tokens = limit.burst
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Takes one token if there is one."""
        if self._at is not None:
            self._tokens = min(self.limit.burst, self._tokens + max(0.0, now - self._at) * self.limit.per_second)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def headers(self, now: float) -> dict[str, str]:
        missing = 1 - self._tokens % 1
        return {
            "x-ratelimit-limit": str(int(self.limit.burst)),
            "x-ratelimit-remaining": str(int(self._tokens)),
            "x-ratelimit-reset": str(math.ceil(now + missing / self.limit.per_second)),
        }


class RateLimits:
    """All buckets of one tenant."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._global = Bucket(plan.global_limit) if plan.global_limit else None
        self._families = {name: Bucket(limit) for name, limit in plan.families.items()}
        self._other = Bucket(plan.other) if plan.other else None
        self._token = Bucket(plan.token_endpoint) if plan.token_endpoint else None

    def admit(self, family: str, now: float) -> dict[str, str]:
        """Counts one Management API request; the answer's headers. Raises ServiceError (429)."""
        endpoint = self._families.get(family, self._other)
        if self._global is not None and not self._global.take(now):
            raise too_many("Global limit has been reached", {})
        if endpoint is None:
            return {}
        admitted = endpoint.take(now)
        headers = endpoint.headers(now)
        if not admitted:
            raise too_many("Too many requests, check the headers for the limits that were exceeded.", headers)
        return headers

    def admit_token(self, now: float) -> None:
        """Counts one request of the token endpoint. Raises ServiceError (429)."""
        if self._token is not None and not self._token.take(now):
            raise OAuthError(429, "too_many_requests", "Global limit has been reached")


def too_many(message: str, headers: dict[str, str]) -> ServiceError:
    return ApiError(429, message, "too_many_requests", headers)
