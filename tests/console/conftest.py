"""The command line as a person types it: a process of its own, in a folder of its own."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _run(
    folder: Path, *words: str, more: Mapping[str, str] | None = None, largest_file: int | None = None
) -> "subprocess.CompletedProcess[str]":
    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.run(
        [sys.executable, "-m", "console.main", *words],
        cwd=folder,
        # This working tree's code, whatever the folder, and plain wide lines.
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200", **(more or {})},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        preexec_fn=limit,
    )


@pytest.fixture(scope="session")
def kempelen_in() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """`kempelen_in(folder, "labour", "--json", more={...}, largest_file=0)`: `more` is environment.

    A file that would grow beyond `largest_file` bytes cannot be written, as on a disk that is full.
    """
    return _run


@pytest.fixture
def kempelen(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """The same in an empty folder: `kempelen("labour", "--json")`."""
    return partial(_run, tmp_path)
