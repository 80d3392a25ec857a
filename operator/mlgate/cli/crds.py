"""`mlgate crds`: the CustomResourceDefinitions, from the types."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Directory to write to.")
@click.option(
    "--check", is_flag=True, help="Write nothing; say what in --out differs, and exit with 1 if anything does."
)
def crds(out: Path | None, check: bool) -> None:
    """Print the CRDs, or write them to a directory."""
    from ..api import crd  # noqa: PLC0415

    if out is None:
        if check:
            raise click.UsageError("--check needs --out: the directory to compare with.")
        texts = crd.files()
        click.echo("---\n".join(text for name, text in texts.items() if name != "kustomization.yaml"), nl=False)
        return
    if not check:
        crd.GENERATED.write(out)
        return
    differences = crd.GENERATED.drift(out)
    for difference in differences:
        click.echo(difference, err=True)
    if differences:
        click.echo(f"Run `mlgate crds --out {out}` and commit what it writes.", err=True)
        sys.exit(1)
