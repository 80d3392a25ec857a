"""Users. Recordings TestAccUser*, TestUserManager_*.

The search of users lags behind and finds at most 1,000 (shared facts, auth0 section 2.2), so nothing here rests on it
where another way is: a user is read by id, one request per user and look, and found by email. Both know every write at
once. Only who has neither an email nor an id that we chose is searched for, by our mark.
"""

from __future__ import annotations

from auth0.management.core.request_options import RequestOptions

from .access import Raw
from .collection import Body, Collection, Send, checked_id, paging, with_body
from .faults import missing_field
from .listing import list_all

CUSTOM_DOMAIN = "custom_domain"
"""Not a field of a user: it travels in a header (recording TestAccUserCustomDomains)."""


class Users(Collection):
    """Users, by `user_id` (`auth0|...`)."""

    key = "user_id"
    plural = "users"

    async def get(self, object_id: str) -> Raw | None:
        """The user, always asked of the service: there is no listing that could answer for it."""
        received = await self._wire.call(self._reading(checked_id(object_id)))
        return None if received.absent else received.body(self.key)

    async def by_email(self, email: str) -> list[Raw]:
        """Those with this address, in whatever connection."""
        received = await self._wire.call(lambda api: api.users.list_users_by_email(email=email.lower()))
        found = received.answer.body
        if not isinstance(found, list) or not all(isinstance(user, dict) and user.get(self.key) for user in found):
            raise missing_field(received.asked, f"[].{self.key}")
        return [user for user in found if str(user.get("email", "")).lower() == email.lower()]

    async def marked(self, field: str, value: str) -> list[Raw]:
        """Those whose `app_metadata` has this value, as far as the search knows by now."""
        found = await self._search(f'app_metadata.{field}:"{value}"')
        return [user for user in found if (user.get("app_metadata") or {}).get(field) == value]

    async def holding(self, field: str, value: str) -> list[Raw]:
        """Those whose `username` or `phone_number` this is, as far as the search knows by now."""
        found = await self._search(f'{field}:"{value}"')
        return [user for user in found if str(user.get(field, "")).lower() == value.lower()]

    async def _search(self, query: str) -> list[Raw]:
        return await list_all(
            lambda number: self._wire.call(
                lambda api: api.users.list(q=query, search_engine="v3", request_options=paging(number))
            ),
            plural=self.plural,
            key=(self.key,),
        )

    def _reading(self, object_id: str) -> Send:
        return lambda api: api.users.get(object_id)

    def _creating(self, body: Body) -> Send:
        return lambda api: api.users.create(connection=body["connection"], request_options=_options(body))

    def _updating(self, object_id: str, body: Body) -> Send:
        return lambda api: api.users.update(object_id, request_options=_options(body))

    def _deleting(self, object_id: str) -> Send:
        return lambda api: api.users.delete(object_id)

    def _paging(self, number: int) -> Send:
        return lambda api: api.users.list(search_engine="v3", request_options=paging(number))


def _options(body: Body) -> RequestOptions:
    options = with_body({name: value for name, value in body.items() if name != CUSTOM_DOMAIN})
    if body.get(CUSTOM_DOMAIN):
        options["additional_headers"] = {"Auth0-Custom-Domain": body[CUSTOM_DOMAIN]}
    return options
