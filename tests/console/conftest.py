"""The command line as a person types it: a process of its own, in a folder of its own."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

Ran = "subprocess.CompletedProcess[str]"


@pytest.fixture
def kempelen(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """`kempelen("labour", "--json", env={...}, largest_file=0)`, in an empty folder."""

    def run(
        *words: str, env: dict[str, str] | None = None, largest_file: int | None = None
    ) -> "subprocess.CompletedProcess[str]":
        def limit() -> None:
            if largest_file is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

        return subprocess.run(
            [sys.executable, "-m", "console.main", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200", **(env or {})},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            preexec_fn=limit,  # noqa: PLW1509 - this process has no thread that could hold a lock here
        )

    return run
