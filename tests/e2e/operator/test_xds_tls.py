"""The way between a gateway's Envoy and `mlgate run` over TLS, from the options that users write to a call that passes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlgate.gateway.envoy import EnvoyFailed, EnvoyProcess
from sim.gateway.certificates import authority_pem, signed

from .conftest import Stage
from .waiting import eventually
from .world import World

NAME = "mlgate-xds.mlgate-system.svc"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """What the Secrets of `deploy/components/xds-tls` hold."""
    for name, (chain, key) in {"server": signed(NAME), "proxy": signed("gateway-public.ml")}.items():
        (tmp_path / f"{name}.crt").write_text(chain)
        (tmp_path / f"{name}.key").write_text(key)
    (tmp_path / "ca.crt").write_text(authority_pem())
    return tmp_path


@pytest.fixture
def world(stage: Stage, files: Path) -> World:
    """Its operator serves gateways that show a certificate, and no others."""
    made = stage()
    made.operator.start(
        *("--xds-tls-cert-file", str(files / "server.crt"), "--xds-tls-key-file", str(files / "server.key")),
        *("--xds-client-ca-file", str(files / "ca.crt")),
    )
    return made


@pytest.fixture
def envoy(world: World, files: Path) -> Iterator[EnvoyProcess]:
    """With the bootstrap that `mlgate envoy-bootstrap` prints."""
    command = [
        *(sys.executable, "-m", "mlgate.cli.main", "envoy-bootstrap", "--gateway", "ml/public", "--node", "tls"),
        *("--xds-host", "127.0.0.1", "--xds-port", str(world.operator.xds_port), "--xds-server-name", NAME),
        *("--xds-ca-file", str(files / "ca.crt")),
        *("--xds-cert-file", str(files / "proxy.crt"), "--xds-key-file", str(files / "proxy.key")),
        *("--admin-port", "0", "--metrics-port", "0"),
    ]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    made = EnvoyProcess(json.loads(printed), files / "envoy", drain_seconds=1)
    background = world.outside.background
    background.run(made.start(wait_ready=False))
    yield made
    background.run(made.stop(5.0, drain=False))


def test_a_gateway_is_configured_over_tls_and_one_without_a_certificate_is_not(
    world: World, envoy: EnvoyProcess
) -> None:
    world.apply()
    world.wait_answer(200, world.token("checkout"))

    def admin(path: str) -> str:
        try:
            return world.outside.background.run(envoy.admin(path))
        except EnvoyFailed as failed:
            raise AssertionError(str(failed)) from failed

    def handshakes() -> bool:
        told = admin("/stats?filter=^cluster.mlgate-ads.ssl.handshake$")
        assert int(told.rpartition(" ")[2]) > 0, told
        return True

    eventually(handshakes, "a TLS handshake with the operator")
    assert not world.proxy.connected(), "the other Envoy speaks no TLS"
    gateway = world.get("ModelGateway", "public")
    assert gateway is not None
    assert gateway["status"]["proxies"] == 1
