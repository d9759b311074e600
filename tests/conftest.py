"""The four real servers, started once for all tests that need them."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.stack import Stack, processes


@contextmanager
def quiet(_message: str) -> Iterator[None]:
    yield


@pytest.fixture(scope="session")
def real_stack() -> Iterator[tuple[Stack, float]]:
    """The four servers as they are, in a folder with a difficult name; with the seconds that their start took.

    A test that ends one of them starts it again. Nothing may be left of them at the end.
    """
    folder = Path(tempfile.mkdtemp(prefix="kempelen stäck #"))
    stack, began = Stack(folder), time.monotonic()
    try:
        stack.up(quiet)
        yield stack, time.monotonic() - began
    finally:
        stack.down(quiet)
        left = [one for one in processes.marked() if one.state == str(folder.resolve())]
        shutil.rmtree(folder)
    assert left == []
