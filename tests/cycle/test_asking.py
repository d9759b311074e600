"""Who is asked what, and how often: third opinions, experts, gold, blind items, budgets, and when it stops."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cycle.accuracy import live_accuracy
from cycle.asked import asked
from cycle.collect import collect
from cycle.look import audited_answers
from cycle.overlap import need
from cycle.retrain import retrain
from cycle.watch import watch
from kempelen.errors import BadData
from kempelen.plugins import build
from kempelen.records import Annotation, LabelRequest, Purpose
from kempelen.settings import AnnotationSettings
from kempelen.states import State
from kempelen.text import item_id
from ledger.entries import Unit

START = datetime(2019, 12, 20, tzinfo=UTC)


def at(day: int, month: int = 1) -> datetime:
    return datetime(2020, month, day, 23, tzinfo=UTC)


def truth(request: LabelRequest) -> str:
    return "health" if "corona" in request.query else "food"


def alarmed(loop: Any) -> str:
    """The cycle that an alarm on the 21st opened."""
    retrain(loop.app, START)
    loop.detector.alarm = True
    watched = watch(loop.app, at(21))
    assert watched.opened is not None
    return watched.opened.cycle_id


def said(*votes: str | None, experts: tuple[str, ...] = ()) -> list[Annotation]:
    """Answers of as many people, experts after them."""
    return [
        Annotation(
            source_id=f"a{n}",
            item_id="i",
            annotator=f"p{n}",
            label=label,
            lead_time_s=1.0,
            started_at=None,
            submitted_at=at(1),
            simulated=False,
            expert=n >= len(votes),
        )
        for n, label in enumerate((*votes, *experts))
    ]


# ---------------------------------------------------------------- third opinions and experts

ALONE = AnnotationSettings()
WITH_EXPERTS = AnnotationSettings(experts=("eve@example.org",))


@pytest.mark.parametrize(
    ("answers", "settings", "wanted", "expert", "done"),
    [
        (said(), ALONE, 2, False, False),
        (said("x"), ALONE, 2, False, False),
        (said("x", "x"), ALONE, 2, False, True),
        (said("x", "y"), ALONE, 3, False, False),
        (said("x", "y", "x"), ALONE, 3, False, True),
        (said("x", "y", "z"), ALONE, 3, False, True),
        (said("x", "y", "z"), WITH_EXPERTS, 3, True, False),
        (said("x", "y", "z", experts=("w",)), WITH_EXPERTS, 4, False, True),
        (said(None, "x"), ALONE, 2, False, False),
        (said(None, None), ALONE, 0, False, True),
        (said(None, None), WITH_EXPERTS, 0, True, False),
    ],
)
def test_what_an_item_needs(
    answers: list[Annotation], settings: AnnotationSettings, wanted: int, *, expert: bool, done: bool
) -> None:
    found = need(answers, settings)
    assert (found.answers, found.expert, found.done) == (wanted, expert, done)


def test_the_last_word_of_a_person_counts() -> None:
    first, second = said("x", "x")
    changed = replace(second, source_id="b", label="y", submitted_at=at(2))
    assert need([first, second, changed], ALONE).answers == 3


def test_people_who_disagree_are_joined_by_a_third(loop: Any) -> None:
    cycle_id = alarmed(loop)
    item = loop.annotators.items(cycle_id)[0]
    loop.annotators.say(cycle_id, item, "ann", "food")
    loop.annotators.say(cycle_id, item, "ben", "health")
    (seen,) = collect(loop.app, at(21))
    assert loop.annotators.wanted == {item: 3}
    assert (seen.answered, seen.state) == (0, State.LABELLING)
    loop.annotators.say(cycle_id, item, "cyd", "health")
    (seen,) = collect(loop.app, at(21))
    assert seen.answered == 1


def test_what_three_people_cannot_settle_goes_to_an_expert(loop: Any) -> None:
    loop.with_settings("annotation", experts=("eve@example.org",), answers_per_item=3)
    loop.with_settings("model", labels=("food", "health", "travel"))
    cycle_id = alarmed(loop)
    item = loop.annotators.items(cycle_id)[0]
    for who, label in (("ann", "food"), ("ben", "health"), ("cyd", "travel")):
        loop.annotators.say(cycle_id, item, who, label)
    (seen,) = collect(loop.app, at(21))
    assert seen.contested == 1
    assert list(loop.annotators.experts_asked[cycle_id]) == [item]
    loop.annotators.say(cycle_id, item, "eve", "travel", expert=True)
    (seen,) = collect(loop.app, at(21))
    assert (seen.contested, seen.answered) == (0, 1)


# ---------------------------------------------------------------- what changes afterwards


def test_an_edited_answer_counts_as_it_is_now_and_is_booked_once(loop: Any) -> None:
    cycle_id = alarmed(loop)
    item = loop.annotators.items(cycle_id)[0]
    loop.annotators.say(cycle_id, item, "ann", "food", seconds=10.0)
    collect(loop.app, at(21))
    (answer,) = loop.annotators.answers[cycle_id]
    loop.annotators.answers[cycle_id] = [replace(answer, label="health", changed_at=at(22))]
    for day in (22, 23):
        collect(loop.app, at(day))
    assert [a.label for a in loop.store.answers(cycle_id)] == ["health"]
    assert [a.label for a in loop.store.given(cycle_id)] == ["food"]
    assert loop.app.ledger.balance(f"pool:{cycle_id}")[Unit.S_HIGH] == 10


def test_a_deleted_answer_no_longer_counts_and_keeps_its_effort(loop: Any) -> None:
    cycle_id = alarmed(loop)
    loop.annotators.all_say(cycle_id, truth)
    item = loop.annotators.items(cycle_id)[0]
    collected = loop.annotators.answers[cycle_id]
    collect_before_settling(loop, cycle_id, item)
    loop.annotators.answers[cycle_id] = [a for a in collected if (a.item_id, a.annotator) != (item, "ann")]
    (seen,) = collect(loop.app, at(22))
    assert seen.state is State.LABELLING
    assert {a.annotator for a in loop.store.answers(cycle_id) if a.item_id == item} == {"p-ben"}
    loop.annotators.say(cycle_id, item, "cyd", truth(loop.annotators.asked[cycle_id][item]))
    collect(loop.app, at(22))
    retrain(loop.app, at(23))
    assert loop.app.ledger.check([cycle_id]) == []
    unused = loop.app.ledger.balance("unused:withdrawn")
    assert unused[Unit.S_HIGH] == 10


def collect_before_settling(loop: Any, cycle_id: str, item: str) -> None:
    """Collect while one other item still wants an answer, so that the cycle stays open."""
    other = next(i for i in loop.annotators.items(cycle_id) if i != item)
    kept = [a for a in loop.annotators.answers[cycle_id] if a.item_id == other]
    loop.annotators.answers[cycle_id] = [a for a in loop.annotators.answers[cycle_id] if a.item_id != other]
    (seen,) = collect(loop.app, at(21))
    assert seen.state is State.LABELLING
    loop.annotators.answers[cycle_id] += kept


def test_items_that_somebody_deleted_come_back_while_they_are_open(loop: Any) -> None:
    cycle_id = alarmed(loop)
    first, second, *_ = loop.annotators.items(cycle_id)
    for who in ("ann", "ben"):
        loop.annotators.say(cycle_id, first, who, truth(loop.annotators.asked[cycle_id][first]))
    collect(loop.app, at(21))
    del loop.annotators.asked[cycle_id][first]
    del loop.annotators.asked[cycle_id][second]
    collect(loop.app, at(21))
    assert second in loop.annotators.items(cycle_id)
    assert first not in loop.annotators.items(cycle_id)
    assert len([a for a in loop.store.answers(cycle_id) if a.item_id == first]) == 2


# ---------------------------------------------------------------- nothing is asked twice


def test_an_answer_stays_valid_until_its_word_surges(loop: Any) -> None:
    loop.with_settings("selection", rest_days=0, rounds=1, stop_when_settled=False)
    retrain(loop.app, START)
    first = watch(loop.app, at(3), open_cycle=True).opened
    assert first is not None
    loop.annotators.all_say(first.cycle_id, lambda _: "food")
    collect(loop.app, at(3))
    retrain(loop.app, at(4))
    loop.detector.alarm = True
    loop.detector.since = date(2020, 1, 20)
    loop.with_settings("drift", reference_days=3)
    second = watch(loop.app, at(21)).opened
    assert second is not None
    before = {r.query for r in loop.store.requests(first.cycle_id)}
    again = {r.query for r in loop.store.requests(second.cycle_id)} & before
    assert again
    assert all("corona" in query for query in again)
    (round_,) = loop.store.rounds(second.cycle_id)
    assert round_.expired == sum("corona" in query for query in before)


def test_an_audited_answer_stands_for_itself_as_long_as_it_is_valid(loop: Any) -> None:
    retrain(loop.app, START)
    first = watch(loop.app, at(19)).opened
    assert first is not None
    loop.annotators.all_say(first.cycle_id, truth)
    collect(loop.app, at(19))
    loop.with_settings("selection", audit_every_days=7)
    second = watch(loop.app, at(27)).opened
    assert second is not None
    (round_,) = loop.store.rounds(second.cycle_id)
    audited = {r.item_id for r in loop.store.requests(first.cycle_id)}
    assert set(round_.known) == audited
    assert not audited & {r.item_id for r in loop.store.requests(second.cycle_id)}
    loop.annotators.all_say(second.cycle_id, truth)
    collect(loop.app, at(27))
    answers = [a for a in audited_answers(loop.app, "1") if a.draw.startswith(second.cycle_id)]
    assert Counter(a.probability == 1.0 for a in answers)[True] >= len(audited)
    assert {a.item_id for a in answers} >= audited


def test_no_audited_item_weighs_more_than_the_bound_that_its_round_keeps(loop: Any) -> None:
    loop.with_settings("selection", round_items=20)
    requests = loop.store.requests(alarmed(loop))
    (round_,) = loop.store.rounds(requests[0].cycle_id)
    weights = [r.predictions / round_.traffic / r.audit_probability for r in requests if r.audit_probability < 1]
    assert round_.heaviest is not None
    assert 0 < max(weights) <= round_.heaviest < 1


# ---------------------------------------------------------------- gold and blind items


def gold(loop: Any, folder: Path, content: str) -> None:
    file = folder / "gold.csv"
    file.write_text("text,label\n" + content)
    loop.with_settings("annotation", gold=file, gold_share=0.2)


def test_gold_items_are_hidden_among_the_others_and_train_nobody(loop: Any, tmp_path: Path) -> None:
    gold(loop, tmp_path, "".join(f"known {n},food\n" for n in range(40)))
    cycle_id = alarmed(loop)
    requests = loop.store.requests(cycle_id)
    known = [r for r in requests if r.purpose is Purpose.GOLD]
    assert len(known) == round((len(requests) - len(known)) / 4)
    assert all(r.blind for r in known)
    places = [place for place, r in enumerate(requests) if r.purpose is Purpose.GOLD]
    assert places != list(range(len(requests) - len(known), len(requests)))
    seen: list[str] = []
    fit = loop.learner.fit
    loop.learner.fit = lambda examples, seed: seen.extend(e.query for e in examples.examples) or fit(examples, seed)
    loop.annotators.all_say(cycle_id, truth)
    collect(loop.app, at(21))
    retrain(loop.app, at(22))
    assert seen
    assert not [query for query in seen if query.startswith("known")]
    assert not [a for a in audited_answers(loop.app, "1") if a.query.startswith("known")]


def test_a_query_of_the_traffic_that_is_gold_is_not_asked_as_another_item(loop: Any, tmp_path: Path) -> None:
    gold(loop, tmp_path, "corona 1,health\n")
    cycle_id = alarmed(loop)
    asked_of = [r for r in loop.store.requests(cycle_id) if r.item_id == item_id("corona 1")]
    assert {r.purpose for r in asked_of} <= {Purpose.GOLD}


def test_gold_with_an_unknown_label_is_a_clear_error(loop: Any, tmp_path: Path) -> None:
    gold(loop, tmp_path, "what,weather\n")
    with pytest.raises(BadData, match="weather"):
        alarmed(loop)
    assert loop.annotators.asked == {}


def test_audited_items_are_blind_and_a_share_of_the_others(loop: Any) -> None:
    loop.with_settings("annotation", blind_share=0.5)
    loop.with_settings("selection", audit_fraction=0.1)
    requests = loop.store.requests(alarmed(loop))
    blind = Counter((r.purpose, r.blind) for r in requests)
    assert blind[Purpose.AUDIT, False] == 0
    others = blind[Purpose.TRAINING, True] + blind[Purpose.TRAINING, False]
    assert others > 30
    assert abs(blind[Purpose.TRAINING, True] - others / 2) <= 3 * (others / 4) ** 0.5


# ---------------------------------------------------------------- how much, and when to stop


def rounds_until_stopped(loop: Any, **selection: Any) -> list[Any]:
    """Three days on which everybody answers at once."""
    loop.with_settings("selection", rounds=3, round_items=24, **selection)
    cycle_id = alarmed(loop)
    for day in (21, 22, 23):
        loop.annotators.all_say(cycle_id, truth)
        collect(loop.app, at(day))
        watch(loop.app, at(day + 1))
    return loop.store.rounds(cycle_id)


def test_a_settled_question_is_asked_no_further(loop: Any) -> None:
    rounds = rounds_until_stopped(loop)
    assert [bool(r.stopped) for r in rounds] == [False, True]
    assert "the gate's question is settled" in rounds[-1].stopped
    (cycle,) = loop.store.cycles()
    collect(loop.app, at(24))
    assert loop.store.state(cycle.cycle_id) is State.READY
    assert asked(loop.app, cycle).stopped == rounds[-1].stopped


def test_rounds_go_on_when_that_is_wished(loop: Any) -> None:
    rounds = rounds_until_stopped(loop, stop_when_settled=False)
    assert [r.stopped for r in rounds] == ["", "", ""]
    assert rounds[1].challenger_accuracy is not None


def test_a_round_that_would_bring_too_little_is_not_asked(loop: Any) -> None:
    loop.learner.stubborn = True
    rounds = rounds_until_stopped(loop, min_gain_per_hour=0.5)
    assert rounds[-1].stopped.startswith("an hour of asking brings 0.0%")


def test_a_budget_of_money_is_one_of_minutes(loop: Any) -> None:
    # 12 EUR an hour and a fee of a quarter make 2.50 EUR ten minutes: twenty items of two answers of 15 seconds.
    loop.with_settings("annotation", pay_per_hour=Decimal(12), platform_fee=0.25)
    loop.with_settings("selection", budget_cost=2.5)
    asked_for = len(loop.store.requests(alarmed(loop)))
    assert 20 - 3 * 20**0.5 <= asked_for <= 20 + 3 * 20**0.5


def test_a_spent_budget_ends_the_asking_and_says_so(loop: Any) -> None:
    rounds = rounds_until_stopped(loop, stop_when_settled=False, budget_minutes=2.0)
    assert any("the budget is spent" in r.stopped for r in rounds)


def test_hazardous_items_are_shown_in_small_doses(loop: Any) -> None:
    loop.with_hazard(terms=("corona",), a_day=5)
    cycle_id = alarmed(loop)
    hazardous = {r.item_id for r in loop.store.requests(cycle_id) if r.hazards}
    assert len(hazardous) > 5
    assert len(hazardous & set(loop.annotators.items(cycle_id))) == 5
    for item in hazardous & set(loop.annotators.items(cycle_id)):
        for who in ("ann", "ben"):
            loop.annotators.say(cycle_id, item, who, "health", on=at(21))
    collect(loop.app, at(21))
    assert len(hazardous & set(loop.annotators.items(cycle_id))) == 5
    collect(loop.app, at(22))
    assert len(hazardous & set(loop.annotators.items(cycle_id))) == 10


# ---------------------------------------------------------------- what an attack found


def test_a_word_that_surges_within_a_cycle_asks_for_none_of_its_items_a_second_time(loop: Any) -> None:
    loop.with_settings("selection", rounds=3, round_items=90, stop_when_settled=False)
    cycle_id = alarmed(loop)
    first = {r.item_id for r in loop.store.requests(cycle_id) if "beer" in r.query}
    assert first
    loop.detector.words, loop.detector.since = ("corona", "beer"), date(2020, 1, 22)
    watch(loop.app, at(22))
    items = [r.item_id for r in loop.store.requests(cycle_id)]
    assert len(loop.store.rounds(cycle_id)) == 2
    assert len(items) == len(set(items))


class Counting:
    """A strategy that counts how often it is asked for its sizes."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.asked = inner, 0

    def sizes(self, pool: Any) -> Any:
        self.asked += 1
        return self.inner.sizes(pool)

    def reason(self, pool: Any, place: int) -> str:
        return str(self.inner.reason(pool, place))


