"""Ctrl-C that is not lost: libraries in between may swallow one KeyboardInterrupt, but not the note of it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether Ctrl-C was pressed; `check` raises KeyboardInterrupt if it was."""

    def __init__(self) -> None:
        self._asked = False

    def check(self) -> None:
        """Call between steps."""
        if self._asked:
            raise KeyboardInterrupt

    def note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a handler
        """Handle the signal."""
        self._asked = True
        raise KeyboardInterrupt


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Note every Ctrl-C meanwhile."""
    noted = Interruption()
    before = signal.signal(signal.SIGINT, noted.note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)
