"""A small deployment of two annotators and two cycles, and books to put them in."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kempelen.records import Annotation, Effort, Kind
from ledger import accounts, posting_rules, totals
from ledger.entries import Entry
from ledger.rows import row_of
from ledger.store import Ledger, open_engine
from ledger.totals import LineTotal

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)


def _annotation(
    source_id: str = "ls/1",
    *,
    annotator: str = "ada",
    label: str | None = "health",
    lead_time_s: float | None = 10.0,
    started_at: datetime | None = None,
    simulated: bool = False,
) -> Annotation:
    return Annotation(
        source_id=source_id,
        item_id=f"item-of-{source_id}",
        annotator=annotator,
        label=label,
        lead_time_s=lead_time_s,
        started_at=started_at,
        submitted_at=NOON,
        simulated=simulated,
    )


def _given(
    source_id: str = "ls/1",
    *,
    low: str | None = "10",
    high: str = "10",
    who: str = "ada",
    cycle: str = "c1",
    kind: Kind = Kind.PREPARATION,
    skipped: bool = False,
    simulated: bool = False,
) -> Entry:
    """An annotation in the books; `low=None` when nobody knows how long it took."""
    return posting_rules.annotation_given(
        _annotation(source_id, annotator=who, label=None if skipped else "health", simulated=simulated),
        pseudonym=who,
        effort=None if low is None else Effort(low_s=Decimal(low), high_s=Decimal(high), policy="lead-time/1"),
        kind=kind,
        cycle=cycle,
        model="intents",
        at=NOON,
    )


def _assigned(given: Entry, version: str = "2", *, unused: str | None = None, kind: Kind | None = None) -> Entry:
    """Its effort, charged to a version, or unused beside it."""
    to = accounts.unused(unused) if unused else accounts.model_version("intents", version)
    return posting_rules.effort_assigned(
        given, to=to, kind=kind or given.kind, version=version, at=NOON + timedelta(days=1), reason="trained on"
    )


@dataclass
class Shelf:
    """Books that are a list, added up afresh whenever they are asked."""

    booked: list[Entry]

    def totals(self, model: str, version: str | None = None, earlier: Collection[str] = ()) -> list[LineTotal]:
        every = totals.lines_of(totals.of(row_of(entry) for entry in self.booked if entry.model == model))
        return [total for total in every if version is None or total.line.version in {version, *earlier}]

    def card_digests(self, model: str) -> Mapping[str, str]:  # noqa: ARG002 - it has issued none
        return {}


@pytest.fixture(name="shelf", scope="session")
def shelf_maker() -> Callable[[list[Entry]], Shelf]:
    return Shelf


@pytest.fixture(name="annotation", scope="session")
def annotation_maker() -> Callable[..., Annotation]:
    return _annotation


@pytest.fixture(name="given", scope="session")
def given_maker() -> Callable[..., Entry]:
    return _given


@pytest.fixture(name="assigned", scope="session")
def assigned_maker() -> Callable[..., Entry]:
    return _assigned


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "kempelen.db")
    return str(request.getfixturevalue("postgresql_address"))


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    made = open_engine(address)
    yield made
    made.dispose()


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine)
