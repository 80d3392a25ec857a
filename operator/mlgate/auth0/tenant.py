"""The tenant's own settings. Recordings TestAccTenant*."""

from __future__ import annotations

from .access import Raw
from .collection import Body, with_body
from .wire import Wire


class Tenant:
    """The tenant's own settings."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def settings(self) -> Raw:
        """What GET says: the only source of what is set."""
        return (await self._wire.call(lambda api: api.tenants.settings.get())).body()

    async def update(self, body: Body) -> Raw:
        """Changes settings. The answer lacks some fields and shows others that GET hides: never compare with it."""
        return (await self._wire.call(lambda api: api.tenants.settings.update(request_options=with_body(body)))).body()
