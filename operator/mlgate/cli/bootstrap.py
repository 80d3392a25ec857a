"""`mlgate envoy-bootstrap`: what an Envoy must be told to be a proxy of a ModelGateway."""

from __future__ import annotations

import json
import socket

import click


@click.command("envoy-bootstrap")
@click.option("--gateway", required=True, metavar="NAMESPACE/NAME", help="The ModelGateway.")
@click.option("--node", help="Name of the proxy. Default: this machine's name.")
@click.option("--xds-host", default="mlgate-xds.mlgate-system.svc", show_default=True, help="Where mlgate serves.")
@click.option("--xds-port", default=18000, show_default=True)
@click.option("--admin-port", default=9901, show_default=True, help="On 127.0.0.1 only.")
@click.option("--metrics-port", default=9902, show_default=True, help="/metrics and /ready; 0 for none.")
@click.option("--metrics-address", default="0.0.0.0", show_default=True)  # noqa: S104 - scraped from outside the pod
@click.option("--max-connections", default=20_000, show_default=True)
@click.option("--max-heap-mib", default=2048, show_default=True)
def envoy_bootstrap(
    *,
    gateway: str,
    node: str | None,
    xds_host: str,
    xds_port: int,
    admin_port: int,
    metrics_port: int,
    metrics_address: str,
    max_connections: int,
    max_heap_mib: int,
) -> None:
    """Print it as JSON, for `envoy --config-path`."""
    from ..gateway.bootstrap import Bootstrap, bootstrap  # noqa: PLC0415

    if gateway.count("/") != 1:
        raise click.BadParameter("write it as NAMESPACE/NAME", param_hint="--gateway")
    wanted = Bootstrap(
        gateway=gateway,
        node=node or socket.gethostname(),
        ads_host=xds_host,
        ads_port=xds_port,
        admin_port=admin_port,
        metrics_address=metrics_address,
        metrics_port=metrics_port or None,
        max_connections=max_connections,
        max_heap_bytes=max_heap_mib << 20,
    )
    click.echo(json.dumps(bootstrap(wanted), indent=2))
