"""Time as an argument: the wall clock of a deployment, or the simulated clock of a replay."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Says what time it is; always timezone-aware, in UTC."""

    def now(self) -> datetime:
        """The present moment."""
        ...


class WallClock:
    """The time it really is."""

    def now(self) -> datetime:
        """The present moment."""
        return datetime.now(UTC)


class SimulatedClock:
    """The time of a replay, moved by hand and never backwards."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """The present moment."""
        return self._now

    def move_to(self, moment: datetime) -> None:
        """Go to `moment`; a moment already past leaves the clock where it is."""
        self._now = max(self._now, moment)