def test_each_strategy_is_asked_once_a_round(loop: Any) -> None:
    counting = {name: Counting(one) for name, one in loop.app.strategies.items()}
    loop.app = replace(loop.app, strategies=counting)
    assert loop.store.requests(alarmed(loop))
    assert {one.asked for one in counting.values()} == {1}


def test_people_who_agree_are_not_overruled_by_those_who_skip() -> None:
    assert need(said("x", "x", None, None), WITH_EXPERTS).done
    assert need(said("x", "y", None, None), WITH_EXPERTS).expert


def test_an_item_that_every_expert_skips_is_done_without_a_label() -> None:
    asked_of_two = AnnotationSettings(experts=("eve@example.org", "eli@example.org"))
    answers = said("x", "y", "z", experts=("", ""))
    first, second = (replace(answer, label=None) for answer in answers[3:])
    one = need([*answers[:3], first], asked_of_two)
    both = need([*answers[:3], first, second], asked_of_two)
    assert (one.expert, one.done) == (True, False)
    assert (both.expert, both.done) == (False, True)


def test_an_expert_s_skip_is_no_reason_to_give_an_item_up() -> None:
    (skip,) = (replace(answer, label=None) for answer in said(experts=("",)))
    assert need([skip], WITH_EXPERTS).answers == WITH_EXPERTS.answers_per_item
    assert not need([skip], WITH_EXPERTS).done


