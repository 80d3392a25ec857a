"""`mlgate token`: an access token for an application, as the workload that mounts its Secret would get one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click


@click.command()
@click.argument("secret", metavar="NAMESPACE/SECRET")
@click.option("--audience", help="The API to ask for. Default: what the Secret says.")
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A cluster.")
@click.option("--context", help="Which context of the kubeconfig.")
@click.option("--state-dir", type=click.Path(path_type=Path), default=".mlgate", show_default=True)
def token(*, secret: str, audience: str | None, kubeconfig: Path | None, context: str | None, state_dir: Path) -> None:
    """Print an access token for the application whose Secret this is. Use it as $(mlgate token ...)."""
    namespace, slash, name = secret.partition("/")
    if not (namespace and slash and name):
        raise click.BadParameter("write it as NAMESPACE/SECRET", param_hint="SECRET")
    click.echo(asyncio.run(_token(namespace, name, audience, kubeconfig=kubeconfig, context=context, state=state_dir)))


async def _token(
    namespace: str, name: str, audience: str | None, *, kubeconfig: Path | None, context: str | None, state: Path
) -> str:
    from ..store.protocol import SECRETS  # noqa: PLC0415
    from .dev.lookup import DevSource  # noqa: PLC0415
    from .dev.tokens import TokenRefused, application, fetch_token  # noqa: PLC0415
    from .source import source  # noqa: PLC0415

    async with source(kubeconfig, context, state) as store:
        if isinstance(store, DevSource):
            return await store.token(namespace, name, audience)
        try:
            found = application(await store.get(SECRETS, namespace, name), f"{namespace}/{name}")
            return (await fetch_token(found, audience)).reveal()
        except TokenRefused as refused:
            raise click.ClickException(str(refused)) from refused
