"""The loop, step by step, over fakes and on both databases: what opens a cycle, what ends it, where effort goes."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cycle.account import statement
from cycle.collect import collect
from cycle.look import audited_answers
from cycle.records import CycleEvent, Promotion, Reason
from cycle.retrain import retrain
from cycle.watch import watch
from kempelen.errors import ConnectorUnavailable, IllegalMove, NotEnoughData
from kempelen.records import Kind, LabelRequest, Provenance, Purpose
from kempelen.states import State
from ledger.entries import Unit

START = datetime(2019, 12, 20, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def books_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The whole loop runs on both databases."""
    if request.param == "sqlite":
        return str(tmp_path / "kempelen.db")
    return str(request.getfixturevalue("postgresql_address"))


def at(day: int, month: int = 1) -> datetime:
    return datetime(2020, month, day, 23, tzinfo=UTC)


def truth(request: LabelRequest) -> str:
    return "health" if "corona" in request.query else "food"


def begun(loop: Any) -> Any:
    """A first version in service, its reference gathered."""
    retrain(loop.app, START)
    return loop


def alarmed(loop: Any) -> str:
    """The cycle that an alarm on the 21st opened."""
    begun(loop).detector.alarm = True
    watched = watch(loop.app, at(21))
    assert watched.opened is not None
    return watched.opened.cycle_id


# ---------------------------------------------------------------- watching


def test_without_a_champion_watch_says_what_to_do(loop: Any) -> None:
    with pytest.raises(NotEnoughData) as error:
        watch(loop.app, at(1))
    assert "kempelen retrain" in error.value.hint


def test_the_first_version_is_promoted_last_and_its_labels_are_declared(loop: Any) -> None:
    begun(loop)
    assert loop.registry.alias == "1"
    labour = statement(loop.app, "1")
    (line,) = labour.effort
    assert (line.provenance, line.kind, line.amounts.labels) == (Provenance.DECLARED, Kind.PREPARATION, 600)
    assert line.amounts.low_s is None
    assert json.loads(loop.registry.cards["1"]["labour_card.json"])["version"] == "1"


def test_a_quiet_day_asks_nobody(loop: Any) -> None:
    watched = watch(begun(loop).app, at(2))
    assert (watched.opened, watched.asked, loop.cycle_ids()) == (None, 0, [])


def test_while_the_reference_is_gathered_nothing_is_decided(loop: Any) -> None:
    look = watch(begun(loop).app, datetime(2019, 12, 22, tzinfo=UTC)).look
    assert look.reports == ()
    assert [problem.subject for problem in look.undecided] == ["reference", "term_surge"]


def test_a_model_that_served_long_before_is_watched_at_once(loop: Any) -> None:
    begun(loop).log.first_day = date(2019, 11, 1)
    look = watch(loop.app, datetime(2019, 12, 22, tzinfo=UTC)).look
    assert [report.detector for report in look.reports] == ["term_surge"]
    reference = loop.store.reference("queries", "1")
    assert (reference.days[0], len(reference.days)) == (date(2019, 11, 1), 5)


def test_an_empty_window_is_undecided_and_never_quiet(loop: Any) -> None:
    begun(loop).log.empty = {at(day).date() for day in range(1, 3)}
    loop.with_settings("drift", horizon_days=1)
    look = watch(loop.app, at(2)).look
    assert look.reports == ()
    assert "current window" in {problem.subject for problem in look.undecided}


def test_a_version_that_no_service_loaded_is_undecided_and_stops_nothing(loop: Any) -> None:
    begun(loop).log.version_seen = "another"
    look = watch(loop.app, at(10)).look
    assert "reference" in {problem.subject for problem in look.undecided}


def test_an_alarm_opens_one_cycle_and_the_next_look_none(loop: Any) -> None:
    cycle_id = alarmed(loop)
    assert watch(loop.app, at(21)).opened is None
    assert watch(loop.app, at(22)).opened is None
    assert loop.cycle_ids() == [cycle_id] == ["queries-20200121-alarm"]


