"""Nobody can be shown more hazardous items a day than agreed, though callers meet, break down, or come a day later."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from cycle.exposure import exposure
from cycle.overlap import Need
from cycle.records import Change, Cycle, Reason, Round
from cycle.retrain import retrain
from cycle.route import open_items, route
from kempelen.errors import ConnectorUnavailable, Problem
from kempelen.records import Annotation, Briefing, ConsensusLabel, LabelRequest, Purpose
from kempelen.states import State
from ledger.database import open_engine

CAP = 3
DAY = datetime(2020, 1, 21, 9, tzinfo=UTC)


def request(cycle_id: str, place: int, purpose: Purpose = Purpose.TRAINING) -> LabelRequest:
    return LabelRequest(
        cycle_id=cycle_id, round=1, item_id=f"{cycle_id}-{place}", query=f"query {place}", predictions=3, users=2,
        model_version="1", suggestion="food", confidence=0.9, strategy="margin", reason="because",
        purpose=purpose, inclusion_probability=0.5, audit_probability=0.25, hazards=("illness",),
    )  # fmt: skip


def labelling(loop: Any, cycle_id: str, requests: Sequence[LabelRequest] = ()) -> Cycle:
    """A cycle of six hazardous items that nobody was shown yet."""
    if loop.store.champion("queries") is None:
        retrain(loop.app, DAY - timedelta(days=30))
        loop.with_hazard(terms=("query",), a_day=CAP)
    cycle = Cycle(cycle_id=cycle_id, model="queries", reason=Reason.ALARM, champion="1", opened_at=DAY, rounds=1)
    round_ = Round(cycle_id=cycle_id, number=1, at=DAY, surging=(), candidates=6, held_back=0)
    loop.store.open_cycle(cycle)
    loop.store.record_round(round_, requests or [request(cycle_id, place) for place in range(6)])
    loop.app.move(cycle, State.LABELLING, DAY, "")
    return cycle


def shown(loop: Any) -> int:
    return sum(len(items) for items in loop.annotators.asked.values())


def answered_by(loop: Any, item: str, *labels: str | None, at: datetime = DAY) -> None:
    """Different people answered an item, and it was collected."""
    cycle_id = item.rpartition("-")[0]
    before = len([a for a in loop.store.given(cycle_id) if a.item_id == item])
    answers = [
        Annotation(
            source_id=f"{item}/{before + n}", item_id=item, annotator=f"p{before + n}", label=label, lead_time_s=9.0,
            started_at=None, submitted_at=at, simulated=False,
        )
        for n, label in enumerate(labels)
    ]  # fmt: skip
    loop.store.record_answers(cycle_id, answers)


def test_two_callers_at_a_time_do_not_fill_the_same_room(loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = labelling(loop, "first"), labelling(loop, "second")
    submit, met = loop.annotators.submit, []

    def submit_late(briefing: Briefing, requests: Sequence[LabelRequest]) -> int:
        if not met:
            met.append(briefing.cycle_id)
            route(loop.app, second, DAY)
        return int(submit(briefing, requests))

    monkeypatch.setattr(loop.annotators, "submit", submit_late)
    route(loop.app, first, DAY)
    assert met == ["first"]
    assert shown(loop) == CAP


def test_whoever_notes_second_sees_what_the_first_noted(tmp_path: Path) -> None:
    engines, together = [open_engine(tmp_path / "k.db") for _ in range(6)], Barrier(6)

    def take(place: int) -> int:
        together.wait()
        with exposure(engines[place]) as book:
            room = max(0, CAP - sum(len(items) for items in book.noted.values()))
            book.note(f"c{place}", {f"i{n}": 2 for n in range(min(2, room))})
            return min(2, room)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(take, range(6))) == [0, 0, 0, 0, 1, 2]


def test_items_whose_import_broke_off_count_for_they_may_arrive_late(
    loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = labelling(loop, "first"), labelling(loop, "second")
    with monkeypatch.context() as broken:
        broken.setattr(loop.annotators, "down", True)
        with pytest.raises(ConnectorUnavailable):
            route(loop.app, first, DAY)
    route(loop.app, second, DAY)
    assert shown(loop) == 0
    route(loop.app, first, DAY)
    assert list(loop.annotators.asked["first"]) == ["first-0", "first-1", "first-2"]


def test_what_was_open_in_a_cycle_that_ended_today_counts_until_midnight(loop: Any) -> None:
    first, second = labelling(loop, "first"), labelling(loop, "second")
    route(loop.app, first, DAY)
    for state in (State.ABANDONED, State.CLOSED):
        loop.app.move(first, state, DAY + timedelta(hours=1), "")
    route(loop.app, second, DAY + timedelta(hours=2))
    assert list(loop.annotators.asked.get("second", {})) == []
    route(loop.app, second, DAY + timedelta(days=1))
    assert list(loop.annotators.asked["second"]) == ["second-0", "second-1", "second-2"]


def test_an_item_that_was_asked_on_counts_though_its_people_agree_by_now(loop: Any) -> None:
    # A third opinion was asked for, then somebody came round: the annotation system still shows the item.
    first, second = labelling(loop, "first", [request("first", 0)]), labelling(loop, "second")
    route(loop.app, first, DAY)
    answered_by(loop, "first-0", "food", "health")
    route(loop.app, first, DAY)
    assert loop.annotators.wanted == {"first-0": 3}
    changed = replace(loop.store.given("first")[1], label="food")
    loop.store.record_answers("first", [], changes=[Change(source_id=changed.source_id, at=DAY, now=changed)])
    assert open_items(loop.app, first) == {}
    route(loop.app, second, DAY + timedelta(days=1))
    assert len(loop.annotators.asked["second"]) == CAP - 1


# ---------------------------------------------------------------- the consensus rule has its say


@dataclass
class Doubting:
    """A rule that wants three answers."""

    calls: int = 0

    def settle(
        self, annotations: Sequence[Annotation], gold: Any = None
    ) -> tuple[list[ConsensusLabel], list[Problem]]:  # the contract's signature
        self.calls += 1
        del gold
        items = sorted({answer.item_id for answer in annotations})
        few = [item for item in items if sum(answer.item_id == item for answer in annotations) < 3]
        labels = [
            ConsensusLabel(item_id=item, label="food", confidence=1.0, votes=3, method="doubting")
            for item in items
            if item not in few
        ]
        return labels, [Problem(stage="consensus", subject=item, message="doubtful", hint="Ask.") for item in few]


def doubted(loop: Any, *requests: LabelRequest) -> Cycle:
    cycle = labelling(loop, "first", requests)
    loop.app = replace(loop.app, consensus=Doubting())
    return cycle


def test_an_item_that_the_rule_does_not_settle_gets_a_further_opinion(loop: Any) -> None:
    cycle = doubted(loop, request("first", 0), request("first", 1))
    answered_by(loop, "first-0", "food", "food")
    assert set(open_items(loop.app, cycle)) == {"first-1"}  # first the count is to be content with every item
    answered_by(loop, "first-1", "food", "food")
    further = Need(answers=3, expert=False, done=False)
    assert open_items(loop.app, cycle) == {"first-0": further, "first-1": further}
    answered_by(loop, "first-0", "food")
    answered_by(loop, "first-1", "food")
    assert open_items(loop.app, cycle) == {}


def test_what_the_rule_never_settles_goes_to_an_expert_and_gold_to_nobody(loop: Any) -> None:
    loop.with_settings("annotation", max_answers=2, experts=("eve@example.org",))
    cycle = doubted(loop, request("first", 0), request("first", 1, Purpose.GOLD))
    answered_by(loop, "first-0", "food", "food")
    answered_by(loop, "first-1", "food", "health")
    assert open_items(loop.app, cycle) == {"first-0": Need(answers=2, expert=True, done=False)}


def test_what_the_rule_doubts_on_another_day_waits_for_room_if_it_is_hazardous(loop: Any) -> None:
    cycle, other = doubted(loop, request("first", 0)), labelling(loop, "other")
    route(loop.app, cycle, DAY)
    loop.app.consensus.settle = lambda _, gold=None: ([], [])  # noqa: ARG005 - the contract's signature
    answered_by(loop, "first-0", "food", "food", at=DAY)
    tomorrow = DAY + timedelta(days=1)
    route(loop.app, other, tomorrow)
    assert len(loop.annotators.asked["other"]) == CAP
    del loop.app.consensus.settle
    route(loop.app, cycle, tomorrow)
    assert loop.annotators.wanted == {}
