"""What could be asked about today: the queries of the window that nobody answered lately, and what is known already."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from connectors.scrubbing import showable
from cycle.app import App
from cycle.gold import gold_labels
from cycle.records import Belief, Cycle, Known, Look
from cycle.settle import labels_so_far
from kempelen import text
from kempelen.errors import NotEnoughData
from kempelen.records import Answered, Candidate, DriftReport, LabelRequest, Pool, Purpose, Showable

TERM_DETECTOR = "term_surge"
"""The detector whose evidence names words; selection aims at them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The pool of a round, and what was left out of it.

    `known` are audit items with a valid answer; the round's estimates rest on
    `traffic`: theirs and the pool's. See `cycle.records.Round` for the others.
    """

    pool: Pool
    known: Mapping[str, Known]
    traffic: int
    beliefs: Mapping[str, Belief]
    since: Mapping[str, date]
    expired: int
    hidden: tuple[str, ...]
    held_back: int
    held_back_predictions: int


def gather(app: App, cycle: Cycle, look: Look, now: datetime) -> Gathered:
    """The pool of a cycle's next round.

    A query that was asked about before is left out as long as its answer is valid: `valid_days`, and until a
    word of it begins to surge, for then its meaning may have changed. One that nobody answered until its cycle ended
    may be asked again.
    """
    shown = _showable(app, now)
    since = _since(app, cycle, look)
    gold = gold_labels(app)
    candidates = [c for c in shown.candidates if c.item_id not in gold]
    valid, expired = _asked_before(app, cycle, now, since)
    open_ = [c for c in candidates if c.item_id not in valid]
    known = {
        c.item_id: Known(predictions=c.predictions, suggestion=c.label, confidence=c.confidence)
        for c in candidates
        if c.item_id in valid and valid[c.item_id].purpose is Purpose.AUDIT
    }
    estimated = [c for c in candidates if c.item_id in known] + open_
    words = {word for c in candidates for word in text.terms(c.query)}
    return Gathered(
        pool=Pool(
            candidates=tuple(open_),
            labels=app.settings.model.labels,
            surging=tuple(since),
            segments=_segments(app, look),
            answered=_answered(app, cycle),
        ),
        known=known,
        traffic=sum(c.predictions for c in estimated),
        beliefs=_beliefs(estimated),
        since=since,
        expired=sum(c.item_id in expired for c in open_),
        hidden=tuple(word for word in since if word not in words),
        held_back=shown.held_back,
        held_back_predictions=shown.held_back_predictions,
    )


def _showable(app: App, now: datetime) -> Showable:
    """What may be shown of the current window, scrubbed of personal data."""
    try:
        shown = app.predictions.candidates(
            app.window_start(now), now.date(), min_users=app.settings.selection.min_users, model_version=app.champion
        )
    except NotEnoughData:
        return Showable(candidates=(), held_back=0, held_back_predictions=0)
    return showable(shown, app.scrubber)


def _since(app: App, cycle: Cycle, look: Look) -> Mapping[str, date]:
    """The surging words of the rounds before and of today's alarm, each with the day on which it began.

    A suspect has no such day of its own: it is held to have begun with the first word of the alarm.
    """
    found: dict[str, date] = {}
    for past in app.store.rounds(cycle.cycle_id):
        for word in past.surging:
            found.setdefault(word, past.since.get(word, cycle.opened_at.date()))
    for report in _term_alarms(look):
        days = {e.subject: e.since or e.first or look.at.date() for e in report.evidence}
        first = min(days.values(), default=look.at.date())
        for word in (*days, *report.suspects):
            found.setdefault(word, days.get(word, first))
    return found


def _term_alarms(look: Look) -> list[DriftReport]:
    return [report for report in look.alarms if report.detector == TERM_DETECTOR]


def _segments(app: App, look: Look) -> tuple[str, ...]:
    """The predicted labels that today's alarms name."""
    named = [e.subject for report in look.alarms for e in report.evidence]
    return tuple(label for label in app.settings.model.labels if label in named)


def _asked_before(
    app: App, cycle: Cycle, now: datetime, since: Mapping[str, date]
) -> tuple[dict[str, LabelRequest], set[str]]:
    """The items whose last asking is still valid, with it, and those whose answer a surge has ended.

    A cycle asks for an item once: what began to surge after that ends answers of earlier cycles alone.
    """
    oldest = now - timedelta(days=app.settings.selection.valid_days)
    askings = sorted(_askings(app, oldest), key=lambda asking: asking[1])
    last = {request.item_id: (request, at) for request, at in askings}
    expired = {
        item_id
        for item_id, (request, at) in last.items()
        if request.cycle_id != cycle.cycle_id
        and any(word in since and at.date() < since[word] for word in text.terms(request.query))
    }
    return {item_id: request for item_id, (request, _) in last.items() if item_id not in expired}, expired


def _askings(app: App, oldest: datetime) -> Iterator[tuple[LabelRequest, datetime]]:
    """What was asked about the model since a moment, each with its own, and is answered or still open."""
    for cycle in app.store.cycles(app.model):
        moments = {one.number: one.at for one in app.store.rounds(cycle.cycle_id) if one.at >= oldest}
        if not moments:
            continue
        over = app.store.state(cycle.cycle_id).ended
        answered = {answer.item_id for answer in app.store.given(cycle.cycle_id)} if over else set()
        for request in app.store.requests(cycle.cycle_id):
            if request.round in moments and (not over or request.item_id in answered):
                yield request, moments[request.round]


def _answered(app: App, cycle: Cycle) -> tuple[Answered, ...]:
    """What this cycle's answers support by now."""
    labels = labels_so_far(app, cycle.cycle_id)
    return tuple(
        Answered(query=r.query, label=labels[r.item_id].label, suggestion=r.suggestion)
        for r in app.store.requests(cycle.cycle_id)
        if r.item_id in labels and r.purpose is not Purpose.GOLD
    )


def _beliefs(candidates: Sequence[Candidate]) -> dict[str, Belief]:
    """By predicted label the share of the traffic, and how much of it the champion holds to be right."""
    total = sum(c.predictions for c in candidates)
    parts: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        parts[candidate.label].append(candidate)
    return {
        label: Belief(
            share=sum(c.predictions for c in part) / total,
            right=sum(c.predictions * c.confidence for c in part) / total,
        )
        for label, part in sorted(parts.items())
    }