def test_an_audit_is_due_after_some_quiet_days(loop: Any) -> None:
    begun(loop)
    assert watch(loop.app, at(18)).opened is None
    opened = watch(loop.app, at(19)).opened
    assert opened is not None
    assert opened.reason is Reason.AUDIT
    wanted = loop.app.settings.selection.audit_items
    assert abs(len(loop.store.requests(opened.cycle_id)) - wanted) <= 3 * wanted**0.5
    assert all(r.purpose is Purpose.AUDIT for r in loop.store.requests(opened.cycle_id))


def test_a_person_can_open_a_cycle_but_not_a_second_one_beside_it(loop: Any) -> None:
    opened = watch(begun(loop).app, at(3), open_cycle=True).opened
    assert opened is not None
    assert opened.reason is Reason.MANUAL
    assert watch(loop.app, at(3), open_cycle=True).opened is None


# ---------------------------------------------------------------- asking


def test_what_is_asked_was_written_down_first(loop: Any) -> None:
    begun(loop).detector.alarm = True
    loop.annotators.down = True
    with pytest.raises(ConnectorUnavailable):
        watch(loop.app, at(21))
    (cycle_id,) = loop.cycle_ids()
    planned = [request.item_id for request in loop.store.requests(cycle_id)]
    assert planned
    assert loop.states() == ["open"]
    loop.annotators.down = False
    watch(loop.app, at(21))
    assert loop.annotators.items(cycle_id) == planned
    assert loop.states() == ["labelling"]


def test_rounds_are_asked_on_successive_days_and_never_the_same_item(loop: Any) -> None:
    loop.with_settings("selection", rounds=2, round_items=20)
    cycle_id = alarmed(loop)
    watch(loop.app, at(21))
    assert len(loop.store.rounds(cycle_id)) == 1
    watch(loop.app, at(22))
    watch(loop.app, at(23))
    requests = loop.store.requests(cycle_id)
    assert [r.number for r in loop.store.rounds(cycle_id)] == [1, 2]
    assert len({r.item_id for r in requests}) == len(requests) == len(loop.annotators.items(cycle_id))


def test_the_budget_in_human_minutes_is_respected(loop: Any) -> None:
    # 5 minutes at 15 seconds an answer and two answers an item are ten items, each of them drawn by itself.
    loop.with_settings("selection", budget_minutes=5.0)
    requests = loop.store.requests(alarmed(loop))
    (round_,) = loop.store.rounds(requests[0].cycle_id)
    assert round_.candidates == 100
    assert abs(len(requests) - 10) <= 3 * 10**0.5


def test_one_forgotten_tab_does_not_eat_the_budget(loop: Any) -> None:
    loop.with_settings("selection", rounds=2, round_items=20, stop_when_settled=False)
    cycle_id = alarmed(loop)
    loop.annotators.all_say(cycle_id, truth)
    loop.annotators.say(cycle_id, loop.annotators.items(cycle_id)[0], "cyd", "food", seconds=86_400.0)
    collect(loop.app, at(21))
    watch(loop.app, at(22))
    assert Counter(r.round for r in loop.store.requests(cycle_id))[2] > 10


def test_a_cycle_with_nothing_to_ask_ends(loop: Any) -> None:
    begun(loop).log.queries = []
    watch(loop.app, at(3), open_cycle=True)
    assert loop.states() == ["closed"]


# ---------------------------------------------------------------- collecting


def test_each_answer_is_booked_once_however_often_it_is_collected(loop: Any) -> None:
    cycle_id = alarmed(loop)
    item = loop.annotators.items(cycle_id)[0]
    loop.annotators.say(cycle_id, item, "ann", "health", seconds=12.5)
    for day in (21, 22, 23):
        collect(loop.app, at(day))
    assert loop.app.ledger.balance(f"pool:{cycle_id}")[Unit.S_HIGH] == Decimal("12.5")
    assert [a.annotator for a in loop.store.answers(cycle_id)] == ["p-ann"]


