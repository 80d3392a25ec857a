"""`python -m mlgate_sim azure`: the Azure simulator as a process of its own."""

from __future__ import annotations

import argparse

from mlgate_sim.azure.simulator import AzureSimulator
from mlgate_sim.standalone import add_server_arguments, serve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options. TLS is always on, `--tls` changes nothing."""
    add_server_arguments(parser)
    parser.add_argument("--operation-seconds", type=float, default=0.5, help="how long operations take (%(default)s)")
    parser.add_argument("--tenant", help="the tenant's id (default: made up)")
    parser.add_argument("--client-id", help="the application's id (default: made up)")
    parser.add_argument("--client-secret", help="the application's secret (default: made up)")
    parser.add_argument("--subscription", help="the subscription's id (default: made up)")
    parser.add_argument("--resource-group", default="mlgate", help="the resource group there is (%(default)s)")
    parser.add_argument("--location", default="westeurope", help="its region (%(default)s)")
    parser.add_argument("--seed-workspace", metavar="NAME", help="start with this workspace (default: none)")


async def run(args: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM; print one line of JSON with what a client needs."""
    azure = AzureSimulator(
        host=args.host,
        port=args.port,
        ca_out=args.ca_out,
        host_names=tuple(args.host_name),
        operation_seconds=args.operation_seconds,
        tenant=args.tenant,
        client_id=args.client_id,
        client_secret=args.client_secret,
        subscription=args.subscription,
        resource_group=args.resource_group,
        location=args.location,
        seed_workspace=args.seed_workspace,
    )
    await azure.start()
    facts = {
        "url": azure.url,
        "ca_file": str(azure.ca_file),
        "tenant": azure.tenant,
        "client_id": azure.client_id,
        "client_secret": azure.client_secret,
        "subscription": azure.subscription,
        "resource_group": azure.resource_group,
        "location": azure.location,
    }
    await serve(azure, facts)
