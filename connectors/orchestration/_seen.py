"""What the pages of the orchestrator show of a look and of an alarm, as far as they need to know it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from kempelen.errors import Problem
from kempelen.records import DriftReport


class SetAside(Protocol):
    """A change that is no alarm; an empty `subject` is all that the detector reports."""

    @property
    def detector(self) -> str: ...

    @property
    def subject(self) -> str: ...

    @property
    def why(self) -> str: ...


class Look(Protocol):
    """One look at the traffic of a version."""

    @property
    def model(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def at(self) -> datetime: ...

    @property
    def reports(self) -> Sequence[DriftReport]: ...

    @property
    def undecided(self) -> Sequence[Problem]: ...

    @property
    def set_aside(self) -> Sequence[SetAside]: ...


class Acknowledgement(Protocol):
    """Who has seen an alarm, and what it is."""

    @property
    def by(self) -> str: ...

    @property
    def reason(self) -> str: ...


class Alarm(Protocol):
    """An alarm that is on; `report` is the latest one, `severity` a word, `warning` or `critical`."""

    @property
    def alarm_id(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def detector(self) -> str: ...

    @property
    def first_at(self) -> datetime: ...

    @property
    def last_at(self) -> datetime: ...

    @property
    def looks(self) -> int: ...

    @property
    def severity(self) -> str: ...

    @property
    def report(self) -> DriftReport: ...

    @property
    def subjects(self) -> Sequence[str]: ...

    @property
    def acknowledged(self) -> Acknowledgement | None: ...
