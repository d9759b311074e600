"""Ask a side that runs in a fresh process: its time without imports, and a memory peak of its own."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one side found in one process, the seconds of each of its parts, and its peak of memory.

    `seconds` are on the clock; `cpu_seconds` those of processors, which a busy machine distorts less.
    """

    found: Mapping[str, Any]
    seconds: Mapping[str, float]
    cpu_seconds: Mapping[str, float]
    peak_bytes: int


class SideFailed(Exception):
    """A side ended without an answer; the message ends with what it said last."""


def side(name: str, question: Mapping[str, Any]) -> Measured:
    """Ask one of our own sides, `benchmarks/sides/<name>.py`."""
    return ask([sys.executable, "-m", f"benchmarks.sides.{name}"], question, environment=None)


def ask(
    command: Sequence[str], question: Mapping[str, Any], *, environment: Mapping[str, str] | None, folder: Path = ROOT
) -> Measured:
    """Start `command` in `folder`, give it the question on standard input, and read its answer.

    Raises SideFailed with the end of its standard error.
    """
    done = subprocess.run(
        command, input=json.dumps(question), capture_output=True, text=True, env=environment, cwd=folder, check=False
    )
    if done.returncode or not done.stdout.strip():
        raise SideFailed(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return Measured(**json.loads(done.stdout))


def mebibytes(size: float) -> int:
    """Bytes as whole MiB."""
    return round(size / 2**20)


def warm(folder: Path) -> int:
    """Read every file once, so that no side pays for the disk; bytes read."""
    return sum(_read(file) for file in sorted(folder.rglob("*.parquet")))


def _read(file: Path) -> int:
    with file.open("rb") as content:
        return sum(len(piece) for piece in iter(lambda: content.read(1 << 22), b""))
