"""The quickstart as a user's own copy of it: a folder of files that tests edit and apply with kubectl."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from mlgate.store.protocol import Object

ROOT = Path(__file__).resolve().parents[3]
QUICKSTART = ROOT / "examples" / "quickstart"
GATEWAY = "31-gateway.yaml"


class Manifests:
    """A copy of `examples/quickstart` whose gateway listens on a port that is free on this machine."""

    def __init__(self, folder: Path, gateway_port: int) -> None:
        self.folder = folder
        shutil.copytree(QUICKSTART, folder)
        self.edit(GATEWAY, lambda gateway: gateway["spec"]["listeners"][0].update(port=gateway_port))

    @property
    def files(self) -> list[Path]:
        """In the order in which kubectl takes them."""
        return sorted(self.folder.glob("*.yaml"))

    def objects(self) -> list[Object]:
        """Every object, in file order."""
        return [obj for file in self.files for obj in self._read(file)]

    def edit(self, file: str, change: Callable[[Any], object]) -> None:
        """Changes the only (or first) object of a file."""
        path = self.folder / file
        found = self._read(path)
        change(found[0])
        path.write_text(yaml.safe_dump_all(found, sort_keys=False))

    def add(self, file: str, *objects: Object) -> None:
        """One more file."""
        (self.folder / file).write_text(yaml.safe_dump_all(objects, sort_keys=False))

    @contextmanager
    def edited(self, file: str, change: Callable[[Any], object]) -> Iterator[None]:
        """The same, and back to what was there."""
        before = (self.folder / file).read_text()
        self.edit(file, change)
        try:
            yield
        finally:
            (self.folder / file).write_text(before)

    @staticmethod
    def _read(path: Path) -> list[Any]:
        return [obj for obj in yaml.safe_load_all(path.read_text()) if obj]
