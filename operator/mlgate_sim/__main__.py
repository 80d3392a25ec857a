"""`python -m mlgate_sim SERVICE`: runs one simulator until SIGINT or SIGTERM.

Each simulator's package has a `command.py` with `add_arguments(parser)` and `async def run(args) -> None`.
It is imported only when its subcommand is asked for, so that one simulator starts without the libraries of the others.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys

SIMULATORS = {
    "auth0": "an Auth0 tenant: Management API, token endpoint, JWKS",
    "azure": "Azure: Resource Manager with Azure Machine Learning, scoring, events",
}


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m mlgate_sim", description="Simulators of Auth0 and Azure.")
    commands = parser.add_subparsers(dest="service", required=True, metavar="SERVICE")
    chosen = next((word for word in given if word in SIMULATORS), None)
    for name, summary in SIMULATORS.items():
        command = commands.add_parser(name, help=summary, description=f"Simulates {summary}.")
        if name == chosen:
            importlib.import_module(f"mlgate_sim.{name}.command").add_arguments(command)
    args = parser.parse_args(given)
    module = importlib.import_module(f"mlgate_sim.{args.service}.command")
    try:
        asyncio.run(module.run(args))
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        print(f"cannot listen on port {args.port}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
