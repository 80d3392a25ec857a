"""What leaves the process and what comes back, with the network replaced by a transport."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mlgate.auth0 import RequestSeen, Session, Sessions, TenantAccess
from mlgate.auth0.tokens import renew_after
from mlgate.errors import CredentialsRejected, LostAnswer, Quota, Retry, Terminal, Trouble, WriteRefused
from mlgate.outbound import Permit, Unfenced, Urgency, permitting
from mlgate.reasons import Reason
from mlgate.sensitive import Sensitive

SECRET = "canary-client-secret-5d1"
USER = Permit(Urgency.USER, Unfenced())
Handler = Callable[[httpx.Request], Any]


class Network:
    """Answers by method and path, and keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[httpx.Request] = []
        self.answers: dict[tuple[str, str], Handler] = {}
        self.tokens = 0
        self.on("POST", "/oauth/token", self._token)

    def on(self, method: str, path: str, answer: Handler) -> None:
        self.answers[method, path] = answer

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        await asyncio.sleep(0)  # others get a chance to ask meanwhile
        answer = self.answers[request.method, request.url.path](request)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def _token(self, request: httpx.Request) -> dict[str, Any]:
        self.tokens += 1
        return {"access_token": f"canary-token-{self.tokens}", "expires_in": 86400, "scope": "read:clients"}

    @property
    def managed(self) -> list[str]:
        return [f"{r.method} {r.url.path}" for r in self.sent if r.url.path.startswith("/api/")]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def seen() -> list[RequestSeen]:
    return []


@pytest.fixture
async def sessions(network: Network, clock: Clock, seen: list[RequestSeen]) -> AsyncIterator[Sessions]:
    made = Sessions(
        transport=lambda: httpx.MockTransport(network),
        clock=clock,
        sleep=clock.sleep,
        random=lambda: 0.0,
        on_request=seen.append,
        timeout=0.2,
    )
    yield made
    await made.close()


ACCESS = TenantAccess(
    domain="acme.eu.auth0.com",
    client_id="cid",
    client_secret=Sensitive(SECRET),
    name="Auth0Tenant ml/main",
    secret_name="Secret ml/auth0-management",
)


@pytest.fixture
def session(sessions: Sessions) -> Session:
    return sessions.session(ACCESS)


def client(**more: Any) -> dict[str, Any]:
    return {"client_id": "abc", "name": "shop", **more}


async def test_50_callers_at_once_cost_one_token(network: Network, session: Session) -> None:
    network.on("GET", "/api/v2/clients/abc", lambda _: client())
    with permitting(USER):
        found = await asyncio.gather(*(session.clients.get("abc") for _ in range(50)))
    assert found == [client()] * 50
    assert network.tokens == 1
    assert len(network.managed) == 50


async def test_a_token_is_kept_until_close_to_its_end(network: Network, session: Session, clock: Clock) -> None:
    await session.verify()
    clock.now += 86400 * 0.94
    await session.verify()
    assert network.tokens == 1
    clock.now += 86400 * 0.02
    assert (await session.verify()).scopes == {"read:clients"}
    assert network.tokens == 2


@pytest.mark.parametrize(("lifetime", "kept"), [(86400, 82080), (600, 540), (100, 50), (10, 5)])
def test_a_token_is_replaced_before_its_end_but_never_at_once(lifetime: float, kept: float) -> None:
    assert renew_after(lifetime) == kept


async def test_one_caller_going_away_does_not_cost_the_others_their_token(network: Network, session: Session) -> None:
    first, second = asyncio.create_task(session.verify()), asyncio.create_task(session.verify())
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).scopes
    assert network.tokens == 1


async def test_a_refused_token_is_replaced_once(network: Network, session: Session) -> None:
    def answer(request: httpx.Request) -> Any:
        fresh = request.headers["authorization"] == "Bearer canary-token-2"
        return client() if fresh else httpx.Response(401, json={"statusCode": 401, "message": "Invalid token."})

    network.on("GET", "/api/v2/clients/abc", answer)
    with permitting(USER):
        found = await asyncio.gather(*(session.clients.get("abc") for _ in range(10)))
    assert found == [client()] * 10
    assert network.tokens == 2  # ten refusals of one token cost one new token