def test_a_skip_does_not_replace_an_answer(loop: Any) -> None:
    cycle_id = alarmed(loop)
    for item in loop.annotators.items(cycle_id):
        loop.annotators.say(cycle_id, item, "ann", "health")
        loop.annotators.say(cycle_id, item, "ben", None)
    (seen,) = collect(loop.app, at(21))
    assert (seen.answered, seen.state) == (0, State.LABELLING)
    for item in loop.annotators.items(cycle_id):
        loop.annotators.say(cycle_id, item, "cyd", "health")
    (seen,) = collect(loop.app, at(22))
    assert (seen.answered, seen.state) == (seen.items, State.READY)


def test_an_item_added_by_hand_is_booked_and_settles_nothing(loop: Any) -> None:
    cycle_id = alarmed(loop)
    loop.annotators.all_say(cycle_id, truth)
    loop.annotators.say(cycle_id, "by-hand", "ann", "food", seconds=7.0)
    (seen,) = collect(loop.app, at(21))
    assert [problem.subject for problem in seen.problems] == [f"{cycle_id}/by-hand/ann"]
    assert "by-hand" not in loop.store.consensus(cycle_id)
    retrain(loop.app, at(22))
    unused = {(line.reason, line.amounts.high_s) for line in statement(loop.app, "2").unused}
    assert ("no_consensus", Decimal(7)) in unused


def test_who_was_simulated_once_is_never_a_person_later(loop: Any) -> None:
    cycle_id = alarmed(loop)
    one, two = loop.annotators.items(cycle_id)[:2]
    loop.annotators.say(cycle_id, one, "bot", "food")
    loop.annotators.answers[cycle_id] = [replace(a, simulated=True) for a in loop.annotators.answers[cycle_id]]
    collect(loop.app, at(21))
    loop.annotators.say(cycle_id, two, "bot", "food")
    collect(loop.app, at(21))
    assert all(answer.simulated for answer in loop.store.answers(cycle_id))


def test_settling_without_any_answer_settles_nothing(loop: Any) -> None:
    alarmed(loop)
    (seen,) = collect(loop.app, at(21), settle=True)
    assert seen.state is State.LABELLING


def test_settle_takes_what_is_there(loop: Any) -> None:
    cycle_id = alarmed(loop)
    for who in ("ann", "ben"):
        loop.annotators.say(cycle_id, loop.annotators.items(cycle_id)[0], who, "health")
    (seen,) = collect(loop.app, at(21), settle=True)
    assert seen.state is State.READY
    assert len(loop.store.consensus(cycle_id)) == 1


# ---------------------------------------------------------------- retraining


def answered(loop: Any) -> str:
    cycle_id = alarmed(loop)
    loop.annotators.all_say(cycle_id, truth)
    collect(loop.app, at(21))
    return cycle_id


def test_a_better_challenger_is_promoted_and_its_effort_charged(loop: Any) -> None:
    cycle_id = answered(loop)
    (done,) = retrain(loop.app, at(22))
    assert done.promoted
    assert (loop.store.champion("queries"), loop.registry.alias, loop.states()) == ("2", "2", ["closed"])
    given = 20 * len(loop.annotators.items(cycle_id))
    labour = statement(loop.app, "2")
    assert labour.human_low_s == labour.human_high_s == Decimal(given)
    assert {line.kind for line in labour.effort if line.provenance is Provenance.MEASURED} == {
        Kind.PREPARATION,
        Kind.VERIFICATION,
    }
    assert loop.app.ledger.check([cycle_id]) == []
    assert cycle_id in loop.annotators.closed


def test_who_was_champion_when(loop: Any) -> None:
    answered(loop)
    retrain(loop.app, at(22))
    at_moments = [
        loop.store.champion("queries", moment) for moment in (datetime(2019, 1, 1, tzinfo=UTC), at(21), at(23))
    ]
    assert at_moments == [None, "1", "2"]


def test_audited_queries_are_trained_on_by_nobody(loop: Any) -> None:
    cycle_id = answered(loop)
    seen: list[str] = []
    fit = loop.learner.fit
    loop.learner.fit = lambda examples, seed: seen.extend(e.query for e in examples.examples) or fit(examples, seed)
    retrain(loop.app, at(22))
    audited = {r.query for r in loop.store.requests(cycle_id) if r.purpose is Purpose.AUDIT}
    trained = {r.query for r in loop.store.requests(cycle_id) if r.purpose is Purpose.TRAINING}
    assert audited
    assert not audited & set(seen)
    assert trained <= set(seen)


