"""Put before people what they should see now: open items, third opinions, an expert's, hazards in small doses."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cycle import care
from cycle.app import App
from cycle.care import midnight
from cycle.exposure import exposure
from cycle.overlap import Need, needs
from cycle.records import Cycle
from cycle.settle import supported
from kempelen.records import Annotation, LabelRequest, Purpose, Queue
from kempelen.states import State


def route(app: App, cycle: Cycle, now: datetime) -> int:
    """Bring the annotation system in line with what the cycle needs; how many items were new there.

    Safe to call at any time: items are put there once, and what somebody deleted by hand comes back while it
    is open. What is answered is not asked again, even if it is gone.
    """
    open_ = open_items(app, cycle)
    shown = _released(app, cycle, open_, now)
    for_annotators = [request for request in shown if not open_[request.item_id].expert]
    for_experts = [request for request in shown if open_[request.item_id].expert]
    more = {
        request.item_id: open_[request.item_id].answers
        for request in for_annotators
        if open_[request.item_id].answers > app.settings.annotation.answers_per_item
    }
    new = app.annotators.submit(app.briefing(cycle.cycle_id), for_annotators) if for_annotators else 0
    if more:
        app.annotators.ask_again(app.briefing(cycle.cycle_id), more)
    if for_experts:
        new += app.annotators.submit(app.briefing(cycle.cycle_id, Queue.EXPERTS), for_experts)
    return new


def open_items(app: App, cycle: Cycle) -> Mapping[str, Need]:
    """The items of a cycle that still want an answer, with what they need."""
    found = progress(app, cycle)
    return {item_id: need for item_id, need in found.items() if not need.done}


def contested(app: App) -> list[Cycle]:
    """The cycles with items that wait for an expert, oldest first."""
    return [
        cycle
        for cycle in app.store.under_way(app.model)
        if _is_labelling(app, cycle) and any(need.expert for need in progress(app, cycle).values())
    ]


def progress(app: App, cycle: Cycle) -> dict[str, Need]:
    """Every item of a cycle with what it still needs.

    Once people agree on every item as far as counting goes, the consensus rule is asked, too: an item that it gives
    no label all the same gets a further opinion, and then an expert. Gold items get none of that, for their label is
    known.
    """
    requests = app.store.requests(cycle.cycle_id)
    answers, settings = app.store.answers(cycle.cycle_id), app.settings.annotation
    gold = {request.item_id for request in requests if request.purpose is Purpose.GOLD}
    items = [request.item_id for request in requests]
    known = needs([item for item in items if item in gold], answers, settings.model_copy(update={"experts": ()}))
    found = needs(items, answers, settings) | known
    if not found or not all(need.done for need in found.values()) or not _is_labelling(app, cycle):
        return found
    doubted = {problem.subject for problem in supported(app, cycle.cycle_id)[1]} - gold
    return needs(items, answers, settings, doubted=doubted) | known


def _is_labelling(app: App, cycle: Cycle) -> bool:
    return app.store.state(cycle.cycle_id) is State.LABELLING


def _released(app: App, cycle: Cycle, open_: Mapping[str, Need], now: datetime) -> list[LabelRequest]:
    """What may be shown now, in the order of asking; what is hazardous in it is noted before anybody sees it."""
    wanted = [request for request in app.store.requests(cycle.cycle_id) if request.item_id in open_]
    if not any(request.hazards for request in wanted):
        return wanted
    cycles = app.store.cycles()
    hazardous = {one.cycle_id: found for one in cycles if (found := _Hazardous.of(app, one, now)).items}
    answered = [answer for one in cycles if one.cycle_id in hazardous for answer in _hazards_answered(app, one)]
    with exposure(app.ledger.engine) as shown:
        noted = shown.noted
        own = hazardous[cycle.cycle_id].before_people(noted.get(cycle.cycle_id, {}))
        others = (set(noted) | set(hazardous)) - {cycle.cycle_id}
        elsewhere = sum(
            len(hazardous[one].before_people(noted.get(one, {})) if one in hazardous else noted[one]) for one in others
        )
        allowed = care.released(
            wanted,
            submitted=own,
            elsewhere=elsewhere + len(own - {request.item_id for request in wanted}),
            answered=answered,
            now=now,
            cap=app.settings.care.hazards_per_day,
        )
        shown.note(
            cycle.cycle_id,
            {r.item_id: open_[r.item_id].answers + open_[r.item_id].expert for r in allowed if r.hazards},
        )
    return allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hazardous:
    """The hazardous items of a cycle: which of them the annotation system holds, and how many answers each has."""

    items: frozenset[str]
    submitted: frozenset[str]
    answers: Mapping[str, int]
    wanted: int
    over: bool

    @classmethod
    def of(cls, app: App, cycle: Cycle, now: datetime) -> Self:
        """As far as is known. A cycle is over on the day after its end: until then its items count, as if open."""
        items = frozenset(r.item_id for r in app.store.requests(cycle.cycle_id) if r.hazards)
        over = _ended_before(app, cycle, midnight(now))
        standing = app.store.answers(cycle.cycle_id) if items and not over else []
        return cls(
            items=items,
            submitted=items & frozenset(app.annotators.items(cycle.cycle_id)) if items and not over else frozenset(),
            answers=Counter(answer.item_id for answer in standing if not answer.skipped),
            wanted=app.settings.annotation.answers_per_item,
            over=over,
        )

    def before_people(self, noted: Mapping[str, int]) -> set[str]:
        """The items that the annotation system may still show to somebody.

        Those that have fewer answers than they were put there for, also if people skipped them or were found to agree
        meanwhile: others still see these.
        """
        if self.over:
            return set()
        there = self.submitted | (noted.keys() & self.items)
        return {item for item in there if self.answers.get(item, 0) < noted.get(item, self.wanted)}


def _ended_before(app: App, cycle: Cycle, moment: datetime) -> bool:
    last = app.store.events(cycle.cycle_id)[-1]
    return last.state.ended and last.at < moment


def _hazards_answered(app: App, cycle: Cycle) -> list[Annotation]:
    """Every answer to a hazardous item of a cycle, deleted ones too: they were read."""
    items = {request.item_id for request in app.store.requests(cycle.cycle_id) if request.hazards}
    return [answer for answer in app.store.given(cycle.cycle_id) if answer.item_id in items]
