"""Run `up` as a process of its own: `run_up.py STATE name=habit...`, so that it can be interrupted or killed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import stand_in

from console.stack import Stack


@contextmanager
def printed(message: str) -> Iterator[None]:
    print(message, flush=True)  # noqa: T201 - the test reads it
    yield


if __name__ == "__main__":
    table = [stand_in(*argument.split("=")) for argument in sys.argv[2:]]
    print(Stack(Path(sys.argv[1]), table).up(printed), flush=True)  # noqa: T201