def test_a_challenger_that_learned_nothing_is_rejected_and_its_effort_named_as_waste(loop: Any) -> None:
    cycle_id = answered(loop)
    loop.learner.stubborn = True
    (done,) = retrain(loop.app, at(22))
    assert not done.promoted
    assert (loop.store.champion("queries"), loop.states()) == ("1", ["closed"])
    labour = statement(loop.app, "2")
    assert {line.reason for line in labour.unused} == {"rejected_challenger"}
    assert labour.unused_human_high_s == Decimal(20 * len(loop.annotators.items(cycle_id)))
    assert not [line for line in labour.effort if line.provenance is Provenance.MEASURED]


def test_skips_and_disagreement_are_waste_by_name(loop: Any) -> None:
    loop.with_settings("annotation", max_answers=2)
    cycle_id = alarmed(loop)
    first, second, *rest = loop.annotators.asked[cycle_id].values()
    for who, label in (("ann", "food"), ("ben", "health")):
        loop.annotators.say(cycle_id, first.item_id, who, label)
        loop.annotators.say(cycle_id, second.item_id, who, None)
        for request in rest:
            loop.annotators.say(cycle_id, request.item_id, who, truth(request))
    collect(loop.app, at(21))
    retrain(loop.app, at(22))
    waste = Counter()
    for line in statement(loop.app, "2").unused:
        waste[line.reason] += line.amounts.annotations
    assert waste == {"no_consensus": 2, "skipped": 2}


def test_a_cycle_that_cannot_be_judged_is_abandoned_and_accounted_for(loop: Any) -> None:
    cycle_id = alarmed(loop)
    training = next(r for r in loop.store.requests(cycle_id) if r.purpose is Purpose.TRAINING)
    for who in ("ann", "ben"):
        loop.annotators.say(cycle_id, training.item_id, who, "health")
    collect(loop.app, at(21), settle=True)
    (done,) = retrain(loop.app, at(22))
    assert done.version is None
    assert "audited items" in done.note
    assert loop.states() == ["closed"]
    assert {line.reason for line in statement(loop.app, "1").unused} == {"abandoned"}
    assert loop.app.ledger.check([cycle_id]) == []


