"""`mlgate run`: the production process. Every option has an environment variable, MLGATE_ and its name."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Duration(click.ParamType[float]):
    """`90s`, `10m`, `1h30m`, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from ..api.meta import parse_duration  # noqa: PLC0415

        if isinstance(value, float):
            return value
        try:
            return parse_duration(str(value)).total_seconds()
        except ValueError as error:
            self.fail(str(error), param, ctx)


def option(name: str, **more: Any) -> Callable[[Command], Command]:
    """A click option with its environment variable."""
    variable = "MLGATE_" + name.removeprefix("--").replace("-", "_").upper()
    return click.option(name, envvar=variable, show_envvar=True, **more)


@click.command()
@option("--kubeconfig", type=FILE, help="How to reach the cluster. Default: as the pod it runs in, else KUBECONFIG.")
@option("--context", help="Which context of the kubeconfig.")
@option("--namespace", multiple=True, help="Namespace to look after; may be repeated. Default: all.")
@option("--lease-namespace", default="mlgate-system", show_default=True, help="Where replicas agree on a leader.")
@option("--lease-name", default="mlgate", show_default=True)
@option("--cluster-id", help="What marks things outside as this cluster's. Default: uid of namespace kube-system.")
@option("--host", default="0.0.0.0", show_default=True, help="Address to listen on.")  # noqa: S104 - in a pod
@option("--health-port", type=int, default=8080, show_default=True, help="/healthz, /readyz, /metrics.")
@option("--xds-port", type=int, default=18000, show_default=True, help="Where Envoys get their configuration.")
@option("--xds-tls-cert-file", type=FILE, help="Certificate of that server; without it there is no TLS.")
@option("--xds-tls-key-file", type=FILE, help="Its private key.")
@option("--xds-client-ca-file", type=FILE, help="Authority of the certificates that proxies must show.")
@option("--resync", type=Duration(), default="10m", show_default=True, help="How often all is well is verified.")
@option("--workers", type=click.IntRange(1, 256), default=16, show_default=True, help="Objects looked at at a time.")
@option("--drain", type=Duration(), default="2s", show_default=True, help="Time for proxies to go at the end.")
@option("--auth0-endpoint", help="URL to reach Auth0 at instead of https://DOMAIN.")
@option("--azure-resource-manager", help="URL of Azure Resource Manager, when not the cloud's own.")
@option("--azure-records", help="URL of run history and MLflow, when not the host that workspaces name.")
@option("--azure-authority", help="URL of Microsoft Entra, when not the cloud's own.")
@option(
    "--azure-endpoint-host",
    multiple=True,
    help="Host that AzureConnections may name in spec.endpoints; may be repeated. Default: none.",
)
@option("--azure-poll-scale", type=float, default=1.0, hidden=True)  # shortens the waits where Azure is simulated
@option("--ca-file", type=FILE, help="Certificate authorities to trust for Auth0 and Azure.")
@option("--upstream-ca-file", type=FILE, help="Certificate authorities that gateways trust for model servers.")
@option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True)
@option("--log-format", type=click.Choice(["json", "text"]), default="json", show_default=True)
def run(**given: Any) -> None:
    """Run one replica of the operator.

    Any number of replicas may run; all serve the gateways, one at a time works. Ends in order on SIGTERM.
    """
    from ..shell import logs, process  # noqa: PLC0415
    from ..shell.assembly import Outside, XdsTls  # noqa: PLC0415
    from ..store.cluster import ClusterConfigError  # noqa: PLC0415
    from ..store.protocol import StoreError  # noqa: PLC0415

    logs.configure(given["log_level"], json_lines=given["log_format"] == "json")
    certificate, key = given["xds_tls_cert_file"], given["xds_tls_key_file"]
    if (certificate is None) != (key is None) or (given["xds_client_ca_file"] and certificate is None):
        raise click.UsageError(
            "--xds-tls-cert-file and --xds-tls-key-file go together, --xds-client-ca-file needs them."
        )
    settings = process.Settings(
        kubeconfig=given["kubeconfig"],
        context=given["context"],
        namespaces=_names(given["namespace"]),
        lease_namespace=given["lease_namespace"],
        lease_name=given["lease_name"],
        cluster=given["cluster_id"],
        health_host=given["host"],
        health_port=given["health_port"],
        xds_host=given["host"],
        xds_port=given["xds_port"],
        xds_tls=XdsTls(certificate, key, given["xds_client_ca_file"]) if certificate else None,
        resync=given["resync"],
        workers=given["workers"],
        drain=given["drain"],
        outside=Outside(
            auth0_endpoint=given["auth0_endpoint"],
            azure_resource_manager=given["azure_resource_manager"],
            azure_authority=given["azure_authority"],
            azure_records=given["azure_records"],
            azure_endpoint_hosts=_names(given["azure_endpoint_host"]),
            azure_poll_scale=given["azure_poll_scale"],
            ca_file=given["ca_file"],
            upstream_ca_file=given["upstream_ca_file"],
        ),
    )
    try:
        status = asyncio.run(process.run(settings))
    except (ClusterConfigError, StoreError, OSError, RuntimeError) as error:
        raise click.ClickException(f"mlgate cannot start: {error}") from error
    sys.exit(status)


def _names(given: tuple[str, ...]) -> tuple[str, ...]:
    """Of an option that may be repeated, each time with several names."""
    return tuple(name for each in given for name in each.replace(",", " ").split())