async def test_a_token_refused_again_blames_the_credentials(network: Network, session: Session) -> None:
    network.on("GET", "/api/v2/clients/abc", lambda _: httpx.Response(401, json={"message": "Invalid token."}))
    with permitting(USER), pytest.raises(CredentialsRejected) as caught:
        await session.clients.get("abc")
    assert caught.value.gate == session.gate
    assert len(network.managed) == 2


async def test_refused_credentials_name_the_secret_to_change_and_reach_everybody(
    network: Network, session: Session
) -> None:
    network.on(
        "POST",
        "/oauth/token",
        lambda _: httpx.Response(401, json={"error": "access_denied", "error_description": "Unauthorized"}),
    )
    caught = await asyncio.gather(*(session.verify() for _ in range(5)), return_exceptions=True)
    assert {type(error) for error in caught} == {CredentialsRejected}
    assert len(network.sent) == 1
    assert "Secret ml/auth0-management" in str(caught[0])


async def test_outside_a_reconcile_nothing_that_writes_is_sent(network: Network, session: Session) -> None:
    await session.verify()
    writes: list[Callable[[], Awaitable[object]]] = [
        lambda: session.clients.create({"name": "x"}),
        lambda: session.clients.update("abc", {"name": "x"}),
        lambda: session.clients.delete("abc"),
        lambda: session.clients.rotate_secret("abc"),
        lambda: session.roles.add_permissions("rol_1", [{"permission_name": "p", "resource_server_identifier": "a"}]),
        lambda: session.roles.remove_permissions(
            "rol_1", [{"permission_name": "p", "resource_server_identifier": "a"}]
        ),
        lambda: session.tenant.update({"friendly_name": "x"}),
    ]
    for write in writes:
        with pytest.raises(WriteRefused):
            await write()
    assert network.managed == []


async def test_in_a_mode_that_may_not_write_the_permits_own_refusal_is_raised(
    network: Network, session: Session
) -> None:
    refusal = WriteRefused("Observe never writes.")
    with permitting(Permit(Urgency.USER, Unfenced(), refuse_writes=refusal)), pytest.raises(WriteRefused) as caught:
        await session.clients.create({"name": "x"})
    assert caught.value is refusal
    assert network.managed == []


async def test_the_lease_is_asked_right_before_each_write_with_the_requests_own_timeout(
    network: Network, session: Session
) -> None:
    asked: list[float] = []

    class Fence:
        def check(self, timeout: float) -> None:
            asked.append(timeout)
            if len(network.managed):
                raise WriteRefused("Not the leader any more.")

    network.on("POST", "/api/v2/clients", lambda _: httpx.Response(401, json={"message": "Invalid token."}))
    with permitting(Permit(Urgency.USER, Fence())), pytest.raises(WriteRefused):
        await session.clients.create({"name": "x"})
    assert asked == [0.2, 0.2]  # before the first attempt, and before the one with the new token
    assert network.managed == ["POST /api/v2/clients"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(httpx.Response(500, json={"message": "oops"}), LostAnswer, id="a 500"),
        pytest.param(httpx.Response(502, text="<html>"), LostAnswer, id="a gateway's 502"),
        pytest.param(httpx.Response(429, json={"message": "Global limit has been reached"}), Quota, id="a 429"),
        pytest.param(httpx.Response(409, json={"message": "taken"}), Trouble, id="a 409"),
        pytest.param(httpx.ReadTimeout("slow"), LostAnswer, id="no answer"),
        pytest.param(httpx.RemoteProtocolError("Server disconnected"), LostAnswer, id="a cut connection"),
        pytest.param(httpx.ConnectError("refused"), Retry, id="no connection"),
        pytest.param(httpx.Response(201, text="<html>"), LostAnswer, id="an answer that is not JSON"),
        pytest.param(httpx.Response(201, json={"name": "x"}), LostAnswer, id="an answer without the id"),
    ],
)
async def test_a_post_is_never_repeated(
    network: Network, session: Session, answer: Any, expected: type[Trouble]
) -> None:
    network.on("POST", "/api/v2/clients", lambda _: answer)
    with permitting(USER), pytest.raises(expected):
        await session.clients.create({"name": "x"})
    assert network.managed == ["POST /api/v2/clients"]


