"""The entry point: which commands there are."""

from __future__ import annotations

import importlib
from typing import Any

import click

from .. import __version__

COMMANDS = {
    "run": ("run:run", "Run the operator in a cluster."),
    "dev": ("dev.command:dev", "Run everything on this machine: simulators, a real Envoy and the operator."),
    "get": ("look:get", "Show objects as kubectl does."),
    "describe": ("look:describe", "Tell the whole story of an object."),
    "token": ("token:token", "Print an access token for the application whose Secret this is."),
    "import": ("import_files:import_files", "Print files of the Azure ML CLI v2 as manifests."),
    "crds": ("crds:crds", "Write or check the CustomResourceDefinitions."),
    "envoy-bootstrap": ("bootstrap:envoy_bootstrap", "Print the bootstrap configuration of a gateway's Envoy."),
}


class Commands(click.Group):
    """Knows the commands by name and loads one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: Any = getattr(importlib.import_module(f"mlgate.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mlgate")
def main() -> None:
    """Machine-learning models on Azure, made safe to call: Azure ML, Auth0 and the gateway from one manifest."""


if __name__ == "__main__":
    main()
