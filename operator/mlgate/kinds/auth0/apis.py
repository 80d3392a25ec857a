"""Which API a reference means, and whether it has the permissions that are asked of it."""

from __future__ import annotations

from collections.abc import Sequence

from ...api.references import ApiRef
from ...engine.protocols import Owner
from ...engine.references import Resolved
from ...errors import Terminal
from .. import links


def audience(owner: Owner, ref: ApiRef, refs: Resolved, permissions: Sequence[str]) -> str:
    """The API's identifier. Raises Terminal for permissions that an Auth0API of ours does not have: the service would
    only say that a scope is unknown."""
    if not ref.name:
        assert ref.identifier is not None
        return ref.identifier
    target = refs.targets[links.key("Auth0API", owner, ref)]
    known = [permission["name"] for permission in target.spec.get("permissions") or ()]
    unknown = sorted(set(permissions) - set(known))
    if unknown and target.spec.get("permissions") is not None:
        raise Terminal(
            f"Auth0API {target.namespace}/{target.name} has no permission {', '.join(unknown)}; it has "
            f"{', '.join(sorted(known)) or 'none'}. Correct the name here, or add the permission there."
        )
    return str(target.spec["identifier"])
