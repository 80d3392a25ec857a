"""What every simulator's command has in common: the server's arguments, one line of JSON, and an orderly end."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlgate_sim.server import ServerOptions, Simulator


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """--host, --port, --tls, --ca-out, --host-name."""
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port (default)")
    parser.add_argument("--tls", action="store_true", help="serve TLS with a throw-away CA")
    parser.add_argument("--ca-out", type=Path, metavar="FILE", help="write the CA's certificate here")
    parser.add_argument("--host-name", action="append", default=[], help="a further name for the certificate")


def server_options(args: argparse.Namespace) -> ServerOptions:
    """The arguments of `add_server_arguments` as options of a Simulator."""
    return {
        "host": args.host,
        "port": args.port,
        "tls": args.tls,
        "ca_out": args.ca_out,
        "host_names": tuple(args.host_name),
    }


async def serve(simulator: Simulator, facts: Mapping[str, Any]) -> None:
    """Serves until SIGINT or SIGTERM. Start the simulator first; `facts` are printed as one line of JSON."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, ended.set)
    print(json.dumps(dict(facts)), flush=True)
    try:
        await ended.wait()
    finally:
        await simulator.stop()
