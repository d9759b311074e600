"""Corrections that users give for nothing: counted one by one, their time declared, and nobody's name kept."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Engine, MetaData, String, Table, Text, and_, select

from kempelen.clock import Clock
from kempelen.errors import BadData
from kempelen.records import Effort
from kempelen.settings import Settings
from kempelen.text import item_id, normalise
from ledger import posting_rules
from ledger.database import insert_new, reading, with_tables, writing
from ledger.entries import Entry
from ledger.moments import Moment
from ledger.store import Ledger

DECLARED = "declared-range/1"
"""Both bounds are what the settings declare a correction to take."""

SOURCE = "users"
"""What the books call those who correct an answer where nothing says more."""

_LONGEST = {"event_id": 200, "source": 80, "version": 20}

_meta = MetaData()

_corrections = Table(
    "user_correction",
    _meta,
    Column("model", String(50), primary_key=True),
    Column("source", String(_LONGEST["source"]), primary_key=True),
    Column("event_id", String(_LONGEST["event_id"]), primary_key=True),
    Column("version", String(_LONGEST["version"]), nullable=False),
    Column("item_id", String(32), nullable=False),
    Column("label", Text, nullable=False),
    Column("at", Moment, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A user said that an answer should have been `label`. Of the query only its item id is kept."""

    event_id: str
    source: str
    version: str
    item_id: str
    label: str
    at: datetime


def correction(  # noqa: PLR0913 - a correction is exactly these facts
    query: str, label: str, *, event_id: str, source: str, version: str, labels: Sequence[str], at: datetime
) -> Correction:
    """A correction that can be recorded. BadData for an empty query, bad names, and a label not among `labels`."""
    if label not in labels:
        raise BadData(f"{label[:80]!r} is none of the model's labels.", hint=f"Name one of {', '.join(labels)}.")
    normal = normalise(_printable(query))
    if not normal:
        raise BadData("The query is empty.", hint="Name the query that was answered wrongly.")
    for what, name in (("event_id", event_id), ("source", source), ("version", version)):
        if not name or name != name.strip() or not name.isprintable() or len(name) > _LONGEST[what]:
            raise BadData(f"{what} is {name[:80]!r}.", hint=f"Write 1 to {_LONGEST[what]} printable characters.")
    return Correction(event_id=event_id, source=source, version=version, item_id=item_id(normal), label=label, at=at)


def _printable(query: str) -> str:
    """The query itself. JSON can hold half a letter, and no such text can be stored."""
    try:
        query.encode()
    except UnicodeEncodeError as error:
        raise BadData("The query is no text: it holds half a letter.", hint="Send it as UTF-8.") from error
    return query


class Corrections:
    """What users corrected, by the application's own id of the event. Safe for several processes at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = with_tables(engine, _meta.sorted_tables)

    def record(self, model: str, correction: Correction) -> Correction:
        """Record a correction; what is on record under its id, should it have come before."""
        row = {"model": model} | asdict(correction)
        with writing(self._engine) as connection:
            connection.execute(insert_new(self._engine, _corrections), [row])
        same = and_(_corrections.c.source == correction.source, _corrections.c.event_id == correction.event_id)
        (recorded,) = self._read(and_(_corrections.c.model == model, same))
        return recorded

    def of(self, model: str) -> list[Correction]:
        """Every correction of a model, oldest first."""
        return self._read(_corrections.c.model == model)

    def _read(self, condition: ColumnElement[bool]) -> list[Correction]:
        query = select(_corrections).where(condition).order_by(_corrections.c.at, _corrections.c.event_id)
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return [Correction(**{field.name: row[field.name] for field in fields(Correction)}) for row in rows]


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """One model's corrections by its users. `version` says which version is in service."""

    settings: Settings
    corrections: Corrections
    ledger: Ledger
    version: Callable[[], str]
    clock: Clock

    def record(
        self, query: str, label: str, *, event_id: str, source: str = SOURCE, version: str | None = None
    ) -> Correction:
        """Record that a user corrected an answer, and book the event for the version that had given it.

        Recording an event twice is harmless: the first one stands. BadData as `correction` says.
        """
        wanted = correction(
            query,
            label,
            event_id=event_id,
            source=source,
            version=version or self.version(),
            labels=self.settings.model.labels,
            at=self.clock.now(),
        )
        recorded = self.corrections.record(self.settings.model.name, wanted)
        # What is on record is booked, new or not: a kill between the two is mended when the event is told again.
        self._book([recorded])
        return recorded

    def book(self) -> int:
        """Book whatever is on record and not in the books yet; how many that were."""
        return self._book(self.corrections.of(self.settings.model.name))

    def _book(self, corrections: Sequence[Correction]) -> int:
        """What is booked already stands as it was declared that day, whatever range the settings declare by now."""
        new, _ = self.ledger.unbooked([self._entry(one) for one in corrections])
        return self.ledger.book(new)

    def _entry(self, correction: Correction) -> Entry:
        return posting_rules.feedback_given(
            source_id=f"{self.settings.model.name}/{correction.event_id}",
            source=correction.source,
            events=1,
            effort=self._declared(),
            model=self.settings.model.name,
            version=correction.version,
            at=correction.at,
            worked_at=correction.at,
            item_id=correction.item_id,
        )

    def _declared(self) -> Effort | None:
        low, high = self.settings.feedback.seconds_low, self.settings.feedback.seconds_high
        return None if low is None or high is None else Effort(low_s=low, high_s=high, policy=DECLARED)
