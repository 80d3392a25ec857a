"""Runs a module and notes every 2 ms what each thread is doing: where a process spends its time, without slowing it much.

`python -m bench.sampled OUT MODULE ARGUMENTS...`; OUT gets the functions by time inside them and below, busy samples
only. cProfile knows one thread and doubles the time of small functions; this sees all of them from outside.
"""

from __future__ import annotations

import runpy
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY = 0.002
IDLE = ("selectors.py", "threading.py", "queue.py", "thread.py")
"""Files whose innermost frame means that a thread waits."""


class Sampler(threading.Thread):
    """`report` can be asked for at any time."""

    def __init__(self) -> None:
        super().__init__(name="sampler", daemon=True)
        self.samples = 0
        self.inside: Counter[str] = Counter()
        self.below: Counter[str] = Counter()
        self.threads: Counter[str] = Counter()

    def run(self) -> None:
        while True:
            time.sleep(EVERY)
            names = {thread.ident: thread.name for thread in threading.enumerate()}
            for ident, frame in sys._current_frames().items():
                if ident != self.ident and not frame.f_code.co_filename.endswith(IDLE):
                    self._count(names.get(ident, "?"), frame)

    def _count(self, thread: str, frame: FrameType) -> None:
        self.samples += 1
        self.threads[thread] += 1
        self.inside[_name(frame)] += 1
        seen: set[str] = set()
        walk: FrameType | None = frame
        while walk is not None:
            seen.add(_name(walk))
            walk = walk.f_back
        self.below.update(seen)

    def report(self) -> str:
        parts = [f"{self.samples} busy samples; threads: {dict(self.threads)}"]
        for title, counts in (("in the function and below", self.below), ("in the function itself", self.inside)):
            parts.append(f"\n{title}:")
            parts += [f"{100 * n / max(1, self.samples):6.1f} %  {name}" for name, n in counts.most_common(70)]
        return "\n".join(parts) + "\n"


def _name(frame: FrameType) -> str:
    code = frame.f_code
    return f"{'/'.join(Path(code.co_filename).parts[-3:])}:{code.co_firstlineno} {code.co_qualname}"


def main() -> None:
    out, module, sys.argv = Path(sys.argv[1]), sys.argv[2], sys.argv[2:]
    sampler = Sampler()
    sampler.start()
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        out.write_text(sampler.report())


if __name__ == "__main__":
    main()