def test_what_nobody_answered_until_its_cycle_ended_may_be_asked_again(loop: Any) -> None:
    retrain(loop.app, START)
    first = watch(loop.app, at(19)).opened
    assert first is not None
    item, *unanswered = loop.annotators.items(first.cycle_id)
    loop.annotators.say(first.cycle_id, item, "ann", "food", on=at(19))
    collect(loop.app, at(19), settle=True)
    assert loop.store.state(first.cycle_id) is State.CLOSED
    loop.with_settings("selection", audit_every_days=7, audit_items=100)
    second = watch(loop.app, at(27)).opened
    assert second is not None
    again = {r.item_id for r in loop.store.requests(second.cycle_id)}
    assert item not in again
    assert set(unanswered) <= again


# ---------------------------------------------------------------- how answers were weighed


def test_how_answers_became_labels_is_told(loop: Any) -> None:
    cycle_id = alarmed(loop)
    (cycle,) = loop.store.cycles()
    assert asked(loop.app, cycle).consensus.says == (
        "Answers are weighed by auto: [annotation] consensus names it."  # the loop's rule is a count that says no more
    )
    loop.app = replace(loop.app, consensus=build("consensus", "auto", {"min_votes": 2}))
    loop.annotators.all_say(cycle_id, truth)
    collect(loop.app, at(21))
    found = asked(loop.app, cycle).as_json()["consensus"]
    assert found["says"] == ("Answers were weighed by majority: nobody disagrees, so that all rules say the same.")
    assert (found["rule"], found["by"], found["settled"]) == ("majority", "default", True)


