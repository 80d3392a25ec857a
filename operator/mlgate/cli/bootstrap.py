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
@click.option(
    "--xds-ca-file", metavar="FILE", help="Authority of that server's certificate, as the proxy sees the file."
)
@click.option("--xds-server-name", help="Name in that certificate. Default: the host.")
@click.option("--xds-cert-file", metavar="FILE", help="Certificate that the proxy shows, where mlgate asks for one.")
@click.option("--xds-key-file", metavar="FILE", help="Its private key.")
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
    xds_ca_file: str | None,
    xds_server_name: str | None,
    xds_cert_file: str | None,
    xds_key_file: str | None,
    admin_port: int,
    metrics_port: int,
    metrics_address: str,
    max_connections: int,
    max_heap_mib: int,
) -> None:
    """Print it as JSON, for `envoy --config-path`.

    With --xds-ca-file the proxy asks over TLS, as it must where mlgate runs with --xds-tls-cert-file.
    """
    from ..gateway.bootstrap import AdsTls, Bootstrap, bootstrap  # noqa: PLC0415

    if gateway.count("/") != 1:
        raise click.BadParameter("write it as NAMESPACE/NAME", param_hint="--gateway")
    if (xds_cert_file is None) != (xds_key_file is None) or ((xds_cert_file or xds_server_name) and not xds_ca_file):
        raise click.UsageError("--xds-cert-file and --xds-key-file go together; they and the name need --xds-ca-file.")
    tls = AdsTls(xds_server_name or xds_host, xds_ca_file, xds_cert_file, xds_key_file) if xds_ca_file else None
    wanted = Bootstrap(
        gateway=gateway,
        node=node or socket.gethostname(),
        ads_host=xds_host,
        ads_port=xds_port,
        ads_tls=tls,
        admin_port=admin_port,
        metrics_address=metrics_address,
        metrics_port=metrics_port or None,
        max_connections=max_connections,
        max_heap_bytes=max_heap_mib << 20,
    )
    click.echo(json.dumps(bootstrap(wanted), indent=2))
