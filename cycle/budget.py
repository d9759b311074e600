"""What asking costs: expected seconds of human time an item, and what a cycle may still ask for."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from cycle.app import App
from cycle.records import Cycle
from kempelen.protocols import Floats
from kempelen.records import Annotation, LabelRequest
from ledger.effort import up_to_cap
from ledger.forecast import Forecast, Price, Timed, forecast


def seconds_per_answer(app: App) -> Forecast:
    """What an answer takes, from the effort that was booked; simulated answers count only until people gave some."""
    timed = [
        (answer, Timed(seconds=seconds, characters=len(r.query), label=r.suggestion, annotator=answer.annotator, at=at))
        for cycle in app.store.cycles(app.model)
        for r, answer in _answers(app, cycle)
        for seconds, at in [(_planned_s(app, answer), answer.submitted_at)]
        if seconds is not None
    ]
    people = [one for answer, one in timed if not answer.simulated]
    return forecast(people or [one for _, one in timed], prior_seconds=app.settings.selection.expected_seconds)


def seconds_per_item(app: App, items: Sequence[tuple[str, str]]) -> Floats:
    """Expected seconds of human time that each pair of query and suggestion takes, all its answers together.

    In tenths: a forecast knows no more, and answers that came a moment earlier or later make no other plan.
    """
    if not items:
        return np.zeros(0)
    characters = np.array([len(query) for query, _ in items])
    each = seconds_per_answer(app).many(characters, [label for _, label in items])
    return np.asarray(np.round(each * answers_per_item(app), 1), dtype=float)


def seconds_per_label(app: App) -> float:
    """Expected seconds of human time that one settled label takes, of an item like those that were asked about."""
    requests = [r for cycle in app.store.cycles(app.model) for r in app.store.requests(cycle.cycle_id)]
    lengths, labels = np.array([len(r.query) for r in requests]), [r.suggestion for r in requests]
    seconds = seconds_per_answer(app).many(lengths, labels).mean() if requests else None
    return float(seconds or app.settings.selection.expected_seconds) * answers_per_item(app)


def answers_per_item(app: App) -> float:
    """How many answers an item takes in the end, third opinions included; the setting until there are any."""
    counts = Counter(
        (cycle.cycle_id, answer.item_id) for cycle in app.store.cycles(app.model) for _, answer in _answers(app, cycle)
    )
    wanted = app.settings.annotation.answers_per_item
    done = [count for count in counts.values() if count >= wanted]
    return float(np.mean(done)) if done else float(wanted)


def price(app: App) -> Price:
    """What an hour of human time costs."""
    annotation = app.settings.annotation
    return Price(
        pay_per_hour=annotation.pay_per_hour, platform_fee=annotation.platform_fee, currency=annotation.currency
    )


def seconds_asked(app: App, cycle: Cycle) -> float:
    """Human time that the cycle has asked for: what was given, and what is expected of the answers still to come."""
    given = sum(_planned_s(app, answer) or 0.0 for answer in app.store.given(cycle.cycle_id))
    open_ = Counter(r.item_id for r in app.store.requests(cycle.cycle_id))
    answered = Counter(answer.item_id for answer in app.store.answers(cycle.cycle_id))
    wanted = app.settings.annotation.answers_per_item
    expected = {r.item_id: r.expected_seconds or 0.0 for r in app.store.requests(cycle.cycle_id)}
    return given + sum(expected[item] * max(0, wanted - answered[item]) / wanted for item in open_)


def seconds_left(app: App, cycle: Cycle) -> float:
    """What the cycle may still ask for, in minutes and in money, whichever is less."""
    selection = app.settings.selection
    allowed = selection.budget_minutes * 60
    payable = price(app).affordable_s(Decimal(str(selection.budget_cost))) if selection.budget_cost else None
    allowed = min(allowed, payable) if payable is not None else allowed
    return max(0.0, allowed - seconds_asked(app, cycle))


def _answers(app: App, cycle: Cycle) -> list[tuple[LabelRequest, Annotation]]:
    requests = {r.item_id: r for r in app.store.requests(cycle.cycle_id)}
    return [(requests[a.item_id], a) for a in app.store.answers(cycle.cycle_id) if a.item_id in requests]


def _planned_s(app: App, answer: Annotation) -> float | None:
    """The seconds that were reported, up to the idle cap, to plan with; None where nobody knows."""
    seconds = up_to_cap(answer, app.settings.annotation.idle_cap_s)
    return None if seconds is None else float(seconds)
