"""Books with two annotators, a key file, and the rows of persons beside them."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from benchmarks._postgresql import Server, running
from kempelen.records import Annotation, Effort, Kind
from ledger import accounts, posting_rules
from ledger.database import open_engine
from ledger.entries import Entry
from ledger.people.pseudonyms import Pseudonyms
from ledger.store import Ledger

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)


@pytest.fixture(name="noon", scope="session")
def noon_of_the_story() -> datetime:
    return NOON


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server of our own; a missing PostgreSQL is a failure."""
    with running() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        made = open_engine(tmp_path / "kempelen.db")
        yield made
        made.dispose()
        return
    started, name = request.getfixturevalue("server"), f"people_{uuid.uuid4().hex}"
    made = open_engine(started.make(name))
    yield made
    made.dispose()
    started.drop(name)


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine)


@pytest.fixture
def names(engine: Engine, ledger: Ledger, tmp_path: Path) -> Pseudonyms:
    assert ledger  # its tables are asked whether a pseudonym is in the books
    return Pseudonyms(engine, tmp_path / "pseudonyms.key")


def _answer(source_id: str, who: str, *, label: str | None = "health", changed: bool = False) -> Annotation:
    return Annotation(
        source_id=source_id,
        item_id=f"item-of-{source_id}",
        annotator=who,
        label=label,
        lead_time_s=10.0,
        started_at=None,
        submitted_at=NOON,
        simulated=False,
        changed_at=NOON + timedelta(hours=1) if changed else None,
    )


def _given(source_id: str, who: str, *, s: str | None = "10", cycle: str = "c1", label: str | None = "health") -> Entry:
    effort = None if s is None else Effort(low_s=Decimal(s), high_s=Decimal(s), policy="lead-time/2")
    return posting_rules.annotation_given(
        _answer(source_id, who, label=label),
        pseudonym=who,
        effort=effort,
        kind=Kind.PREPARATION,
        cycle=cycle,
        model="intents",
        at=NOON,
    )


def _assigned(given: Entry, version: str = "2", unused: str | None = None) -> Entry:
    to = accounts.unused(unused) if unused else accounts.model_version("intents", version)
    return posting_rules.effort_assigned(
        given, to=to, kind=Kind.PREPARATION, version=version, at=NOON + timedelta(days=1), reason="trained on"
    )


@pytest.fixture(name="answer", scope="session")
def answer_maker() -> Callable[..., Annotation]:
    return _answer


@pytest.fixture(name="given", scope="session")
def given_maker() -> Callable[..., Entry]:
    return _given


@pytest.fixture(name="assigned", scope="session")
def assigned_maker() -> Callable[..., Entry]:
    return _assigned
