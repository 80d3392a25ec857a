"""`mlgate import`: files of the Azure ML CLI v2 as manifests."""

from __future__ import annotations

from pathlib import Path

import click
import yaml

from ..azureml import cli_v2
from ..errors import Terminal
from .imported import Around, Imported, manifest


@click.command("import")
@click.option(
    "-f",
    "--filename",
    "files",
    multiple=True,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML file of the Azure ML CLI v2; may be given several times.",
)
@click.option("-n", "--namespace", help="Namespace of the manifests.")
@click.option("--workspace", default="ml-workspace", show_default=True, help="The AzureMLWorkspace they are in.")
@click.option("--connection", default="azure", show_default=True, help="The AzureConnection of a workspace.")
@click.option(
    "--as",
    "sort",
    type=click.Choice([sort.value for sort in cli_v2.Sort]),
    help="What a file without $schema describes.",
)
def import_files(
    *, files: tuple[Path, ...], namespace: str | None, workspace: str, connection: str, sort: str | None
) -> None:
    """Print files of the Azure ML CLI v2 as manifests, with a comment for everything that is not carried over.

    azure-ai-ml reads the files, so what is printed means what `az ml` would have made of them. Nothing is sent anywhere.
    """
    around = Around(workspace, connection, namespace)
    shown: list[str] = []
    try:
        for file in files:
            described = cli_v2.read(file, cli_v2.Sort(sort) if sort else None)
            shown += [_document(file, manifest(each, around)) for each in described]
    except Terminal as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo("---\n".join(shown), nl=False)


def _document(file: Path, found: Imported) -> str:
    comments = [f"# From {file.name}.", *(f"# Not carried over: {line}" for line in found.left)]
    return "\n".join(comments) + "\n" + yaml.dump(found.manifest, Dumper=_Readable, sort_keys=False, allow_unicode=True)


class _Readable(yaml.SafeDumper):
    """Text of several lines as it reads."""


def _as_it_reads(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _as_it_reads)
