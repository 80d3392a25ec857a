"""The owner mark: how something outside says which object it belongs to.

Written into whatever room a service has (Auth0 `client_metadata`, Azure tags). With it an object finds its own again
after a crash between a create and its answer, or after its status was lost (ENGINE rules 2, 3 and 6).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

LONGEST = 255
"""Characters that every service with room for a mark has for one value (Auth0 client_metadata; Azure tags have 256)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Whose it is. `cluster` tells clusters apart that share a tenant or a subscription."""

    cluster: str
    kind: str
    namespace: str
    name: str
    uid: str

    @property
    def owner(self) -> str:
        """Cluster, kind and name in one value; the same object restored from a backup has the same one."""
        text = f"{self.cluster}/{self.kind}/{self.namespace}/{self.name}"
        if len(text) <= LONGEST:
            return text
        return f"{text[: LONGEST - 17]}~{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def is_on(self, *, owner: str | None, uid: str | None) -> bool | None:
        """Whether a mark found outside is this object's: True, False (another's), None when there is no mark."""
        if not owner and not uid:
            return None
        return uid == self.uid or owner == self.owner
