"""Files that are generated and committed: written, or held against what would be written. One way for all of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Generated:
    """What one step generates. `texts`: by path below `--out`, "" being `--out` itself. `pattern`: a glob of the files
    below `--out` that are nobody else's, so that those which are not generated any more go."""

    command: str
    told: str
    texts: Callable[[], Mapping[str, str]]
    pattern: str | None = None

    def write(self, out: Path) -> None:
        """Makes the files exactly so."""
        wanted = self._wanted(out)
        for path in self._stale(out, wanted):
            path.unlink()
        for path, text in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def drift(self, out: Path) -> list[str]:
        """What is not as generated, one sentence each; empty when all is."""
        wanted = self._wanted(out)
        found = []
        for path, text in wanted.items():
            if not path.is_file():
                found.append(f"{path} is missing")
            elif path.read_text(encoding="utf-8") != text:
                found.append(f"{path} is not what the types say")
        return found + [f"{path} stands for no kind" for path in self._stale(out, wanted)]

    def main(self, arguments: list[str] | None = None) -> int:
        """The command line. Returns the exit status."""
        parser = argparse.ArgumentParser(prog=self.command, description=self.told)
        parser.add_argument("--out", type=Path, required=True, help="where they are")
        parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and say what differs")
        given = parser.parse_args(arguments)
        if not given.check:
            self.write(given.out)
            return 0
        differences = self.drift(given.out)
        for difference in differences:
            print(difference, file=sys.stderr)
        if differences:
            print(f"Run `{self.command} --out {given.out}` and commit what it writes.", file=sys.stderr)
        return 1 if differences else 0

    def _wanted(self, out: Path) -> dict[Path, str]:
        return {out / name: text for name, text in self.texts().items()}

    def _stale(self, out: Path, wanted: Mapping[Path, str]) -> list[Path]:
        return sorted(set(out.glob(self.pattern)) - set(wanted)) if self.pattern else []
