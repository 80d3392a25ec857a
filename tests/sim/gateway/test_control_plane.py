"""How configuration reaches the real Envoy: changes, refusals, restarts, and what keeps serving meanwhile."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from mlgate.gateway.ads import ServerTls
from mlgate.gateway.bootstrap import AdsTls, Bootstrap, bootstrap
from mlgate.gateway.envoy import EnvoyFailed, EnvoyProcess
from mlgate.gateway.model import (
    Certificate,
    Credential,
    Listener,
    PathType,
    Rule,
    Upstream,
)
from mlgate.gateway.render.types import CLUSTER, LISTENER, ROUTES
from mlgate.gateway.server import GatewayServer
from mlgate.sensitive import Sensitive
from sim.gateway.certificates import authority_pem, signed
from sim.gateway.world import HOST, KEY, World, eventually

pytestmark = pytest.mark.envoy

# Well-formed to us; only a TLS library can tell that nothing is certified by it.
NOT_A_CERTIFICATE = (
    f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(b'no certificate at all').decode()}\n-----END CERTIFICATE-----\n"
)
# A metadata document with so many permissions is larger than Envoy takes; only Envoy measures it.
ENDLESS = tuple(
    Rule(f"/{number}", require=tuple(f"{number}-{each}:" + "x" * 250 for each in range(30))) for number in range(10)
)


async def test_a_credential_is_rotated_without_a_failed_request(world: World) -> None:
    await world.serve(world.route())
    world.upstream.accepts = {f"Bearer {KEY}", "Bearer key-2"}
    token, statuses, stop = world.issuer.token(), list[int](), asyncio.Event()

    async def client() -> None:
        while not stop.is_set():
            statuses.append((await world.call(token=token)).status)

    clients = [asyncio.create_task(client()) for _ in range(4)]
    await eventually(lambda: len(statuses) > 50, "calls with the old key")
    world.credentials["ml/key"] = Credential("ml/key", Sensitive("key-2"))
    await world.serve(world.route())
    await eventually(lambda: world.upstream.seen[-1].headers["authorization"] == "Bearer key-2", "the new key")
    world.upstream.accepts = {"Bearer key-2"}
    since = len(statuses)
    await eventually(lambda: len(statuses) > since + 50, "calls with the new key")
    stop.set()
    await asyncio.gather(*clients)
    assert set(statuses) == {200}
    assert world.server.state(world.name).acknowledged


async def test_adding_a_route_changes_neither_the_listener_nor_open_connections(world: World) -> None:
    await world.serve(world.route())
    before = world.server._ads.snapshot(world.name)
    await world.serve(world.route(), world.route("ml/new", hostnames=("new.example.com",)))
    after = world.server._ads.snapshot(world.name)
    assert before is not None and after is not None
    assert before.resources[LISTENER]["http"].version == after.resources[LISTENER]["http"].version
    assert (await world.call(host="new.example.com", token=world.issuer.token())).status == 200
    stats = await world.envoy.admin("/stats?filter=listener_manager.listener_(modified|added)")
    assert stats.split() == ["listener_manager.listener_added:", "1", "listener_manager.listener_modified:", "0"]


async def test_publishing_the_same_again_sends_nothing(world: World) -> None:
    first = await world.serve(world.route())
    again = world.publish(world.route())
    assert (again.changed, again.version) == (False, first.version)


async def test_a_route_that_goes_is_404_and_its_upstream_and_secret_go_too(world: World) -> None:
    other = world.route("ml/other", hostnames=("other.example.com",))
    await world.serve(world.route(), replace(other, upstream=replace(other.upstream, credential="ml/other-key")))
    await world.serve(world.route())
    assert (await world.call(host="other.example.com", token=world.issuer.token())).status == 404
    assert (await world.call(token=world.issuer.token())).status == 200

    async def gone() -> bool:
        return "other" not in await world.envoy.admin("/config_dump")

    await eventually(gone, "a configuration without the route")


async def test_envoys_words_about_a_refused_upstream_reach_the_state_and_the_others_are_served(world: World) -> None:
    bad = world.route("ml/bad", hostnames=("bad.example.com",))
    secure = replace(bad.upstream, url="https://upstream.example.com", ca_pem=NOT_A_CERTIFICATE)
    published = world.publish(world.route(), replace(bad, upstream=secure))
    assert published.rejections == ()
    await world.envoy.start()
    (rejection,) = await eventually(lambda: world.server.state(world.name).rejections, "a rejection")
    assert rejection.type_url == CLUSTER
    assert rejection.resources == ("ml/bad",)
    assert rejection.routes == ("ml/bad",)
    assert "certificate" in rejection.words.lower()
    await eventually(lambda: world.server.state(world.name).settled, "all answers")
    assert world.server.state(world.name).acknowledged is None
    world.port = (await eventually(world.envoy.listener_ports, "the listener"))["http"]

    async def served() -> bool:
        return (await world.call(token=world.issuer.token())).status == 200

    await eventually(served, "the other route")
    assert (await world.call(host="bad.example.com", token=world.issuer.token())).status == 503


async def test_a_refused_change_of_an_upstream_keeps_the_old_one_serving(world: World) -> None:
    route = world.route()
    await world.serve(route)
    broken = Upstream("https://127.0.0.1:1", ca_pem=NOT_A_CERTIFICATE, credential="ml/key", tls_name="a.example.com")
    world.publish(replace(route, upstream=replace(broken, url=route.upstream.url.replace("http:", "https:"))))
    (rejection,) = await eventually(lambda: world.server.state(world.name).rejections, "a rejection")
    assert rejection.routes == ("ml/fraud",)
    assert (await world.call(token=world.issuer.token())).status == 200
    await world.serve(route)
    assert world.server.state(world.name).rejections == ()


async def test_one_route_that_envoy_refuses_holds_back_only_itself(world: World) -> None:
    """The routes are one resource to Envoy: it refuses them all. The culprit is found and put aside."""
    old = world.route("ml/b-old", hostnames=("old.example.com",))
    await world.serve(old)
    names = ("ml/a", "ml/c", "ml/d", "ml/e")
    fine = [world.route(name, hostnames=(f"{name[3:]}.example.com",)) for name in names]
    published = world.publish(*fine, replace(old, rules=(*old.rules, *ENDLESS)))
    assert published.rejections == ()
    (rejection,) = await eventually(lambda: world.server.state(world.name).rejections, "a rejection")
    await eventually(lambda: world.server.state(world.name).acknowledged, "acknowledgement of the others")
    (rejection,) = world.server.state(world.name).rejections
    assert (rejection.type_url, rejection.routes) == (ROUTES, ("ml/b-old",))
    assert "body size" in rejection.words
    token = world.issuer.token()
    assert [(await world.call(host=f"{name[3:]}.example.com", token=token)).status for name in names] == [200] * 4
    assert (await world.call(host="old.example.com", token=token)).status == 200, "the old form of it keeps serving"
    again = world.publish(*fine, replace(old, rules=(*old.rules, Rule("/short"))))
    assert again.rejections == ()
    await world.settled()
    assert world.server.state(world.name).rejections == ()
    assert (await world.call("/short/x", host="old.example.com", token=token)).status == 200


async def test_a_refused_configuration_is_not_sent_again_and_again(world: World) -> None:
    await world.serve(world.route())
    world.publish(world.route(rules=ENDLESS))
    await eventually(lambda: world.server.state(world.name).rejections, "a rejection")
    await eventually(lambda: world.server.state(world.name).acknowledged, "acknowledgement of what was before")

    async def refused() -> int:
        stats = json.loads(await world.envoy.admin("/stats?format=json&filter=rds.routes.update_rejected"))
        return sum(each["value"] for each in stats["stats"])

    first = await refused()
    await world.serve(world.route(rules=ENDLESS), world.route("ml/new", hostnames=("new.example.com",)))
    assert await refused() == first
    assert (await world.call(host="new.example.com", token=world.issuer.token())).status == 200


async def test_a_listener_that_cannot_be_opened_is_the_gateways_own_rejection(world: World) -> None:
    taken = world.upstream.port
    world.publish(world.route(), listeners=(Listener(port=taken, address="127.0.0.1"),))
    await world.envoy.start(wait_ready=False)
    (rejection,) = await eventually(lambda: world.server.state(world.name).rejections, "a rejection")
    assert (rejection.type_url, rejection.resources, rejection.routes) == (LISTENER, ("http",), ())
    assert str(taken) in rejection.words


async def test_envoy_serves_on_without_the_control_plane_and_takes_changes_from_the_next(world: World) -> None:
    await world.serve(world.route())
    before = world.server.state(world.name).version
    port = world.server.port
    await world.server.stop()
    assert (await world.call(token=world.issuer.token())).status == 200
    world.server = GatewayServer(port=port)
    await world.server.start()
    world.publish(world.route())
    await world.settled()
    assert world.server.state(world.name).version == before, "the same configuration has the same version"
    stats = await world.envoy.admin("/stats?filter=listener_manager.listener_modified|cluster_manager.cluster_modified")
    assert [line.rpartition(" ")[2] for line in stats.splitlines()] == ["0", "0"]
    await world.serve(world.route(), world.route("ml/new", hostnames=("new.example.com",)))
    assert (await world.call(host="new.example.com", token=world.issuer.token())).status == 200


async def test_what_was_removed_while_the_control_plane_was_away_goes_when_it_is_back(world: World) -> None:
    await world.serve(world.route(), world.route("ml/gone", hostnames=("gone.example.com",)))
    port = world.server.port
    await world.server.stop()
    world.server = GatewayServer(port=port)
    await world.server.start()
    await world.serve(world.route())
    assert (await world.call(host="gone.example.com", token=world.issuer.token())).status == 404
    assert "ml/gone" not in await world.envoy.admin("/clusters")


async def test_an_envoy_may_come_before_its_configuration_and_two_get_the_same(world: World, tmp_path: Path) -> None:
    changes: list[str] = []
    world.server.on_change = changes.append
    await world.envoy.start(wait_ready=False)
    second = EnvoyProcess(world.bootstrap("proxy-1"), tmp_path / "second")
    await second.start(wait_ready=False)
    await eventually(lambda: len(world.server.state(world.name).proxies) == 2, "two proxies")
    try:
        await world.serve(world.route())
        state = world.server.state(world.name)
        assert [proxy.id for proxy in state.proxies] == ["proxy-0", "proxy-1"]
        assert all(set(proxy.versions.values()) == {state.version} for proxy in state.proxies)
        assert set(changes) == {world.name}
    finally:
        await second.stop(drain=False)
    await eventually(lambda: len(world.server.state(world.name).proxies) == 1, "the second one's leave")


async def test_a_forgotten_gateway_closes_its_door(world: World) -> None:
    await world.serve(world.route())
    world.server.forget(world.name)

    async def closed() -> bool:
        return not await world.envoy.listener_ports()

    await eventually(closed, "a closed listener")


async def test_a_proxy_gets_only_the_gateway_it_names(world: World, tmp_path: Path) -> None:
    await world.serve(world.route())
    other = bootstrap(Bootstrap("shop/other", "spy", "127.0.0.1", world.server.port))
    spy = EnvoyProcess(other, tmp_path / "spy")
    await spy.start(wait_ready=False)
    try:
        await eventually(lambda: world.server.state("shop/other").proxies, "the other proxy")
        assert "ml/fraud" not in await eventually(lambda: spy.admin("/config_dump"), "its configuration")
    finally:
        await spy.stop(drain=False)


async def test_a_tls_listener_serves_http2_with_the_pushed_certificate_and_stays_closed_without(world: World) -> None:
    listeners = (Listener(port=0, address="127.0.0.1"), Listener("https", 0, "127.0.0.1", certificate="ml/tls"))
    published = await world.serve(world.route(), listeners=listeners)
    assert [(each.route, "ml/tls" in each.message) for each in published.warnings] == [(None, True)]
    assert set(await world.envoy.listener_ports()) == {"http"}
    chain, key = signed(HOST)
    world.credentials["ml/tls"] = Certificate("ml/tls", chain, Sensitive(key))
    await world.serve(world.route())

    async def port() -> int | None:
        return (await world.envoy.listener_ports()).get("https")

    tls_port = await eventually(port, "the TLS listener")
    import ssl

    context = ssl.create_default_context(cadata=authority_pem())
    context.set_alpn_protocols(["h2"])
    _, writer = await asyncio.open_connection("127.0.0.1", tls_port, ssl=context, server_hostname=HOST)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    writer.close()


@pytest.mark.parametrize("name", ["upstream.example.com", "another.example.com"])
async def test_the_credential_is_only_sent_to_the_upstream_that_was_meant(world: World, name: str) -> None:
    import ssl

    chain, key = signed("upstream.example.com")
    folder = world.folder
    (folder / "c.pem").write_text(chain)
    (folder / "k.pem").write_text(key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "c.pem", folder / "k.pem")
    received: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    upstream = Upstream(url, ca_pem=authority_pem(), tls_name=name, credential="ml/key")
    await world.serve(world.route(upstream=upstream))
    status = (await world.call(token=world.issuer.token())).status
    assert (status, len(received)) == ((200, 1) if name == "upstream.example.com" else (503, 0))
    server.close()


async def test_the_stream_to_the_control_plane_may_be_mutual_tls(world: World, tmp_path: Path) -> None:
    chain, key = signed("operator.mlgate.test")
    proxy_chain, proxy_key = signed("proxy.mlgate.test")
    for file, text in (("ca", authority_pem()), ("crt", proxy_chain), ("key", proxy_key)):
        (tmp_path / file).write_text(text)
    await world.server.stop()
    tls = [ServerTls(chain, Sensitive(key), client_ca=authority_pem())]
    world.server = GatewayServer(tls=lambda: tls[0])
    await world.server.start()
    files = {
        "ca_file": str(tmp_path / "ca"),
        "certificate_file": str(tmp_path / "crt"),
        "key_file": str(tmp_path / "key"),
    }
    wanted = Bootstrap(
        world.name, "proxy-0", "127.0.0.1", world.server.port, ads_tls=AdsTls("operator.mlgate.test", **files)
    )
    world.envoy = EnvoyProcess(bootstrap(wanted), tmp_path / "tls")
    await world.serve(world.route())
    assert (await world.call(token=world.issuer.token())).status == 200
    plain = EnvoyProcess(world.bootstrap("plain"), tmp_path / "plain")
    await plain.start(wait_ready=False)
    try:

        async def failed() -> bool:
            with contextlib.suppress(EnvoyFailed):
                stats = await plain.admin("/stats?filter=^cluster.mlgate-ads.upstream_cx_destroy$")
                return int(stats.rpartition(" ")[2]) > 0
            return False

        await eventually(failed, "an attempt without TLS")
        assert [proxy.id for proxy in world.server.state(world.name).proxies] == ["proxy-0"]
    finally:
        await plain.stop(drain=False)


async def test_a_renewed_certificate_is_shown_to_the_next_proxy_without_a_restart(world: World, tmp_path: Path) -> None:
    (tmp_path / "ca").write_text(authority_pem())
    wrong, right = (signed(name) for name in ("old.mlgate.test", "operator.mlgate.test"))
    shown = [wrong]
    await world.server.stop()
    world.server = GatewayServer(tls=lambda: ServerTls(shown[0][0], Sensitive(shown[0][1])))
    await world.server.start()
    tls = AdsTls("operator.mlgate.test", str(tmp_path / "ca"))  # no certificate of its own: none is asked for
    wanted = Bootstrap(world.name, "proxy-0", "127.0.0.1", world.server.port, ads_tls=tls)
    world.envoy = EnvoyProcess(bootstrap(wanted), tmp_path / "tls")
    await world.envoy.start(wait_ready=False)
    world.publish(world.route())

    async def refused() -> bool:
        with contextlib.suppress(EnvoyFailed):
            stats = await world.envoy.admin("/stats?filter=^cluster.mlgate-ads.ssl.fail_verify_san$")
            return int(stats.rpartition(" ")[2]) > 0
        return False

    await eventually(refused, "a refusal of the certificate for another name")
    shown[0] = right
    await eventually(lambda: world.server.state(world.name).proxies, "the proxy")


async def test_stopping_lets_a_running_request_end(world: World) -> None:
    await world.serve(world.route(rules=(Rule("/stream", PathType.EXACT, ("GET",), ("predict:fraud",)),)))
    headers = {"Host": HOST, "Authorization": f"Bearer {world.issuer.token()}"}
    async with world.session.get(f"http://127.0.0.1:{world.port}/stream", headers=headers) as response:
        assert await response.content.readline() == b"data: one\n"
        stopping = asyncio.create_task(world.envoy.stop())

        async def draining() -> bool:
            return "DRAINING" in await world.envoy.admin("/server_info")

        await eventually(draining, "the drain")
        world.upstream.release.set()
        assert (await response.content.read()).endswith(b"data: two\n\n")
    await stopping
    assert not world.envoy.running


async def test_envoy_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import asyncio, pathlib, sys
        from mlgate.gateway.bootstrap import Bootstrap, bootstrap
        from mlgate.gateway.envoy import EnvoyFailed, EnvoyProcess

        async def main():
            envoy = EnvoyProcess(bootstrap(Bootstrap("ml/x", "x", "127.0.0.1", 1)), pathlib.Path(sys.argv[1]))
            await envoy.start(wait_ready=False)
            while not envoy._admin_file.exists():
                await asyncio.sleep(0.01)
            print(envoy.pid, flush=True)
            await asyncio.sleep(600)

        asyncio.run(main())
        """)
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", program, str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert "envoy" in Path(f"/proc/{pid}/comm").read_text()
    parent.send_signal(signal.SIGKILL)
    await parent.wait()

    def gone() -> bool:
        status = Path(f"/proc/{pid}/stat")
        return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"

    await eventually(gone, "the end of Envoy")


async def test_metrics_and_readiness_have_their_own_listener_and_no_other_admin_path_is_on_it(
    world: World, tmp_path: Path
) -> None:
    import socket

    free = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    admin, metrics = (each.getsockname()[1] for each in free)
    for each in free:
        each.close()
    wanted = Bootstrap(world.name, "proxy-0", "127.0.0.1", world.server.port, admin_port=admin, metrics_port=metrics)
    world.envoy = EnvoyProcess(bootstrap(wanted), tmp_path / "metrics")
    await world.serve(world.route())
    found = {}
    for path in ("/ready", "/metrics", "/config_dump", "/quitquitquit", "/stats", "/clusters"):
        async with world.session.get(f"http://127.0.0.1:{metrics}{path}") as response:
            found[path] = response.status
    assert found == {"/ready": 200, "/metrics": 200, **dict.fromkeys(list(found)[2:], 404)}


async def test_no_secret_is_in_envoys_configuration_dump(world: World) -> None:
    await world.serve(world.route())
    assert "CANARY" not in await world.envoy.admin("/config_dump?include_eds")
