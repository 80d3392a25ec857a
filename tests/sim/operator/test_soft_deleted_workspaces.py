"""A workspace that was deleted holds its name for 14 days: told, and purged only when the manifest says so."""

from __future__ import annotations

from .manifests import azure_secret, namespace, of_quickstart, workspace
from .world import World

WORKSPACE = ("AzureMLWorkspace", "ml-workspace")


async def deleted_once(world: World) -> None:
    """A workspace was made and deleted, softly."""
    await world.apply(namespace("ml"), azure_secret(), of_quickstart("AzureConnection"))
    await world.apply(workspace(purgeOnDelete=False))
    await world.ready(WORKSPACE)
    await world.delete(workspace())
    await world.gone(WORKSPACE)


def purges(world: World) -> int:
    deletes = world.azure.requests.matching("DELETE", "/workspaces/ml-workspace$")
    return len([e for e in deletes if e.query.get("forceToPurge") == ["true"]])


async def test_a_deleted_twin_is_told_with_the_ways_out(world: World) -> None:
    await deleted_once(world)
    await world.apply(workspace())
    words = ("deleted twin", "14 days", "softDeletedTwin: Purge", "Recover it in the Azure portal")
    await world.says(*WORKSPACE, "ExternalConflict", *words)
    assert purges(world) == 0


async def test_a_deleted_twin_is_purged_when_the_manifest_asks(world: World) -> None:
    await deleted_once(world)
    await world.apply(workspace())
    await world.says(*WORKSPACE, "ExternalConflict")
    await world.apply(workspace(softDeletedTwin="Purge"))
    await world.ready(WORKSPACE)
    assert purges(world) == 1


async def test_nothing_is_purged_while_the_workspace_lives(world: World) -> None:
    await world.apply(namespace("ml"), azure_secret(), of_quickstart("AzureConnection"))
    await world.apply(workspace(softDeletedTwin="Purge"))
    await world.ready(WORKSPACE)
    assert purges(world) == 0