async def test_a_connection_that_hangs_ends_in_time_and_counts_as_lost(sessions: Sessions, network: Network) -> None:
    class Hanging(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/oauth/token":
                return await network(request)
            await asyncio.Event().wait()
            raise AssertionError

    hanging = Sessions(transport=Hanging, timeout=0.05)
    with permitting(USER), pytest.raises(LostAnswer, match="no answer in time"):
        await hanging.session(ACCESS).clients.create({"name": "x"})
    await hanging.close()


async def test_bodies_leave_as_they_are_written(network: Network, session: Session) -> None:
    network.on("PATCH", "/api/v2/clients/abc", lambda _: client())
    network.on("POST", "/api/v2/clients", lambda _: httpx.Response(201, json=client()))
    body: dict[str, Any] = {
        "description": None,
        "jwt_configuration": {"alg": None},
        "callbacks": [],
        "not_in_the_sdk": {"x": 1.5},
    }
    with permitting(USER):
        await session.clients.update("abc", body)
        await session.clients.create({"name": "shop", **body})
    assert [json.loads(r.content) for r in network.sent if "clients" in r.url.path] == [body, {"name": "shop", **body}]


async def test_a_permission_is_removed_by_a_delete_with_a_body(network: Network, session: Session) -> None:
    network.on("DELETE", "/api/v2/roles/rol_1/permissions", lambda _: httpx.Response(204))
    pair = {"resource_server_identifier": "https://a", "permission_name": "p"}
    with permitting(USER):
        await session.roles.remove_permissions("rol_1", [pair])
        await session.roles.remove_permissions("rol_1", [])
    assert [json.loads(r.content) for r in network.sent if r.method == "DELETE"] == [{"permissions": [pair]}]


async def test_answers_come_back_as_the_service_sent_them(network: Network, session: Session) -> None:
    sent = client(created_at="2026-02-16T16:36:00.711Z", unknown={"deep": [None, 1.0]}, app_type="of_tomorrow")
    network.on("GET", "/api/v2/clients/abc", lambda _: sent)
    with permitting(USER):
        assert await session.clients.get("abc") == sent


async def test_a_good_answer_that_the_sdk_cannot_parse_is_a_good_answer(network: Network, session: Session) -> None:
    # `pem` is required in the SDK's model and never returned by the service (shared facts, auth0 section 0)
    key = {"name": "k", "alg": "RSA-OAEP-256", "kid": "1", "thumbprint_sha256": "x"}
    sent = {
        "id": "1",
        "identifier": "https://a",
        "token_encryption": {"format": "compact-nested-jwe", "encryption_key": key},
    }
    network.on("GET", "/api/v2/resource-servers/1", lambda _: sent)
    network.on("PATCH", "/api/v2/resource-servers/1", lambda _: sent)
    with permitting(USER):
        assert await session.resource_servers.get("1") == sent
        assert await session.resource_servers.update("1", {"name": "x"}) == sent


@pytest.mark.parametrize("bad", ["", ".", "..", " abc"])
async def test_an_id_that_would_mean_another_path_is_refused(network: Network, session: Session, bad: str) -> None:
    with permitting(USER):
        for call in (session.clients.get, session.clients.delete, session.resource_servers.by_identifier):
            with pytest.raises(Terminal):
                await call(bad)
    assert network.managed == []


async def test_a_slash_in_an_id_stays_in_it(network: Network, session: Session) -> None:
    network.on("GET", "/api/v2/resource-servers/https://a/x?y", lambda _: {"id": "1", "identifier": "https://a/x?y"})
    with permitting(USER):
        assert await session.resource_servers.by_identifier("https://a/x?y")
    assert network.sent[-1].url.raw_path == b"/api/v2/resource-servers/https%3A%2F%2Fa%2Fx%3Fy"


async def test_an_identifier_that_the_service_takes_for_an_id_finds_nothing(network: Network, session: Session) -> None:
    network.on(
        "GET",
        "/api/v2/resource-servers/0123456789abcdef01234567",
        lambda _: {"id": "0123456789abcdef01234567", "identifier": "https://a"},
    )
    assert await session.resource_servers.by_identifier("0123456789abcdef01234567") is None


async def test_the_token_is_asked_for_the_domain_wherever_the_tenant_is_reached(network: Network) -> None:
    sessions = Sessions(transport=lambda: httpx.MockTransport(network), endpoint="http://127.0.0.1:1/")
    session = sessions.session(ACCESS)
    await session.verify()
    await sessions.close()
    assert str(network.sent[0].url) == "http://127.0.0.1:1/oauth/token"
    assert b"audience=https%3A%2F%2Facme.eu.auth0.com%2Fapi%2Fv2%2F" in network.sent[0].content
    assert session.issuer == "https://acme.eu.auth0.com/"


async def test_a_private_key_signs_an_assertion_for_the_issuer_that_is_used_once(network: Network) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    sessions = Sessions(transport=lambda: httpx.MockTransport(network), endpoint="http://127.0.0.1:1", wall=lambda: 1e9)
    access = TenantAccess(domain="acme.eu.auth0.com", client_id="cid", private_key_pem=Sensitive(pem))
    session = sessions.session(access)
    await session.verify()
    network.on("GET", "/api/v2/clients/abc", lambda _: httpx.Response(401, json={}))
    with permitting(USER), pytest.raises(CredentialsRejected):
        await session.clients.get("abc")
    await sessions.close()
    forms = [httpx.QueryParams(r.content.decode()) for r in network.sent if r.url.path == "/oauth/token"]
    claims = [
        jwt.decode(
            f["client_assertion"],
            key.public_key(),
            algorithms=["RS256"],
            audience="https://acme.eu.auth0.com/",
            options={"verify_exp": False, "verify_iat": False},
        )
        for f in forms
    ]
    assert len({c["jti"] for c in claims}) == len(claims) == 2
    assert all((c["iss"], c["sub"], c["exp"] - c["iat"]) == ("cid", "cid", 240) for c in claims)
    assert all("client_secret" not in f for f in forms)


async def test_a_key_that_cannot_sign_is_the_secrets_fault_and_not_shown(network: Network, sessions: Sessions) -> None:
    access = TenantAccess(
        domain="d", client_id="c", private_key_pem=Sensitive("canary-no-pem"), secret_name="Secret ml/key"
    )
    with pytest.raises(Terminal) as caught:
        await sessions.session(access).verify()
    assert caught.value.reason is Reason.CREDENTIALS_MISSING
    assert "Secret ml/key" in caught.value.message
    assert "canary" not in caught.value.message
    assert network.sent == []


async def test_no_secret_is_in_any_message_or_representation(
    network: Network, session: Session, seen: list[RequestSeen]
) -> None:
    password = "canary-password-81"

    def repeating(status: int) -> Handler:
        def answer(request: httpx.Request) -> httpx.Response:
            sentence = f"{SECRET}, {request.headers['authorization']} and {password} are wrong"
            return httpx.Response(status, json={"message": sentence, "error": sentence})

        return answer

    with permitting(USER):
        for status in (400, 401, 402, 403, 404, 409, 418, 429, 500):
            network.on("POST", "/api/v2/clients", repeating(status))
            with pytest.raises(Trouble) as caught:
                await session.clients.create({"name": "x", "client_secret": password})
            told = f"{caught.value} {caught.value!r} {vars(caught.value)}"
            assert "canary" not in told
    assert "canary" not in f"{session!r} {session.clients!r} {vars(session)} {seen}"


async def test_every_request_is_told_with_its_route_and_without_its_ids(
    network: Network, session: Session, seen: list[RequestSeen]
) -> None:
    network.on(
        "GET",
        "/api/v2/clients/abc",
        lambda _: httpx.Response(200, json=client(), headers={"x-ratelimit-remaining": "7"}),
    )
    network.on("GET", "/api/v2/clients/gone", lambda _: httpx.ReadTimeout("x"))
    with permitting(USER):
        await session.clients.get("abc")
        with pytest.raises(Retry):
            await session.clients.get("gone")
    told = [(s.system, s.tenant, s.method, s.route, s.status, s.remaining) for s in seen]
    assert told == [
        ("auth0", "Auth0Tenant ml/main", "POST", "/oauth/token", 200, None),
        ("auth0", "Auth0Tenant ml/main", "GET", "/api/v2/clients/{id}", 200, 7),
        ("auth0", "Auth0Tenant ml/main", "GET", "/api/v2/clients/{id}", None, None),
    ]


async def test_a_429_says_when_to_come_back(network: Network, session: Session, clock: Clock) -> None:
    headers = {"date": "Tue, 24 Nov 2026 10:00:00 GMT", "x-ratelimit-reset": "1795514409", "x-ratelimit-remaining": "0"}
    network.on(
        "GET", "/api/v2/clients/abc", lambda _: httpx.Response(429, json={"message": "slow down"}, headers=headers)
    )
    with permitting(USER):
        with pytest.raises(Quota) as caught:
            await session.clients.get("abc")
        assert (caught.value.gate, caught.value.after) == ("", 9.0)
        with pytest.raises(Quota):  # nothing is sent before then
            await session.clients.get("abc")
        assert len(network.managed) == 1
        clock.now += 9.0
        network.on("GET", "/api/v2/clients/abc", lambda _: client())
        assert await session.clients.get("abc")


async def test_a_429_of_one_endpoint_leaves_the_others_be(network: Network, session: Session) -> None:
    network.on("GET", "/api/v2/clients/abc", lambda _: httpx.Response(429, headers={"retry-after": "60"}, json={}))
    network.on("GET", "/api/v2/roles/rol_1", lambda _: {"id": "rol_1", "name": "r"})
    with permitting(USER):
        with pytest.raises(Quota):
            await session.clients.get("abc")
        assert await session.roles.get("rol_1")


async def test_signing_keys_are_asked_for_without_a_token_and_kept_a_minute(
    network: Network, session: Session, clock: Clock
) -> None:
    network.on("GET", "/.well-known/jwks.json", lambda _: {"keys": [{"kid": "1"}]})
    both = await asyncio.gather(session.jwks(), session.jwks())
    assert list(both) == [{"keys": [{"kid": "1"}]}] * 2
    clock.now += 59
    await session.jwks()
    assert [r.url.path for r in network.sent] == ["/.well-known/jwks.json"]
    assert "authorization" not in network.sent[0].headers
    clock.now += 1
    await session.jwks()
    assert len(network.sent) == 2


async def test_changed_credentials_are_another_session_and_the_old_one_is_closed_when_unused(
    network: Network, sessions: Sessions, clock: Clock
) -> None:
    old = sessions.session(ACCESS)
    assert sessions.session(ACCESS) is old
    changed = TenantAccess(domain=ACCESS.domain, client_id="cid", client_secret=Sensitive("other"), name=ACCESS.name)
    new = sessions.session(changed)
    assert new is not old
    assert new.gate != old.gate
    await old.verify()  # a reconcile under way may still use it
    clock.now += 400
    sessions.session(changed)
    await asyncio.sleep(0.01)
    with pytest.raises(RuntimeError, match="closed"):
        await old.verify()
    await new.verify()
