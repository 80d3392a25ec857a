"""An Auth0 tenant on this machine: token endpoint, JWKS and the part of the Management API that mlgate uses.

The contract it follows is the recorded traffic of live tenants (contract tests replay it) and, where nothing was
recorded, Auth0's documentation. State is one Tenant; every route is a plain function on it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Unpack
from urllib.parse import parse_qsl

from aiohttp import web

from mlgate_sim.auth0.access import caller_claims, require_scope
from mlgate_sim.auth0.actions import Actions, TriggerBindings
from mlgate_sim.auth0.call import Call, Json, Reply, Route
from mlgate_sim.auth0.client_grants import ClientGrants
from mlgate_sim.auth0.clients import Clients, new_client
from mlgate_sim.auth0.connections import Connections
from mlgate_sim.auth0.credentials import Credentials
from mlgate_sim.auth0.errors import ApiError, OAuthError, ServiceError, invalid_body
from mlgate_sim.auth0.guardian import Guardian
from mlgate_sim.auth0.keys import sign
from mlgate_sim.auth0.logs import Logs, note
from mlgate_sim.auth0.organization_access import OrganizationClients, OrganizationConnections, OrganizationGrants
from mlgate_sim.auth0.organization_members import OrganizationMembers
from mlgate_sim.auth0.organizations import Organizations
from mlgate_sim.auth0.plans import PLANS, Plan, RateLimits, family_of
from mlgate_sim.auth0.resource_servers import ResourceServers
from mlgate_sim.auth0.rest_of_tenant import RestOfTenant
from mlgate_sim.auth0.roles import Roles
from mlgate_sim.auth0.rules_and_hooks import RulesAndHooks
from mlgate_sim.auth0.tenant import Tenant, initial_tenant, new_client_id, new_client_secret, tenant_name
from mlgate_sim.auth0.tenant_settings import TenantSettings
from mlgate_sim.auth0.tokens import issue_token, openid_configuration
from mlgate_sim.auth0.user_access import UserAccess
from mlgate_sim.auth0.users import Users
from mlgate_sim.server import ServerOptions, Simulator, json_answer, notes

API = "/api/v2"
RESOURCES = (
    TenantSettings,
    Clients,
    Credentials,
    ResourceServers,
    ClientGrants,
    Roles,
    Connections,
    Actions,
    TriggerBindings,
    Guardian,
    Users,
    UserAccess,
    RulesAndHooks,
    RestOfTenant,
    Logs,
    Organizations,
    OrganizationMembers,
    OrganizationConnections,
    OrganizationGrants,
    OrganizationClients,
)


class Auth0Simulator(Simulator):
    """One tenant. `async with Auth0Simulator() as auth0:` serves it; see `mlgate_sim.server` for faults and the log.

    domain: what the tenant calls itself (default: host:port as it listens). client_id and client_secret: the operator's
    own application, which holds every management scope (default: random). plan: a name of `plans.PLANS` or a Plan.
    visibility_delay_seconds: how long a new object stays out of lists. search_delay_seconds: how long the user search
    does not know of a change. action_build_seconds: how long building an Action takes, and deploying it.
    deletion_delay_seconds: how long deleting a connection goes on after its answer.
    """

    def __init__(
        self,
        *,
        domain: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        plan: str | Plan = "generous",
        visibility_delay_seconds: float = 0.0,
        action_build_seconds: float = 0.0,
        search_delay_seconds: float = 0.0,
        deletion_delay_seconds: float = 0.0,
        **options: Unpack[ServerOptions],
    ) -> None:
        if domain is not None:
            options["host_names"] = (*options.get("host_names", ()), domain.partition(":")[0])
        super().__init__(**options)
        self.client_id = client_id or new_client_id()
        self.client_secret = client_secret or new_client_secret()
        self.visibility_delay_seconds = visibility_delay_seconds
        self.action_build_seconds = action_build_seconds
        self.search_delay_seconds = search_delay_seconds
        self.deletion_delay_seconds = deletion_delay_seconds
        self._domain = domain
        self._state: Tenant | None = None
        self.set_plan(plan)

    # What tests look at and steer.

    @property
    def state(self) -> Tenant:
        """The tenant: `.clients`, `.resource_servers`, `.client_grants`, `.roles`, ... by id."""
        if self._state is None:
            raise RuntimeError("the simulator has not started, so its tenant has no domain yet")
        return self._state

    @property
    def domain(self) -> str:
        return self.state.domain

    @property
    def issuer(self) -> str:
        return self.state.issuer

    @property
    def management_audience(self) -> str:
        return self.state.management_audience

    def set_plan(self, plan: str | Plan) -> None:
        """Changes limits from now on; all buckets are full again. Raises KeyError for an unknown name."""
        self.plan = PLANS[plan] if isinstance(plan, str) else plan
        self._limits = RateLimits(self.plan)
        if self._state is not None:
            self._state.entity_limits = self.plan.entities

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Any token, signed with the tenant's current key; `header` overrides alg, kid and typ."""
        return sign(self.state.keys.current, header, claims)

    def rotate_keys(self, *, revoke_previous: bool = False) -> str:
        """Makes a new current signing key and returns its kid."""
        return self.state.keys.rotate(revoke_previous=revoke_previous).kid

    def management_token(self, *scopes: str, lifetime: int = 3600, client_id: str | None = None) -> str:
        """A token for the Management API with these scopes (none given: all of them), without the token endpoint.
        `client_id`: of another application than the operator's, which need not exist."""
        api = self.state.api(self.management_audience) or {}
        wanted = scopes or tuple(scope["value"] for scope in api["scopes"])
        now = int(self.clock())
        client_id = client_id or self.client_id
        claims = {
            "iss": self.issuer,
            "sub": f"{client_id}@clients",
            "aud": self.management_audience,
            "iat": now,
            "exp": now + lifetime,
            "scope": " ".join(wanted),
            "gty": "client-credentials",
            "azp": client_id,
        }
        return self.sign({}, claims)

    # State.

    async def start(self) -> None:
        await super().start()
        if self._state is None:  # the domain follows from the port, which is known only now
            self.load_state(self.initial_state())

    def initial_state(self) -> Json:
        domain = self._domain or self.authority
        return initial_tenant(domain, self._operator(domain)).as_json()

    def save_state(self) -> Json:
        return self.state.as_json()

    def load_state(self, state: Mapping[str, Any]) -> None:
        tenant = Tenant.from_json(state)
        tenant.visibility_delay = self.visibility_delay_seconds
        tenant.action_build_seconds = self.action_build_seconds
        tenant.search_delay = self.search_delay_seconds
        tenant.deletion_delay = self.deletion_delay_seconds
        tenant.entity_limits = self.plan.entities
        self._state = tenant
        self._limits = RateLimits(self.plan)

    def _operator(self, domain: str) -> Json:
        client = new_client(
            {
                "name": "mlgate operator",
                "app_type": "non_interactive",
                "grant_types": ["client_credentials"],
                "token_endpoint_auth_method": "client_secret_post",
                "oidc_conformant": True,
                "jwt_configuration": {"alg": "RS256", "lifetime_in_seconds": 36000},
            }
        )
        own = {"client_id": self.client_id, "client_secret": self.client_secret}
        return {"tenant": tenant_name(domain), **client, **own}

    # Routes.

    def routes(self) -> Iterable[web.RouteDef]:
        yield web.post("/oauth/token", self._answered(self._token))
        yield web.get("/.well-known/jwks.json", self._answered(self._jwks))
        yield web.get("/.well-known/openid-configuration", self._answered(self._configuration))
        for resource in RESOURCES:
            for route in resource.routes():
                yield web.route(route.method, API + route.path, self._answered(self._api_handler(resource, route)))

    def sim_routes(self) -> Iterable[web.RouteDef]:
        yield web.post("/_sim/sign", self._sign)
        yield web.post("/_sim/rotate-keys", self._rotate_keys)

    def error_answer(self, request: web.Request, status: int, message: str) -> web.StreamResponse:
        texts = {404: "Not Found", 405: "Method Not Allowed"}
        error = ApiError(status, texts.get(status, message))
        return json_answer(status, error.body)

    def _answered(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except ServiceError as error:
                return json_answer(error.status, error.body, error.headers)

        return answer

    def _api_handler(self, resource: type[Any], route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        family = route.family or family_of(route.method, route.path)

        async def handle(request: web.Request) -> web.StreamResponse:
            now = self.clock()
            claims = caller_claims(self.state, request.headers.get("Authorization"), now)
            headers = self._limits.admit(family, now)
            scopes = frozenset(str(claims.get("scope") or "").split())
            notes(request)["client"] = claims.get("azp")
            try:
                require_scope(scopes, route.scopes)
                call = Call(
                    params=request.match_info,
                    query={name: request.query.getall(name) for name in request.query},
                    body=await _json_body(request),
                    scopes=scopes,
                    now=now,
                    headers=request.headers,
                )
                status, body = self._logged(request, call, claims, resource, route)
            except ServiceError as error:
                return json_answer(error.status, error.body, {**headers, **error.headers})
            return web.Response(status=204, headers=headers) if body is None else json_answer(status, body, headers)

        return handle

    def _logged(self, request: web.Request, call: Call, claims: Json, resource: type[Any], route: Route) -> Reply:
        """The route's answer, with an entry in the tenant's log when it is a write."""
        asked = request.method, request.rel_url.raw_path
        try:
            answer = route.answer(resource(self.state), call)
        except ServiceError as error:
            if route.method != "GET":
                note(self.state, call, asked, claims, (error.status, error.body))
            raise
        if route.method != "GET":
            note(self.state, call, asked, claims, answer)
        return answer

    async def _token(self, request: web.Request) -> web.StreamResponse:
        now = self.clock()
        self._limits.admit_token(now)
        fields = await _form_or_json(request)
        notes(request)["client"] = fields.get("client_id")
        answer = issue_token(self.state, fields, request.headers.get("Authorization"), now)
        return json_answer(200, answer, {"Cache-Control": "no-store", "Pragma": "no-cache"})

    async def _jwks(self, request: web.Request) -> web.StreamResponse:
        return json_answer(200, self.state.keys.jwks(), {"Cache-Control": "public, max-age=15"})

    async def _configuration(self, request: web.Request) -> web.StreamResponse:
        return json_answer(200, openid_configuration(self.issuer))

    async def _sign(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        return json_answer(200, {"token": self.sign(body.get("header") or {}, body.get("claims") or {})})

    async def _rotate_keys(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else {}
        return json_answer(200, {"kid": self.rotate_keys(revoke_previous=bool(body.get("revoke_previous")))})


async def _json_body(request: web.Request) -> Any:
    raw = await request.read()
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        raise invalid_body("Payload validation error: 'The body is not valid JSON'.") from None


async def _form_or_json(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    if request.content_type == "application/json":
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            raise OAuthError(400, "invalid_request", "The body is not valid JSON") from None
        return body if isinstance(body, dict) else {}
    return dict(parse_qsl(raw.decode(errors="replace")))
