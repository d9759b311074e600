"""What becomes of an answer after it was booked: edits take further effort, an undone skip lives on, names stay."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cycle.collect import collect
from cycle.reconcile import reconcile_all
from cycle.retrain import retrain
from cycle.watch import watch
from ledger import accounts
from ledger.entries import Entry
from ledger.units import Unit

START = datetime(2019, 12, 20, tzinfo=UTC)
NIGHT = datetime(2020, 1, 21, 23, tzinfo=UTC)
NOON = datetime(2020, 1, 21, 12, tzinfo=UTC)


@pytest.fixture
def asked(loop: Any) -> Any:
    """A cycle with one answer, collected: Ann's, ten seconds."""
    retrain(loop.app, START)
    loop.detector.alarm = True
    opened = watch(loop.app, NIGHT).opened
    assert opened is not None
    loop.annotators.say(opened.cycle_id, _items(loop)[0], "ann", "food", on=NOON)
    collect(loop.app, NIGHT)
    return loop


def _items(loop: Any) -> list[str]:
    return list(loop.annotators.asked[loop.cycle_ids()[0]])


def _answers(loop: Any) -> list[Any]:
    return loop.annotators.answers[loop.cycle_ids()[0]]  # type: ignore[no-any-return]  # a fake


def _entries(loop: Any) -> dict[str, Entry]:
    booked = loop.app.ledger.entries(cycle=loop.cycle_ids()[0])
    return {entry.source_id: entry for entry in booked if accounts.role(entry.receiver) == "pool"}


def edited(loop: Any, label: str, *, total_s: float, minutes: int = 5) -> None:
    answers = _answers(loop)
    later = NOON + timedelta(minutes=minutes)
    answers[0] = replace(answers[0], label=label, lead_time_s=total_s, changed_at=later)


def test_an_edit_is_booked_as_the_further_effort_that_it_took_and_no_further_answer(asked: Any) -> None:
    edited(asked, "health", total_s=14.5)
    collect(asked.app, NIGHT)
    first, second = sorted(_entries(asked).items())
    assert second[0].startswith(f"{first[0]}#edit-")
    assert first[1].amounts == {Unit.ANNOTATIONS: 1, Unit.S_LOW: 10, Unit.S_HIGH: 10}
    assert second[1].amounts == {Unit.ANNOTATIONS: 0, Unit.S_LOW: Decimal("4.5"), Unit.S_HIGH: Decimal("4.5")}
    assert second[1].worked_at == NOON + timedelta(minutes=5)


def test_collecting_an_edit_twice_books_it_once_and_a_second_edit_on_top(asked: Any) -> None:
    edited(asked, "health", total_s=14.5)
    collect(asked.app, NIGHT)
    collect(asked.app, NIGHT)
    assert len(_entries(asked)) == 2
    edited(asked, "food", total_s=20, minutes=9)
    collect(asked.app, NIGHT)
    assert sum(e.amounts[Unit.S_HIGH] for e in _entries(asked).values()) == 20
    (compared,) = reconcile_all(asked.app)
    assert (compared.agreed, compared.differences) == (1, ())


def test_an_edit_whose_time_nobody_knows_is_booked_as_unknown(asked: Any) -> None:
    edited(asked, "health", total_s=10)  # through the interface for programs, which leaves the time as it was
    collect(asked.app, NIGHT)
    edit = next(e for name, e in _entries(asked).items() if "#edit-" in name)
    assert edit.provenance.value == "unknown"
    assert not edit.timed
    (compared,) = reconcile_all(asked.app)
    assert compared.differences == ()


def test_the_effort_of_an_edit_follows_its_answer_to_where_it_ends(asked: Any) -> None:
    edited(asked, "health", total_s=14.5)
    collect(asked.app, NIGHT)
    asked.annotators.all_say(asked.cycle_ids()[0], lambda request: "health" if "corona" in request.query else "food")
    collect(asked.app, NIGHT)
    retrain(asked.app, NIGHT)
    booked = asked.app.ledger.entries(cycle=asked.cycle_ids()[0])
    ends = {entry.given: entry.receiver for entry in booked if entry.given}
    edit = next(name for name in _entries(asked) if "#edit-" in name)
    assert ends[edit] == ends[edit.partition("#")[0]]


def test_a_skip_that_is_undone_is_not_booked_twice(asked: Any) -> None:
    cycle_id, item = asked.cycle_ids()[0], _items(asked)[1]
    asked.annotators.say(cycle_id, item, "ann", None, seconds=6, on=NOON)
    collect(asked.app, NIGHT)
    skip = _answers(asked).pop()
    # Label Studio makes a draft of the skip; the answer that comes of it reports the time of both.
    taken_up = replace(
        skip,
        source_id=f"{skip.source_id}/again",
        label="food",
        lead_time_s=15.0,
        started_at=NOON + timedelta(seconds=1),
        submitted_at=NOON + timedelta(seconds=20),
    )
    _answers(asked).append(taken_up)
    collect(asked.app, NIGHT)
    low = sum(e.amounts[Unit.S_LOW] for e in _entries(asked).values() if e.item_id == item)
    assert low == 15


def test_an_edited_answer_of_somebody_who_was_forgotten_keeps_its_name(asked: Any) -> None:
    # Once forgotten, a person would be given another pseudonym; the answer on record is not renamed, nor booked anew.
    asked.app = replace(
        asked.app, pseudonyms=lambda people: {who: f"new-{who}" for who in people}, forgotten=lambda: {"p-ann"}
    )
    edited(asked, "health", total_s=14.5)
    collected = collect(asked.app, NIGHT)
    assert collected[0].problems == ()
    assert {entry.person for entry in _entries(asked).values()} == {"annotator:p-ann"}
    assert {answer.annotator for answer in asked.store.answers(asked.cycle_ids()[0])} == {"p-ann"}
    asked.annotators.say(asked.cycle_ids()[0], _items(asked)[1], "ann", "food", on=NOON)
    collect(asked.app, NIGHT)
    assert {entry.person for entry in _entries(asked).values()} == {"annotator:p-ann", "annotator:new-ann"}
