"""Choose what is worth a person's time, write it down, and put it before people."""

from collections.abc import Mapping
from datetime import datetime
from statistics import median

from cycle.app import App
from cycle.records import Cycle, Look, Reason, Round
from kempelen.errors import NotEnoughData
from kempelen.records import Candidate, LabelRequest
from kempelen.states import State
from selection import AUDIT, choose

TERM_DETECTOR = "term_surge"
"""The detector whose evidence names words; selection aims at them."""


def ask(app: App, cycle: Cycle, look: Look, now: datetime) -> int:
    """Put the next round of a cycle before people, if it has one left for today; how many items were new.

    What will be asked is recorded before anybody is asked, and everything recorded is submitted on
    each call: the connector adds only what is missing, so a kill in between is mended by the next call.
    """
    past = app.store.rounds(cycle.cycle_id)
    if len(past) < cycle.rounds and now.date() not in {r.at.date() for r in past}:
        requests, round_ = _choose(app, cycle, look, now, len(past) + 1)
        app.store.record_round(round_, requests)
    requests = app.store.requests(cycle.cycle_id)
    if not requests:
        return 0
    new = app.annotators.submit(app.briefing(cycle.cycle_id), requests)
    app.move(cycle, State.LABELLING, now, f"{len(requests)} items asked")
    return new


def expected_seconds(app: App) -> float:
    """Median seconds of an answer so far, idle time cut off; the setting until there are any."""
    known = [
        min(answer.lead_time_s, app.settings.annotation.idle_cap_s)
        for cycle in app.store.cycles(app.model)
        for answer in app.store.answers(cycle.cycle_id)
        if answer.lead_time_s is not None
    ]
    return median(known) if known else app.settings.selection.expected_seconds


def _choose(app: App, cycle: Cycle, look: Look, now: datetime, number: int) -> tuple[list[LabelRequest], Round]:
    candidates, held_back = _candidates(app, now)
    surging = _surging(app, cycle, look)
    requests = choose(
        candidates,
        app.strategies,
        _counts(app, cycle),
        surging=surging,
        audit_fraction=app.settings.selection.audit_fraction,
        cycle_id=cycle.cycle_id,
        round=number,
        rng=app.rng("select", f"{cycle.opened_at:%Y%m%d}-{cycle.reason.value}/{number}"),
    )
    round_ = Round(
        cycle_id=cycle.cycle_id,
        number=number,
        at=now,
        surging=surging,
        candidates=len(candidates),
        held_back=held_back,
        traffic=sum(candidate.predictions for candidate in candidates),
    )
    return requests, round_


def _candidates(app: App, now: datetime) -> tuple[list[Candidate], int]:
    """Queries of the current window that nobody was asked about yet, and how many had too few users."""
    try:
        pool, held_back = app.predictions.candidates(
            app.window_start(now), now.date(), min_users=app.settings.selection.min_users, model_version=app.champion
        )
    except NotEnoughData:
        return [], 0
    asked = {r.item_id for c in app.store.cycles(app.model) for r in app.store.requests(c.cycle_id)}
    return [candidate for candidate in pool if candidate.item_id not in asked], held_back


def _surging(app: App, cycle: Cycle, look: Look) -> tuple[str, ...]:
    """The words of the rounds before and of today's alarm, its suspects too, in order of first appearance."""
    words = [word for past in app.store.rounds(cycle.cycle_id) for word in past.surging]
    for report in look.alarms:
        if report.detector == TERM_DETECTOR:
            words += [*(evidence.subject for evidence in report.evidence), *report.suspects]
    return tuple(dict.fromkeys(words))


def _counts(app: App, cycle: Cycle) -> Mapping[str, int]:
    """Items per strategy, within the human minutes that the cycle may still ask for."""
    selection = app.settings.selection
    if cycle.reason is Reason.AUDIT:
        return {AUDIT: selection.audit_items}
    seconds_an_item = expected_seconds(app) * app.settings.annotation.answers_per_item
    affordable = int(selection.budget_minutes * 60 / seconds_an_item) - len(app.store.requests(cycle.cycle_id))
    items = max(0, min(selection.round_items, affordable))
    counts = {name: int(share * items) for name, share in selection.shares.items()}
    largest = max(selection.shares, key=selection.shares.__getitem__)
    counts[largest] += items - sum(counts.values())
    return counts
