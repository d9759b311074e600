"""Every annotation there is in the books once, with its seconds; whatever differs is listed with both figures."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from cycle.collect import collect
from cycle.reconcile import Found, reconcile, reconcile_all
from cycle.retrain import retrain
from cycle.watch import watch
from kempelen.errors import BadData, ConnectorRefused, ConnectorUnavailable
from kempelen.records import Effort
from ledger import accounts, posting_rules

START = datetime(2019, 12, 20, tzinfo=UTC)
NIGHT = datetime(2020, 1, 21, 23, tzinfo=UTC)


@pytest.fixture
def asked(loop: Any) -> tuple[Any, str]:
    """A loop whose cycle has every answer, collected and booked."""
    retrain(loop.app, START)
    loop.detector.alarm = True
    opened = watch(loop.app, NIGHT).opened
    assert opened is not None
    loop.annotators.all_say(opened.cycle_id, lambda request: "health" if "corona" in request.query else "food")
    collect(loop.app, NIGHT)
    return loop, opened.cycle_id


def test_books_that_are_right_agree_with_every_annotation(asked: Any) -> None:
    loop, cycle_id = asked
    (one,) = reconcile_all(loop.app)
    there = len(loop.annotators.answers[cycle_id])
    assert (one.booked, one.there, one.agreed, one.differences, one.problems) == (there, there, there, (), ())
    assert one.says.startswith(f"{cycle_id}: {there} annotations booked")


def test_an_answer_that_was_never_collected_is_told_with_its_seconds(asked: Any) -> None:
    loop, cycle_id = asked
    item = next(iter(loop.annotators.asked[cycle_id]))
    loop.annotators.say(cycle_id, item, "eve", "food", seconds=12.5)
    (difference,) = reconcile_all(loop.app)[0].differences
    assert difference.found is Found.NOT_BOOKED
    assert difference.booked is None
    assert difference.there is not None
    assert (difference.there.low_s, difference.there.high_s) == (Decimal("12.5"), Decimal("12.5"))
    assert not difference.explained


def test_seconds_that_somebody_changed_there_are_told_with_both_figures(asked: Any) -> None:
    loop, cycle_id = asked
    answers = loop.annotators.answers[cycle_id]
    answers[0] = replace(answers[0], lead_time_s=1.0)
    (difference,) = reconcile_all(loop.app)[0].unexplained
    assert difference.as_json() == {
        "annotation": answers[0].source_id,
        "found": "other seconds",
        "booked": {"low_s": 10.0, "high_s": 10.0},
        "there": {"low_s": 1.0, "high_s": 1.0},
        "explained": "",
    }


def test_an_answer_in_another_persons_name_is_told(asked: Any) -> None:
    loop, cycle_id = asked
    answers = loop.annotators.answers[cycle_id]
    answers[0] = replace(answers[0], annotator="eve")
    (difference,) = reconcile_all(loop.app)[0].unexplained
    assert difference.found is Found.PERSON


def test_a_deletion_that_was_seen_is_explained_and_one_that_was_not_is_not(asked: Any) -> None:
    loop, cycle_id = asked
    gone = loop.annotators.answers[cycle_id].pop(0)
    (difference,) = reconcile_all(loop.app)[0].differences
    assert (difference.found, difference.source_id, difference.explained) == (Found.NOT_THERE, gone.source_id, "")
    assert len(reconcile_all(loop.app)[0].unexplained) == 1
    loop.app.store.record_answers(cycle_id, [], changes=[_deleted(gone.source_id)])
    (seen,) = reconcile_all(loop.app)[0].differences
    assert "deleted there, and seen" in seen.explained


def test_a_correction_at_the_persons_request_explains_other_seconds(asked: Any) -> None:
    loop, cycle_id = asked
    given = next(e for e in loop.app.ledger.entries(cycle=cycle_id) if accounts.role(e.receiver) == "pool")
    effort = Effort(low_s=Decimal(300), high_s=Decimal(300), policy="stated/1")
    loop.app.ledger.book(
        posting_rules.corrected(given, None, effort=effort, number=1, at=NIGHT, reason="the telephone rang")
    )
    (difference,) = reconcile_all(loop.app)[0].differences
    assert difference.booked is not None
    assert difference.booked.high_s == 300
    assert difference.explained == "corrected at the person's request"


def test_a_cycle_that_cannot_be_read_there_is_a_problem_and_an_outage_is_an_error(
    asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, cycle_id = asked

    def refused(*_: object) -> None:
        raise ConnectorRefused("somebody deleted the project.", system="fake", hint="Restore it.")

    def silent(*_: object) -> None:
        raise ConnectorUnavailable("no answer.", system="fake", hint="Start it.")

    monkeypatch.setattr(loop.annotators, "collect", refused)
    one = reconcile(loop.app, loop.app.store.cycle(cycle_id))
    assert "somebody deleted the project" in one.problems[0].message
    assert one.says == f"{cycle_id}: {one.booked} annotations booked, and nothing to compare them with could be read."
    monkeypatch.setattr(loop.annotators, "collect", silent)
    with pytest.raises(ConnectorUnavailable):
        reconcile_all(loop.app)


def test_a_cycle_that_there_is_not_is_refused(asked: Any) -> None:
    with pytest.raises(BadData, match="no cycle nowhere"):
        reconcile_all(asked[0].app, "nowhere")


def _deleted(source_id: str) -> Any:
    from cycle.records import Change

    return Change(source_id=source_id, at=NIGHT, now=None)


def test_what_the_books_call_a_persons_and_the_annotation_system_calls_simulated_is_told(asked: Any) -> None:
    loop, cycle_id = asked
    answers, before = loop.annotators.answers[cycle_id], loop.app.ledger.last_entry()
    answers[0] = replace(answers[0], simulated=True)
    (difference,) = reconcile_all(loop.app)[0].unexplained
    assert (difference.source_id, difference.found) == (answers[0].source_id, Found.SIMULATED)
    assert loop.app.ledger.last_entry() == before  # nothing is written
