"""Manifests into the store: in the order of the files, strictly, again when a file changes, away when a document goes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ...store.protocol import SECRETS, Key, Resource, Store, StoreError
from .advice import advice
from .guest import MANAGER, is_part, may_apply, objection
from .manifests import Fault, Manifest, files, read

LOOK_EVERY = 0.5
LOOK_EVERY_ENDING = 0.2
"""Seconds."""


@dataclass(slots=True)
class _File:
    stamp: tuple[int, int]
    documents: dict[Key, Manifest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one pass over the files did."""

    applied: tuple[Key, ...] = ()
    deleted: tuple[Key, ...] = ()
    faults: tuple[Fault, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.applied or self.deleted or self.faults)


class Applier:
    """`paths` are files and folders. `guest`: the store is somebody's cluster, see `guest`."""

    def __init__(self, store: Store, paths: Iterable[Path], *, guest: bool = False) -> None:
        self._store = store
        self._paths = tuple(paths)
        self._guest = guest
        self._files: dict[Path, _File] = {}
        self._written: dict[Key, Resource] = {}

    async def once(self) -> Outcome:
        """Apply what is new or changed since the last time, delete what is no longer written."""
        applied: list[Key] = []
        faults: list[Fault] = []
        gone: dict[Key, Resource] = {}
        present = files(self._paths)
        for file in [each for each in self._files if each not in present]:
            gone |= {key: each.resource for key, each in self._files.pop(file).documents.items()}
        for file in present:
            stamp = _stamp(file)
            known = self._files.get(file)
            if stamp is None or (known is not None and known.stamp == stamp):
                continue
            documents, wrong = read(file)
            faults += wrong
            before = known.documents if known else {}
            self._files[file] = _File(stamp, {each.key: each for each in documents} if not wrong else before)
            for manifest in documents:
                fault = await self._apply(manifest)
                if fault:
                    faults.append(fault)
                else:
                    applied.append(manifest.key)
            if not wrong:
                gone |= {key: each.resource for key, each in before.items() if key not in self._files[file].documents}
        written = {key for each in self._files.values() for key in each.documents}
        deleted = [key for key in gone if key not in written and key in self._written]
        for key in deleted:
            await self._store.delete(self._written[key], key.namespace, key.name)
        return Outcome(tuple(applied), tuple(deleted), tuple(faults))

    async def follow(self, tell: Callable[[Outcome], None]) -> None:
        """Look at the files again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                outcome = await self.once()
            except StoreError as error:
                tell(Outcome(faults=(Fault(Path(), None, error.message),)))
                continue
            if outcome:
                tell(outcome)

    async def take_away(self, patience: float) -> list[Key]:
        """Delete everything that was written, what was written last first. Returns what is still there after `patience`
        seconds."""
        left = dict(reversed(self._written.items()))
        namespaces = {key.namespace for key in left if key.namespace}
        for key, resource in left.items():
            await self._store.delete(resource, key.namespace, key.name)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while left:  # other processes take them away: polling is all there is
                    for key in list(left):
                        if await self._store.get(left[key], key.namespace, key.name) is None:
                            del left[key], self._written[key]
                    await asyncio.sleep(LOOK_EVERY_ENDING if left else 0)
        if not left:
            await self._secrets_of_parts(namespaces)
        return list(left)

    async def _secrets_of_parts(self, namespaces: Iterable[str]) -> None:
        """Secrets that the operator made are for the garbage collector, which learns of new kinds only every 30 s and
        keeps what is owned by a kind that is gone."""
        for namespace in namespaces:
            for secret in await self._store.list(SECRETS, namespace):
                if is_part(secret):
                    await self._store.delete(SECRETS, namespace, secret["metadata"]["name"])

    async def _apply(self, manifest: Manifest) -> Fault | None:
        key = manifest.key
        try:
            if self._guest and key not in self._written:
                there = await self._store.get(manifest.resource, key.namespace, key.name)
                if there is not None and not may_apply(there):
                    words = objection(there)
                    return Fault(manifest.file, manifest.line, words) if words else None
            await self._store.apply(manifest.resource, manifest.obj, manager=MANAGER, strict=True)
        except StoreError as error:
            what = f"{manifest.obj['kind']} {manifest.obj['metadata']['name']}"
            words = f"{what} was refused: {error.message} {advice(manifest.obj['kind'], error.message)}"
            return Fault(manifest.file, manifest.line, words.rstrip())
        self._written[key] = manifest.resource
        return None


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
