"""Put before people what they should see now: open items, third opinions, an expert's, hazards in small doses."""

from collections.abc import Mapping
from datetime import datetime

from cycle import care
from cycle.app import App
from cycle.overlap import Need, needs
from cycle.records import Cycle
from kempelen.records import Annotation, LabelRequest, Queue
from kempelen.states import State


def route(app: App, cycle: Cycle, now: datetime) -> int:
    """Bring the annotation system in line with what the cycle needs; how many items were new there.

    Safe to call at any time: items are put there once, and what somebody deleted by hand comes back while it
    is open. What is answered is not asked again, even if it is gone.
    """
    open_ = open_items(app, cycle)
    shown = _released(app, cycle, [r for r in app.store.requests(cycle.cycle_id) if r.item_id in open_], now)
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
        if app.store.state(cycle.cycle_id) is State.LABELLING
        and any(need.expert for need in progress(app, cycle).values())
    ]


def progress(app: App, cycle: Cycle) -> dict[str, Need]:
    """Every item of a cycle with what it still needs."""
    items = [request.item_id for request in app.store.requests(cycle.cycle_id)]
    return needs(items, app.store.answers(cycle.cycle_id), app.settings.annotation)


def _released(app: App, cycle: Cycle, wanted: list[LabelRequest], now: datetime) -> list[LabelRequest]:
    """What may be shown now, in the order of asking."""
    if not any(request.hazards for request in wanted):
        return wanted
    submitted = set(app.annotators.items(cycle.cycle_id))
    others = [one for name in app.store.models() for one in app.store.under_way(name) if one.cycle_id != cycle.cycle_id]
    lingering = _hazards_before_people(app, cycle, submitted) - {request.item_id for request in wanted}
    return care.released(
        wanted,
        submitted=submitted,
        elsewhere=len(lingering)
        + sum(len(_hazards_before_people(app, one, set(app.annotators.items(one.cycle_id)))) for one in others),
        answered=_hazards_answered(app),
        now=now,
        cap=app.settings.care.hazards_per_day,
    )


def _hazards_before_people(app: App, cycle: Cycle, submitted: set[str]) -> set[str]:
    """The hazardous items of a cycle that the annotation system may still show to somebody.

    Those that want an answer, and those that were given up because people skipped them: others still see these.
    """
    needs_of = progress(app, cycle)
    wanted = app.settings.annotation.answers_per_item
    hazardous = {r.item_id for r in app.store.requests(cycle.cycle_id) if r.hazards} & submitted
    return {item for item in hazardous if not needs_of[item].done or needs_of[item].answers < wanted}


def _hazards_answered(app: App) -> list[Annotation]:
    """Every answer to a hazardous item, in all cycles, deleted ones too: they were read."""
    return [
        answer
        for cycle in app.store.cycles()
        for hazardous in [{r.item_id for r in app.store.requests(cycle.cycle_id) if r.hazards}]
        for answer in (app.store.given(cycle.cycle_id) if hazardous else ())
        if answer.item_id in hazardous
    ]
