"""Files that are there as a whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kempelen.errors import LedgerError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file to write to, which takes the name `path` when all is written; after an error nothing has changed.

    Only its owner may read it. LedgerError when the disk refuses.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(descriptor)
        unfinished = Path(name)
        try:
            yield unfinished
            _to_disk(unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        _to_disk(path.parent)
    except OSError as error:
        raise LedgerError(
            f"{path} cannot be written: {error.strerror or error}.",
            hint="Name a file in a folder that exists, that you may write to, and that has room.",
        ) from error


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
