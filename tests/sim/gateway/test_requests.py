"""What the gateway refuses, limits and strips, on the real Envoy."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from mlgate.gateway.model import (
    GatewayLimits,
    LimitBy,
    PathType,
    Per,
    RateLimit,
    RouteLimits,
    Rule,
    Upstream,
)
from sim.gateway.world import HOST, World, eventually

pytestmark = pytest.mark.envoy


async def test_an_unknown_host_or_path_is_404(world: World) -> None:
    await world.serve(world.route())
    for answer in (
        await world.call(host="unknown.example.com"),
        await world.call("/other", token=world.issuer.token()),
    ):
        assert (answer.status, answer.problem["title"]) == (404, "Not Found")
    assert not world.upstream.seen


async def test_a_gateway_without_routes_answers_404(world: World) -> None:
    await world.serve()
    assert (await world.call()).status == 404


async def test_a_host_is_found_with_a_port_and_in_any_case(world: World) -> None:
    await world.serve(world.route())
    assert (await world.call(host=HOST.upper() + ":8443", token=world.issuer.token())).status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "TRACE", "OPTIONS"])
async def test_a_method_that_no_rule_allows_is_405_with_those_that_are(world: World, method: str) -> None:
    await world.serve(world.route())
    answer = await world.call(method=method, body=None, token=world.issuer.token())
    assert answer.status == 405
    assert "POST" in answer.headers["allow"]
    assert not world.upstream.seen


@pytest.mark.parametrize("path", ["/score?access_token=abc", "/score?a=1&access_token=abc", "/score?access_token"])
async def test_a_token_in_the_query_string_is_400(world: World, path: str) -> None:
    await world.serve(world.route())
    answer = await world.call(path, token=world.issuer.token())
    assert answer.status == 400
    assert 'error="invalid_request"' in answer.challenge
    assert answer.problem["title"] == "Bad Request"
    assert not world.upstream.seen


async def test_malformed_and_repeated_authorization_headers_are_400(world: World) -> None:
    await world.serve(world.route())
    token = world.issuer.token()
    for headers in (
        [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")],
        [("Authorization", "Basic YTpi"), ("Authorization", f"Bearer {token}")],
        [("Authorization", f"xxBearer {token}")],
        [("Authorization", f"Basic a, Bearer {token}")],
        [("Authorization", f"Bearer {token}, Bearer {token}")],
        [("Authorization", "Bearer not-a-jwt")],
    ):
        answer = await world.call(headers=headers)
        assert (answer.status, 'error="invalid_request"' in answer.challenge) == (400, True), headers
    assert not world.upstream.seen


async def test_escaped_slashes_dots_and_underscored_headers_do_not_get_around_a_rule(world: World) -> None:
    await world.serve(world.route())
    token = world.issuer.token()
    assert (await world.call("/x%2F..%2Fscore", token=token)).status in (400, 404)
    assert (await world.call(token=token, headers={"x_auth_sub": "admin"})).status == 400
    assert not world.upstream.seen


async def test_the_most_specific_path_wins_and_paths_are_rewritten_upstream(world: World) -> None:
    upstream = Upstream(f"http://127.0.0.1:{world.upstream.port}/base")
    rules = (
        Rule("/", require=("root",)),
        Rule("/v1", require=("predict:fraud",)),
        Rule("/v1/info", PathType.EXACT, ("GET",), (), rewrite="/about"),
        Rule("/up", require=("predict:fraud",), rewrite="/"),
        Rule("/moved/", require=("predict:fraud",), rewrite="/there/"),
    )
    await world.serve(world.route(rules=rules, upstream=upstream))
    token = world.issuer.token()
    for path, status, seen in (
        ("/v1", 200, "/base/v1"),
        ("/v1/a?b=1", 200, "/base/v1/a?b=1"),
        ("/v1x", 403, None),
        ("/up", 200, "/"),
        ("/up/a", 200, "/a"),
        ("/moved/a", 200, "/there/a"),
        ("/v1/info", 405, None),
    ):
        world.upstream.seen.clear()
        assert (await world.call(path, token=token)).status == status, path
        assert [each.path for each in world.upstream.seen] == ([seen] if seen else []), path
    world.upstream.seen.clear()
    assert (await world.call("/v1/info", method="GET", body=None, token=token)).status == 200
    root = world.issuer.token(permissions=["root"])
    assert (await world.call("/a", token=root)).status == 200
    assert [each.path for each in world.upstream.seen] == ["/about", "/base/a"]


async def test_a_client_that_used_up_its_rate_limit_is_429_and_the_others_are_not(world: World) -> None:
    limits = RouteLimits(rate=RateLimit(3, Per.HOUR, LimitBy.CLIENT))
    rules = tuple(Rule(path, PathType.EXACT, ("POST",), ("predict:fraud",)) for path in ("/score", "/other"))
    await world.serve(world.route(limits=limits, rules=rules))
    greedy, other = world.issuer.token(azp="greedy"), world.issuer.token(azp="other")
    answers = [await world.call("/other" if n == 1 else "/score", token=greedy) for n in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert answers[-1].problem["title"] == "Too Many Requests"
    assert (await world.call(token=other)).status == 200


async def test_a_rate_limit_does_not_start_anew_when_another_route_changes(world: World) -> None:
    limited = world.route(limits=RouteLimits(rate=RateLimit(2, Per.HOUR, LimitBy.SUBJECT)))
    await world.serve(limited)
    token = world.issuer.token()
    assert [(await world.call(token=token)).status for _ in range(3)] == [200, 200, 429]
    await world.serve(limited, world.route("ml/new", hostnames=("new.example.com",)))
    assert (await world.call(token=token)).status == 429
    assert (await world.call(token=token, host="new.example.com")).status == 200


async def test_a_rate_limit_by_route_or_address_counts_all_callers_together(world: World) -> None:
    by_route = world.route(limits=RouteLimits(rate=RateLimit(2, Per.HOUR, LimitBy.ROUTE)))
    by_address = world.route(
        "ml/open",
        hostnames=("open.example.com",),
        public=True,
        rules=(Rule("/"),),
        limits=RouteLimits(rate=RateLimit(1, Per.HOUR, LimitBy.ADDRESS)),
    )
    await world.serve(by_route, by_address)
    tokens = [world.issuer.token(azp=name) for name in "abc"]
    assert [(await world.call(token=token)).status for token in tokens] == [200, 200, 429]
    assert [(await world.call(host="open.example.com")).status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("chunked", [False, True], ids=["with content-length", "chunked"])
async def test_a_body_over_the_routes_limit_is_413(world: World, chunked: bool) -> None:
    small = world.route(limits=RouteLimits(body_bytes=1000))
    large = world.route("ml/large", hostnames=("large.example.com",), limits=RouteLimits(body_bytes=900_000))
    plain = world.route("ml/plain", hostnames=("plain.example.com",))
    await world.serve(small, large, plain, limits=GatewayLimits(body_bytes=1_000_000))

    async def parts(size: int):  # type: ignore[no-untyped-def]
        for start in range(0, size, 100_000):
            yield b"x" * min(100_000, size - start)

    def body(size: int) -> object:
        return parts(size) if chunked else b"x" * size

    token = world.issuer.token()
    assert (await world.call(token=token, body=body(999))).status == 200
    answer = await world.call(token=token, body=body(1500))
    assert (answer.status, answer.problem["title"]) == (413, "Content Too Large")
    assert (await world.call(token=token, body=body(800_000), host="large.example.com")).status == 200
    assert (await world.call(token=token, body=body(950_000), host="large.example.com")).status == 413
    assert (await world.call(token=token, body=body(950_000), host="plain.example.com")).status == 200
    assert (await world.call(token=token, body=body(1_500_000), host="plain.example.com")).status == 413
    assert [len(each.body) for each in world.upstream.seen] == [999, 800_000, 950_000]


async def test_the_access_log_has_the_caller_and_no_token_or_credential(world: World) -> None:
    await world.serve(world.route())
    token = world.issuer.token(jti="token-1")
    await world.call("/score?secret=QUERY-CANARY", token=token)
    await world.envoy.stop()
    lines = await eventually(lambda: world.log.exists() and world.log.read_text().splitlines(), "the access log")
    entry = json.loads(lines[0])
    assert (entry["status"], entry["route"], entry["sub"], entry["azp"]) == (
        200,
        "ml/fraud#0",
        "checkout@clients",
        "checkout",
    )
    assert (entry["path"], entry["jti"], entry["deployment"]) == ("/score", "token-1", "blue")
    everything = world.log.read_text() + world.envoy.log_file.read_text()
    assert not [canary for canary in ("eyJ", "CANARY") if canary in everything]


async def test_an_event_stream_outlives_the_timeout_and_changes_of_other_routes(world: World) -> None:
    rule = Rule("/stream", PathType.EXACT, ("GET",), ("predict:fraud",))
    streaming = world.route(rules=(rule,), timeout_seconds=0.3)
    await world.serve(streaming)
    headers = {"Host": HOST, "Authorization": f"Bearer {world.issuer.token()}"}
    url = f"http://127.0.0.1:{world.port}/stream"
    async with world.session.get(url, headers=headers) as response:
        assert await response.content.readline() == b"data: one\n"
        started = asyncio.get_running_loop().time()
        await world.serve(streaming, world.route("ml/new", hostnames=("new.example.com",)))
        await eventually(lambda: asyncio.get_running_loop().time() > started + 0.6, "twice the timeout")
        world.upstream.release.set()
        assert (await response.content.read()).endswith(b"data: two\n\n")


async def test_an_upstream_that_does_not_start_to_answer_in_time_is_504(world: World) -> None:
    silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    await world.serve(world.route(upstream=Upstream(f"http://127.0.0.1:{port}"), timeout_seconds=0.2))
    answer = await world.call(token=world.issuer.token())
    assert (answer.status, answer.problem["title"]) == (504, "Gateway Timeout")
    silent.close()


async def test_an_upstream_that_cannot_be_reached_is_503_without_telling_where_it_is(world: World) -> None:
    await world.serve(world.route(upstream=Upstream("http://127.0.0.1:1")))
    answer = await world.call(token=world.issuer.token())
    assert (answer.status, answer.problem["detail"]) == (503, "the upstream cannot be reached now")
    assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize("status", [401, 403])
async def test_an_upstream_that_refuses_our_credential_is_502_and_never_the_callers_401(
    world: World, status: int
) -> None:
    await world.serve(world.route())
    world.upstream.status = status
    answer = await world.call(token=world.issuer.token())
    assert answer.status == 502
    assert answer.problem["detail"] == "the upstream did not accept the credential of this gateway"
    assert "www-authenticate" not in answer.headers


async def test_other_answers_of_the_upstream_pass_as_they_are(world: World) -> None:
    await world.serve(world.route())
    for status in (400, 404, 424, 429, 500, 503):
        world.upstream.status = status
        answer = await world.call(token=world.issuer.token())
        assert (answer.status, json.loads(answer.text)) == (status, {"score": 0.5})


async def test_a_missing_credential_is_503_and_its_arrival_is_served_without_touching_the_route(world: World) -> None:
    held = world.credentials.pop("ml/key")
    published = await world.serve(world.route())
    assert [(each.route, "ml/key" in each.message) for each in published.warnings] == [("ml/fraud", True)]
    answer = await world.call(token=world.issuer.token())
    assert (answer.status, answer.problem["detail"]) == (503, "the gateway has no credential for the upstream yet")
    assert "www-authenticate" not in answer.headers
    assert not world.upstream.seen
    world.credentials["ml/key"] = held
    await world.serve(world.route())
    assert (await world.call(token=world.issuer.token())).status == 200


async def test_a_credential_may_go_into_another_header_without_prefix(world: World) -> None:
    route = world.route()
    header = replace(route.upstream, credential_header="x-api-key", credential_prefix="")
    await world.serve(replace(route, upstream=header))
    assert (await world.call(token=world.issuer.token(), headers={"x-api-key": "mine"})).status == 200
    assert world.upstream.seen[0].headers["x-api-key"] == "upstream-key-CANARY-1"
    assert "authorization" not in world.upstream.seen[0].headers
