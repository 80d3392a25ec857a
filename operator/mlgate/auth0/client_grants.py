"""Client grants. Recordings TestAccClientGrant*."""

from __future__ import annotations

from .access import Raw
from .collection import Body, Collection, Send, only, paging, with_body
from .listing import list_all


class ClientGrants(Collection):
    """Which application may ask for which scopes of which API. One per client, audience and subject type."""

    plural = "client_grants"

    async def by_key(self, client_id: str, audience: str, *, subject_type: str) -> Raw | None:
        """The grant of that client on that API in that name, asked of the service."""
        found = await list_all(
            lambda number: self._wire.call(
                lambda api: api.client_grants.list(
                    client_id=client_id, audience=audience, take=None, request_options=paging(number)
                )
            ),
            plural=self.plural,
            key=("id",),
        )
        # a filter that the service ignores must not hand out somebody else's grant
        return only(
            f"{subject_type} grants of {client_id} on {audience}",
            [
                grant
                for grant in found
                if (grant.get("client_id"), grant.get("audience")) == (client_id, audience)
                and grant.get("subject_type", "client") == subject_type
            ],
        )

    async def of_api(self, audience: str) -> list[Raw]:
        """All grants on that API, asked of the service."""
        found = await list_all(
            lambda number: self._wire.call(
                lambda api: api.client_grants.list(audience=audience, take=None, request_options=paging(number))
            ),
            plural=self.plural,
            key=("id",),
        )
        return [grant for grant in found if grant.get("audience") == audience]

    def _reading(self, object_id: str) -> Send:
        return lambda api: api.client_grants.get(object_id)

    def _creating(self, body: Body) -> Send:
        return lambda api: api.client_grants.create(audience=body.get("audience", ...), request_options=with_body(body))

    def _updating(self, object_id: str, body: Body) -> Send:
        return lambda api: api.client_grants.update(object_id, request_options=with_body(body))

    def _deleting(self, object_id: str) -> Send:
        return lambda api: api.client_grants.delete(object_id)

    def _paging(self, number: int) -> Send:
        # `take` would switch to checkpoint pages, which tell no total
        return lambda api: api.client_grants.list(take=None, request_options=paging(number))
