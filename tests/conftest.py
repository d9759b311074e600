"""The four real servers, and PostgreSQL: started once for all tests that need them."""

import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks._postgresql import Server, running
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


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server of our own; a missing PostgreSQL is a failure."""
    with running() as server:
        yield server


@pytest.fixture
def postgresql_address(postgresql: Server) -> Iterator[str]:
    """An empty database on it."""
    name = f"books_{uuid.uuid4().hex}"
    yield postgresql.make(name)
    postgresql.drop(name)
