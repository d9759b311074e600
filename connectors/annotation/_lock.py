"""One writer at a time: Label Studio on SQLite answers two importers at once with time-outs and late commits."""

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.annotation._errors import SYSTEM
from kempelen.errors import ConnectorUnavailable

_POLL_S = 0.05
_HINT = "It will be tried again."


def default_folder() -> Path:
    """Where the locks of this person's processes lie."""
    return Path(tempfile.gettempdir()) / f"kempelen-{os.getuid()}"


@contextmanager
def one_importer(url: str, folder: Path, wait_s: float) -> Iterator[None]:
    """Hold the server's import lock, which the system takes back from a process that is killed.

    It binds the processes of one machine. Two machines that import at once are mended afterwards:
    see `label_studio.submit`. ConnectorUnavailable when it is not free within `wait_s` seconds.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"label-studio-{hashlib.sha256(url.encode()).hexdigest()[:16]}.lock"
    with held(path, wait_s, system=SYSTEM, other="another process is importing items."):
        yield


@contextmanager
def held(path: Path, wait_s: float, *, system: str, other: str) -> Iterator[None]:
    """Hold a lock file, which the system takes back from a process that is killed.

    ConnectorUnavailable of `system`, saying `other`, when it is not free within `wait_s` seconds.
    """
    with path.open("w") as handle:
        _take(handle.fileno(), time.monotonic() + wait_s, ConnectorUnavailable(other, system=system, hint=_HINT))
        yield


def _take(descriptor: int, deadline: float, too_late: ConnectorUnavailable) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise too_late from None
            time.sleep(_POLL_S)
        else:
            return