def test_a_rule_that_would_be_chosen_otherwise_by_now_is_told_as_it_was(loop: Any) -> None:
    cycle_id = alarmed(loop)
    (cycle,) = loop.store.cycles()
    loop.app = replace(loop.app, consensus=build("consensus", "auto", {"min_votes": 2}))
    labels, _ = loop.app.consensus.settle(said("x", "x"))
    loop.store.record_consensus(cycle_id, [replace(one, method="auto: one_coin") for one in labels])
    loop.app.move(cycle, State.READY, at(22), "")
    assert asked(loop.app, cycle).consensus.says == (
        "Answers were weighed by one_coin: it was chosen when the cycle was settled; "
        "by the answers as they are now it would be majority."
    )


def test_nothing_waits_for_an_expert_once_a_cycle_is_settled(loop: Any) -> None:
    loop.with_settings("annotation", experts=("eve@example.org",))
    cycle_id = alarmed(loop)
    (cycle,) = loop.store.cycles()
    item = loop.annotators.items(cycle_id)[0]
    for who, label in (("ann", None), ("ben", None)):
        loop.annotators.say(cycle_id, item, who, label)
    collect(loop.app, at(21))
    assert asked(loop.app, cycle).contested == 1
    collect(loop.app, at(22), settle=True)
    assert asked(loop.app, cycle).contested == 0


