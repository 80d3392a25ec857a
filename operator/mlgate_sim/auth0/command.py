"""`python -m mlgate_sim auth0`: one tenant, until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse

from mlgate_sim.auth0.plans import PLANS
from mlgate_sim.auth0.simulator import Auth0Simulator
from mlgate_sim.standalone import add_server_arguments, serve, server_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server_arguments(parser)
    parser.add_argument("--domain", help="what the tenant calls itself (default host:port)")
    parser.add_argument("--client-id", help="of the operator's own application (default random)")
    parser.add_argument("--client-secret", help="of the operator's own application (default random)")
    parser.add_argument("--plan", choices=sorted(PLANS), default="generous", help="limits (default %(default)s)")
    parser.add_argument(
        "--visibility-delay",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long a new object stays out of lists (default %(default)s)",
    )


async def run(args: argparse.Namespace) -> None:
    auth0 = Auth0Simulator(
        domain=args.domain,
        client_id=args.client_id,
        client_secret=args.client_secret,
        plan=args.plan,
        visibility_delay_seconds=args.visibility_delay,
        **server_options(args),
    )
    await auth0.start()
    facts = {
        "url": auth0.url,
        "domain": auth0.domain,
        "issuer": auth0.issuer,
        "ca_file": str(auth0.ca_file) if auth0.ca_file else None,
        "client_id": auth0.client_id,
        "client_secret": auth0.client_secret,
    }
    await serve(auth0, facts)
