"""How a deployment leaves: with its endpoint, or by itself once no call can reach it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ...azureml import Progress, Resources
from ...engine.protocols import Deletion, Seen
from ...engine.references import Target
from .in_workspace import Placed
from .on_azure import going


async def ended(
    conn: Placed, collection: Resources, seen: Seen, behind: Target, needed: Callable[[str], Awaitable[str]]
) -> Deletion:
    """`behind`: its endpoint; `needed` says, given its ARM id, why it must stay for now (empty: it need not)."""
    again = conn.session.look_again(collection.subject)
    goes_along = behind.deleting and behind.spec.get("deletionPolicy", "Delete") == "Delete"
    progress: Progress = seen.raw["mlgate"]["progress"]
    if goes_along:
        return Deletion(done=False, again=again, message="Goes with its endpoint.", begun=not progress.settled)
    if not progress.settled:
        return Deletion(done=False, again=progress.after, message=going(progress))
    if why := await needed(seen.id):
        return Deletion(done=False, again=again, message=why, begun=False)
    if await collection.delete(seen.id) is None:
        return Deletion(done=True)
    return Deletion(done=False, again=again)
