"""`mlgate get` and `mlgate describe`: kubectl's two most used words, for where there is no kubectl."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml

from ..api import KINDS
from ..store.protocol import EVENTS, SECRETS, Object, Resource
from . import table
from .dev.lookup import redacted
from .source import Source, resource_named, source
from .story import story

Command = TypeVar("Command", bound=Callable[..., Any])


def where_options(command: Command) -> Command:
    """--kubeconfig, --context, --state-dir, --namespace."""
    path = click.Path(path_type=Path)
    for each in (
        click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A cluster."),
        click.option("--context", help="Which context of the kubeconfig."),
        click.option("--state-dir", type=path, default=".mlgate", show_default=True, help="Of the mlgate dev to ask."),
        click.option("-n", "--namespace", help="Only this namespace."),
    ):
        command = each(command)
    return command


@click.command()
@click.argument("kind", required=False)
@click.argument("name", required=False)
@where_options
@click.option("-A", "--all-namespaces", is_flag=True, help="Every namespace (the default without -n).")
@click.option("-o", "--output", type=click.Choice(["wide", "yaml", "json", "name"]), help="Form of the output.")
def get(
    *,
    kind: str | None,
    name: str | None,
    kubeconfig: Path | None,
    context: str | None,
    state_dir: Path,
    namespace: str | None,
    all_namespaces: bool,
    output: str | None,
) -> None:
    """Show objects: all of mlgate's, those of one KIND, or one by NAME."""
    if all_namespaces and namespace:
        raise click.UsageError("Say either -n or -A.")
    everything = kind in (None, "mlgate", "all")
    resources = [each.resource for each in KINDS.values()] if everything else [resource_named(str(kind))]

    async def read() -> list[list[Object]]:
        async with source(kubeconfig, context, state_dir) as store:
            return [_named(await store.list(each, namespace), name) for each in resources]

    groups = [group for group in asyncio.run(read()) if group]
    if not groups:
        what = f"{kind} {name}" if name else "Nothing"
        raise click.ClickException(f"{what} found{f' in namespace {namespace}' if namespace else ''}.")
    click.echo(_rendered(groups, output, namespace), nl=False)


def _named(objects: Sequence[Object], name: str | None) -> list[Object]:
    found = [redacted(obj) for obj in objects if name is None or obj["metadata"]["name"] == name]
    return sorted(found, key=lambda obj: (obj["metadata"].get("namespace", ""), obj["metadata"]["name"]))


def _rendered(groups: Sequence[Sequence[Object]], output: str | None, namespace: str | None) -> str:
    flat = [_tidy(obj) for group in groups for obj in group]
    if output in ("yaml", "json"):
        shown: Any = flat[0] if len(flat) == 1 else {"apiVersion": "v1", "kind": "List", "items": flat}
        if output == "json":
            return json.dumps(shown, indent=2) + "\n"
        return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)
    if output == "name":
        return "".join(f"{_prefix(obj)}{obj['metadata']['name']}\n" for obj in flat)
    now, several = table.now_unix(), len(groups) > 1
    blocks = []
    for group in groups:
        prefix = _prefix(group[0]) if several else ""
        namespaced = namespace is None and "namespace" in group[0]["metadata"]
        rows = table.rows(group, now=now, wide=output == "wide", namespaced=namespaced, prefix=prefix)
        blocks.append(table.align(rows))
    return "\n".join(blocks)


def _prefix(obj: Object) -> str:
    group, _, _ = obj["apiVersion"].rpartition("/")
    return f"{obj['kind'].lower()}.{group}/" if group else f"{obj['kind'].lower()}/"


def _tidy(obj: Object) -> Object:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "metadata": metadata}


@click.command()
@click.argument("kind")
@click.argument("name")
@where_options
def describe(
    *, kind: str, name: str, kubeconfig: Path | None, context: str | None, state_dir: Path, namespace: str | None
) -> None:
    """Tell the whole story of the object NAME of KIND: what is asked, how it stands, what happened."""
    resource = resource_named(kind)

    async def read() -> str:
        async with source(kubeconfig, context, state_dir) as store:
            return await _told(store, resource, namespace, name)

    click.echo(asyncio.run(read()), nl=False)


async def _told(store: Source, resource: Resource, namespace: str | None, name: str) -> str:
    found = _named(await store.list(resource, namespace), name)
    if not found:
        within = f" in namespace {namespace}" if namespace else ""
        raise click.ClickException(f"There is no {resource.kind} {name}{within}.")
    if len(found) > 1:
        where = ", ".join(obj["metadata"]["namespace"] for obj in found)
        raise click.ClickException(f"{resource.kind} {name} exists in several namespaces ({where}): say -n.")
    obj, own = _tidy(found[0]), found[0]["metadata"].get("namespace")
    uid = obj["metadata"]["uid"]
    events = [e for e in await store.list(EVENTS, own) if (e.get("involvedObject") or {}).get("uid") == uid]
    children = []
    if resource.kind in KINDS:
        for each in (*(kind.resource for kind in KINDS.values()), SECRETS):
            children += [
                redacted(child)
                for child in await store.list(each, own)
                if uid in (ref["uid"] for ref in child["metadata"].get("ownerReferences") or ())
            ]
    return story(obj, events, children, table.now_unix())
