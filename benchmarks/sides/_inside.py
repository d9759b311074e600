"""Measure from inside the process; standard library alone, for this also runs in the peers' environments."""

import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Stopwatch:
    """Seconds by the name of what was done: on the clock, and of processors (all threads together)."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time the `with` block; blocks of the same name add up."""
        started, worked = time.perf_counter(), time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - started
        self.cpu_seconds[name] = self.cpu_seconds.get(name, 0) + time.process_time() - worked


def answer(work: Callable[[dict[str, Any], Stopwatch], dict[str, Any]]) -> None:
    """Read a question from standard input and write what `work` says, how long it took, and its memory.

    The answer goes to the standard output that the process was started with; whatever `work` prints goes
    to standard error.
    """
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    question = json.load(sys.stdin)
    stopwatch = Stopwatch()
    found = work(question, stopwatch)
    document = {
        "found": found,
        "seconds": stopwatch.seconds,
        "cpu_seconds": stopwatch.cpu_seconds,
        "peak_bytes": peak_bytes(),
    }
    out.write(json.dumps(document) + "\n")
    out.close()


def peak_bytes() -> int:
    """The most memory that this process ever held at once.

    From Linux's own high-water mark of this program: what `getrusage` says includes the
    process that started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024
