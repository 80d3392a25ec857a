"""Gathering what an object refers to: other objects from the cache, Secrets and ConfigMaps by name from the store.

ConfigMaps are not watched: a change of one is seen at the next look, at the latest after the resync interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pydantic import BaseModel, ValidationError

from ..errors import Terminal, Wait
from ..reasons import Reason
from ..sensitive import Sensitive
from ..store.protocol import CONFIG_MAPS, SECRETS, Key, Object, Store
from . import objects
from .cache import Cache
from .clock import Clock
from .references import CONFIG_MAP, SECRET, Need, Ref, Resolved, Target, check, secret_data, targets
from .writer import Writer

RECENT = 5.0
MISSING_LOOK = 30.0
"""Seconds until a ConfigMap that is missing is looked for again: nothing says when it comes."""


class Resolver:
    """Resolves references and keeps the reverse index and the Secret guards."""

    def __init__(
        self, store: Store, cache: Cache, writer: Writer, clock: Clock, noted: Callable[[Object], None]
    ) -> None:
        self._noted = noted
        self._clock = clock
        self._recent: dict[Key, tuple[float, Object | None]] = {}
        self._store = store
        self._cache = cache
        self._writer = writer

    async def resolve(
        self, key: Key, refs: Iterable[Ref], *, deleting: bool = False, guarding: bool = False
    ) -> Resolved:
        """All references of one object; `guarding` puts the guard on Secrets that ask for one.

        The index is kept even when a reference is missing: its coming must wake the object.
        Raises Wait, Denied or Terminal for the first that is not as needed.
        """
        waiting = list(refs)
        known = targets(waiting)
        self._cache.refers(key, known)
        found: dict[Key, Target] = {}
        secrets: dict[Key, Mapping[str, Sensitive]] = {}
        config_maps: dict[Key, Mapping[str, str]] = {}
        while waiting:
            ref = waiting.pop(0)
            if ref.target.kind == SECRET:
                data = await self._secret(ref, key, deleting=deleting, guarding=guarding)
                if data is not None:
                    secrets[ref.target] = data
                continue
            if ref.target.kind == CONFIG_MAP:
                if not deleting:
                    config_maps[ref.target] = await self._config_map(ref, key)
                continue
            target = check(ref, key, self._cache.get(ref.target), deleting=deleting)
            if target is not None:
                found[ref.target] = target
                behind = list(ref.then(target)) if ref.then else []
                known |= {further.target for further in behind if further.target.kind != SECRET}
                self._cache.refers(key, known)
                waiting.extend(behind)
        return Resolved(found, secrets, config_maps)

    async def _config_map(self, ref: Ref, key: Key) -> Mapping[str, str]:
        found = await self._store.get(CONFIG_MAPS, ref.target.namespace, ref.target.name)
        if found is None:
            raise Wait(
                f"{ref.target} does not exist; {ref.path} of {key} refers to it. Create it, or correct the name.",
                reason=Reason.DEPENDENCY_NOT_FOUND,
                after=MISSING_LOOK,
            )
        return found.get("data") or {}

    async def _secret(self, ref: Ref, key: Key, *, deleting: bool, guarding: bool) -> Mapping[str, Sensitive] | None:
        secret = await (self.read_secret(ref.target) if ref.guard else self._recent_secret(ref.target))
        if secret is None and (ref.need is Need.MAYBE or deleting):
            return None
        data = secret_data(ref, key, secret)
        if ref.guard and secret is not None:
            if guarding and not objects.deleting(secret):
                secret = await self._writer.guard(SECRETS, secret)
            self._noted(secret)
        return data

    async def _recent_secret(self, key: Key) -> Object | None:
        """A Secret that many objects share (a tenant's credentials), at most RECENT seconds old."""
        kept, now = self._recent.get(key), self._clock.monotonic()
        if kept is None or now - kept[0] > RECENT:
            kept = self._recent[key] = (now, await self.read_secret(key))
        return kept[1]

    def forget_secret(self, key: Key) -> None:
        """It changed."""
        self._recent.pop(key, None)

    async def read_secret(self, key: Key) -> Object | None:
        """A Secret, freshly."""
        return await self._store.get(SECRETS, key.namespace, key.name)

    async def guard(self, refs: Iterable[Ref]) -> None:
        """The object holds its finalizer now: what is needed to delete it must stay as long."""
        for ref in refs:
            secret = await self.read_secret(ref.target) if ref.guard else None
            if secret is not None and not objects.deleting(secret):
                self._noted(await self._writer.guard(SECRETS, secret))

    async def release_guards(self, key: Key, refs: Iterable[Ref]) -> None:
        """The object is going: Secrets that nobody else needs for deleting may go too."""
        for ref in refs:
            if not ref.guard or any(other != key for other in self._cache.referrers(ref.target)):
                continue
            secret = await self.read_secret(ref.target)
            if secret is not None and objects.GUARD in objects.finalizers(secret):
                await self._writer.release(SECRETS, secret, objects.GUARD)


def parse(spec_type: type[BaseModel], key: Key, obj: Object) -> BaseModel:
    """The typed spec. Raises Terminal InvalidSpec with the fields that are wrong."""
    try:
        return spec_type.model_validate(objects.spec(obj))
    except ValidationError as error:
        wrong = "; ".join(
            f"spec.{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in error.errors()[:5]
        )
        raise Terminal(f"The manifest of {key} cannot be understood: {wrong}. Correct these fields.") from None