def test_gold_items_are_paid_for_out_of_the_budget(loop: Any, tmp_path: Path) -> None:
    gold(loop, tmp_path, "".join(f"known {n},food\n" for n in range(40)))
    loop.with_settings("annotation", gold_share=0.5)
    loop.with_settings("selection", budget_minutes=10.0)
    requests = loop.store.requests(alarmed(loop))
    (cycle,) = loop.store.cycles()
    assert all(r.expected_seconds for r in requests)
    # 600 seconds, half of them for gold, at 30 an item: 10 others, give or take what a Poisson draw varies.
    others = [r for r in requests if r.purpose is not Purpose.GOLD]
    assert abs(len(others) - 10) <= 3 * 10**0.5
    assert len(requests) == 2 * len(others)
    assert asked(loop.app, cycle).seconds_asked == pytest.approx(30 * len(requests))


def test_a_small_pool_that_nobody_has_answered_yet_is_told_of_without_an_estimate(loop: Any) -> None:
    retrain(loop.app, START)
    loop.log.queries = ["corona 1", "corona 2", "beer 1", "beer 2"]
    first = watch(loop.app, at(19)).opened
    assert first is not None
    assert all(r.audit_probability == 1 for r in loop.store.requests(first.cycle_id))
    accuracy = asked(loop.app, first).accuracy
    assert accuracy is not None
    assert accuracy.overall is None
    assert "cannot be said yet" in accuracy.says
    loop.annotators.all_say(first.cycle_id, truth)
    collect(loop.app, at(19))
    accuracy = asked(loop.app, first).accuracy
    assert accuracy is not None
    assert accuracy.overall is not None
    assert (accuracy.overall.value, accuracy.overall.low, accuracy.overall.high) == (0.5, 0.5, 0.5)


def test_a_heavy_item_that_could_have_been_audited_widens_the_interval_of_live_accuracy(
    loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cycle_id = alarmed(loop)
    (cycle,) = loop.store.cycles()
    loop.annotators.all_say(cycle_id, lambda _: "food")
    collect(loop.app, at(21))
    (round_,) = loop.store.rounds(cycle_id)
    narrow = live_accuracy(loop.app, cycle).overall
    heavy = replace(round_, heaviest=5 * round_.heaviest)
    monkeypatch.setattr(loop.store, "rounds", lambda _: [heavy])
    wide = live_accuracy(loop.app, cycle).overall
    assert narrow is not None
    assert wide is not None
    assert wide.low < narrow.low - 0.05