def test_a_verdict_against_a_champion_that_has_gone_is_worth_nothing(
    loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cycle_id = answered(loop)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cycle.retrain._promote", killed)
        with pytest.raises(KeyboardInterrupt):
            retrain(loop.app, at(22))
    assert loop.states() == ["passed"]
    other = Promotion(model="queries", sequence=2, version="9", at=at(22), cycle_id=None, note="by hand")
    loop.store.promote(other, over="1")
    (done,) = retrain(loop.app, at(23))
    assert not done.promoted
    assert loop.store.champion("queries") == "9"
    assert loop.states() == ["closed"]
    assert loop.app.ledger.check([cycle_id]) == []


def test_an_alias_that_somebody_moved_is_put_back(loop: Any) -> None:
    begun(loop).registry.alias = "7"
    retrain(loop.app, at(5))
    assert loop.registry.alias == "1"


def test_after_a_promotion_people_rest(loop: Any) -> None:
    answered(loop)
    retrain(loop.app, at(22))
    loop.with_settings("drift", reference_days=3)
    assert watch(loop.app, at(28)).opened is None
    later = watch(loop.app, at(5, month=2))
    assert later.look.alarms
    assert later.opened is not None


def test_after_a_rejection_people_are_asked_on_the_next_day(loop: Any) -> None:
    answered(loop)
    loop.learner.stubborn = True
    retrain(loop.app, at(22))
    assert watch(loop.app, at(22)).opened is None
    assert watch(loop.app, at(23)).opened is not None


def test_an_audit_ends_without_a_version_and_feeds_the_next_look(loop: Any) -> None:
    begun(loop)
    opened = watch(loop.app, at(19)).opened
    assert opened is not None
    loop.annotators.all_say(opened.cycle_id, truth)
    (seen,) = collect(loop.app, at(19))
    assert seen.state is State.CLOSED
    assert retrain(loop.app, at(20)) == []
    answers = audited_answers(loop.app, "1")
    assert len(answers) == seen.items
    wrong = sum("corona" in r.query for r in loop.store.requests(opened.cycle_id))
    assert sum(answer.wrong for answer in answers) == wrong
    assert {line.kind for line in statement(loop.app, "1").effort} == {Kind.PREPARATION, Kind.VERIFICATION}


def test_answers_that_came_late_are_booked_before_the_cycle_closes(loop: Any) -> None:
    cycle_id = answered(loop)
    loop.annotators.say(cycle_id, loop.annotators.items(cycle_id)[0], "late", "health", seconds=33.0)
    retrain(loop.app, at(22))
    assert "p-late" in {answer.annotator for answer in loop.store.answers(cycle_id)}
    assert loop.app.ledger.check([cycle_id]) == []


def test_answers_to_a_closed_cycle_are_booked_and_change_nothing(loop: Any) -> None:
    cycle_id = answered(loop)
    retrain(loop.app, at(22))
    item = loop.annotators.items(cycle_id)[0]
    before = loop.store.consensus(cycle_id)
    loop.annotators.say(cycle_id, item, "late", "food", seconds=44.0)
    assert collect(loop.app, at(23)) == []
    assert loop.store.consensus(cycle_id) == before
    assert loop.app.ledger.check([cycle_id]) == []
    assert statement(loop.app, "2").human.annotations == 2 * len(loop.annotators.items(cycle_id)) + 1
    assert loop.states() == ["closed"]


def test_late_answers_that_a_kill_left_in_the_pool_are_charged_by_the_next_run(
    loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cycle_id = answered(loop)
    retrain(loop.app, at(22))
    loop.annotators.say(cycle_id, loop.annotators.items(cycle_id)[0], "late", "food", seconds=44.0)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cycle.account._charge", killed)
        with pytest.raises(KeyboardInterrupt):
            collect(loop.app, at(23))
    assert loop.app.ledger.unassigned(cycle_id)
    collect(loop.app, at(23))
    assert loop.app.ledger.unassigned(cycle_id) == []
    assert loop.app.ledger.check([cycle_id]) == []


def test_a_round_that_is_recorded_twice_is_one_round(loop: Any) -> None:
    cycle_id = alarmed(loop)
    (round_,), requests = loop.store.rounds(cycle_id), loop.store.requests(cycle_id)
    loop.store.record_round(replace(round_, candidates=0), requests[:1])
    assert loop.store.rounds(cycle_id) == [round_]
    assert loop.store.requests(cycle_id) == requests


# ---------------------------------------------------------------- the store


def test_of_two_promotions_at_once_exactly_one_wins(loop: Any) -> None:
    begun(loop)
    promotion = Promotion(model="queries", sequence=2, version="2", at=at(2), cycle_id=None, note="")
    loop.store.promote(promotion, over="1")
    loop.store.promote(promotion, over="1")
    with pytest.raises(IllegalMove, match="version 2 is champion now"):
        loop.store.promote(replace(promotion, version="3"), over="1")
    assert [p.version for p in loop.store.promotions("queries")] == ["1", "2"]


def test_a_repeated_event_is_one_event_and_an_illegal_one_is_refused(loop: Any) -> None:
    cycle_id = alarmed(loop)
    event = CycleEvent(cycle_id=cycle_id, state=State.READY, at=at(22), note="")
    loop.store.record_event(event)
    loop.store.record_event(event)
    assert [e.state for e in loop.store.events(cycle_id)].count(State.READY) == 1
    with pytest.raises(IllegalMove):
        loop.store.record_event(replace(event, state=State.PROMOTED))


def test_what_the_store_read_is_what_was_recorded(loop: Any) -> None:
    look = watch(begun(loop).app, at(2)).look
    loud = replace(look, at=at(3), reports=(replace(look.reports[0], statistic=float("inf")),))
    loop.store.record_look(loud)
    assert loop.store.looks("queries") == [look, loud]
