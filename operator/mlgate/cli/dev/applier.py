"""Manifests into the store: in the order of the files, strictly, again when a file changes, away when a document goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ...store.protocol import Key, Resource, Store, StoreError
from .advice import advice
from .manifests import Fault, Manifest, files, read

MANAGER = "mlgate-dev"
"""Our name as the one who applies, as kubectl has one."""
LOOK_EVERY = 0.5


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
    """`paths` are files and folders."""

    def __init__(self, store: Store, paths: Iterable[Path]) -> None:
        self._store = store
        self._paths = tuple(paths)
        self._files: dict[Path, _File] = {}

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
        deleted = [key for key in gone if key not in written]
        for key in deleted:
            await self._store.delete(gone[key], key.namespace, key.name)
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

    async def _apply(self, manifest: Manifest) -> Fault | None:
        try:
            await self._store.apply(manifest.resource, manifest.obj, manager=MANAGER, strict=True)
        except StoreError as error:
            what = f"{manifest.obj['kind']} {manifest.obj['metadata']['name']}"
            words = f"{what} was refused: {error.message} {advice(manifest.obj['kind'], error.message)}"
            return Fault(manifest.file, manifest.line, words.rstrip())
        return None


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
