"""Choose what is worth a person's time, write it down, and put it before people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from cycle.app import App
from cycle.budget import seconds_left, seconds_per_item
from cycle.gold import gold_requests
from cycle.pool import Gathered, gather
from cycle.records import Cycle, Look, Reason, Round
from cycle.route import route
from cycle.stopping import Provisional, provisional, why_stop
from kempelen.protocols import Classifier, Floats
from kempelen.records import Candidate, LabelRequest, Purpose
from kempelen.states import State
from selection import AUDIT, choose, expected_draw


def ask(app: App, cycle: Cycle, look: Look, now: datetime) -> int:
    """Put the next round of a cycle before people, if it has one left for today; how many items were new.

    What will be asked is recorded before anybody is asked, and everything recorded is routed on each call: the
    connector adds only what is missing, so a kill in between is mended by the next call.
    """
    past = app.store.rounds(cycle.cycle_id)
    if not asked_all(cycle, past) and now.date() not in {r.at.date() for r in past}:
        requests, round_ = _next_round(app, cycle, look, now, past)
        app.store.record_round(round_, requests)
    requests = app.store.requests(cycle.cycle_id)
    if not requests:
        return 0
    new = route(app, cycle, now)
    app.move(cycle, State.LABELLING, now, f"{len(requests)} items asked")
    return new


def asked_all(cycle: Cycle, rounds: Sequence[Round]) -> bool:
    """Whether a cycle asks no further round: it had all of them, or one said why there is no other."""
    return len(rounds) >= cycle.rounds or any(one.stopped for one in rounds)


def _next_round(
    app: App, cycle: Cycle, look: Look, now: datetime, past: list[Round]
) -> tuple[list[LabelRequest], Round]:
    challenger = provisional(app, cycle) if past else None
    gathered = gather(app, cycle, look, now)
    stopped = why_stop(app, cycle, challenger, past)
    drawn = _Drawn() if stopped else _draw(app, cycle, gathered, challenger, len(past) + 1)
    stopped = stopped or drawn.why_none
    round_ = Round(
        cycle_id=cycle.cycle_id,
        number=len(past) + 1,
        at=now,
        surging=gathered.pool.surging,
        candidates=len(gathered.pool.candidates),
        held_back=gathered.held_back,
        traffic=gathered.traffic,
        held_back_predictions=gathered.held_back_predictions,
        hidden=gathered.hidden,
        since=gathered.since,
        expired=gathered.expired,
        known={} if stopped else gathered.known,
        beliefs=gathered.beliefs,
        heaviest=drawn.heaviest,
        challenger_accuracy=challenger.accuracy if challenger else None,
        stopped=stopped,
    )
    return drawn.requests, round_


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """The requests of a round, or why there are none, and the heaviest weight that one could have had."""

    requests: list[LabelRequest] = field(default_factory=list)
    heaviest: float | None = None
    why_none: str = ""


def _draw(app: App, cycle: Cycle, gathered: Gathered, challenger: Provisional | None, number: int) -> _Drawn:
    """The round's requests, or why there are none."""
    left = seconds_left(app, cycle)
    pool = gathered.pool
    seconds = seconds_per_item(app, [(c.query, c.label) for c in pool.candidates])
    if len(seconds) and left < seconds.min():
        return _Drawn(why_none=f"the budget is spent: {left / 60:.1f} minutes are left, too few for another item")
    if challenger and pool.candidates:
        pool = replace(pool, challenger=_said(challenger.classifier, pool.candidates, pool.labels))
    key = f"{cycle.opened_at:%Y%m%d}-{cycle.reason.value}/{number}"
    shares, items = _wanted(app, cycle)
    draw = expected_draw(
        pool,
        app.strategies,
        shares,
        items=items,
        seconds=seconds,
        budget_seconds=left * (1 - _gold_share(app)),
        audit_fraction=app.settings.selection.audit_fraction,
    )
    rng = app.rng("select", key)
    chosen = choose(pool, app.strategies, draw, cycle_id=cycle.cycle_id, round=number, rng=rng)
    rng = app.rng("show", key)
    gold = _priced(app, gold_requests(app, cycle.cycle_id, number, _gold_items(app, len(chosen)), rng))
    requests = _tagged(app, _mixed(_blinded(app, chosen, rng), gold, rng))
    return _Drawn(requests=requests, heaviest=_heaviest(pool.candidates, draw.audit, gathered.traffic))


def _heaviest(candidates: Sequence[Candidate], audit: Floats, traffic: int) -> float | None:
    """The largest share of the traffic over its chance to be audited, of what was neither certain nor impossible."""
    weights = [c.predictions / traffic / chance for c, chance in zip(candidates, audit, strict=True) if 0 < chance < 1]
    return max(weights, default=None)


def _wanted(app: App, cycle: Cycle) -> tuple[Mapping[str, float], int]:
    """The strategies' shares and the number of items of a round."""
    selection = app.settings.selection
    if cycle.reason is Reason.AUDIT:
        return {AUDIT: 1.0}, selection.audit_items
    return selection.shares, selection.round_items


def _blinded(app: App, chosen: Sequence[LabelRequest], rng: np.random.Generator) -> list[LabelRequest]:
    """Which of them hide the model's suggestion is drawn before anybody answers."""
    annotation = app.settings.annotation
    drawn_blind = rng.random(len(chosen)) < annotation.blind_share
    return [
        replace(request, blind=bool(drawn) or (annotation.blind_audit and request.purpose is Purpose.AUDIT))
        for request, drawn in zip(chosen, drawn_blind, strict=True)
    ]


def _tagged(app: App, requests: Sequence[LabelRequest]) -> list[LabelRequest]:
    """With what in them may distress people."""
    hazards = app.hazards.tags_of([(request.query, request.suggestion) for request in requests])
    return [replace(request, hazards=tags) for request, tags in zip(requests, hazards, strict=True)]


def _gold_share(app: App) -> float:
    """The part of a round that is gold."""
    annotation = app.settings.annotation
    return annotation.gold_share if annotation.gold else 0.0


def _gold_items(app: App, asked: int) -> int:
    """So many gold items that they are their share of all."""
    share = _gold_share(app)
    return round(asked * share / (1 - share))


def _priced(app: App, requests: Sequence[LabelRequest]) -> list[LabelRequest]:
    """With the time that they are expected to take: people's minutes are spent on gold, too."""
    seconds = seconds_per_item(app, [(r.query, r.suggestion) for r in requests])
    return [replace(request, expected_seconds=float(each)) for request, each in zip(requests, seconds, strict=True)]


def _mixed(asked: list[LabelRequest], gold: list[LabelRequest], rng: np.random.Generator) -> list[LabelRequest]:
    """Both in an order that tells neither from the other."""
    if not gold:
        return asked
    both = [*asked, *gold]
    return [both[place] for place in rng.permutation(len(both))]


def _said(classifier: Classifier, candidates: Sequence[Candidate], labels: Sequence[str]) -> Floats:
    """Probabilities of the candidates in the order of `labels`, shape (candidates, labels); 0 for unknown labels."""
    said = classifier.predict([candidate.query for candidate in candidates])
    columns = {label: column for column, label in enumerate(classifier.labels)}
    return np.column_stack(
        [said[:, columns[label]] if label in columns else np.zeros(len(candidates)) for label in labels]
    )
