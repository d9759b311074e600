"""One pass of the loop as a person follows it: where it stands, what was asked and why, what the gate said."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cycle.anchoring import Anchoring, anchoring
from cycle.records import Cycle, CycleEvent, Judgement, Round
from cycle.store import Store
from kempelen.records import Annotation, ConsensusLabel, LabelRequest, Purpose
from kempelen.states import State

MOST_EXAMPLES = 5
"""Settled items shown, those with the most traffic first."""

_TRAINING = (State.OPEN, State.LABELLING, State.READY, State.TRAINED, State.PASSED, State.PROMOTED, State.CLOSED)
_AUDIT = (State.OPEN, State.LABELLING, State.READY, State.CLOSED)

_MEANING = {
    State.OPEN: "Opened",
    State.LABELLING: "People are asked",
    State.READY: "Answers settled",
    State.TRAINED: "Challengers trained",
    State.PASSED: "Gate passed",
    State.REJECTED: "Gate: rejected",
    State.PROMOTED: "Promoted",
    State.CLOSED: "Effort booked, closed",
    State.ABANDONED: "Abandoned",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A state on the way: reached at a moment, or still to come."""

    state: State
    at: datetime | None
    note: str
    current: bool

    @property
    def title(self) -> str:
        """The state in words."""
        return _MEANING[self.state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """How many items a strategy chose to train on, and to check the model or other answers with."""

    strategy: str
    training: int
    audit: int

    @property
    def items(self) -> int:
        """Both purposes together."""
        return self.training + self.audit


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleItem:
    """A settled item: what the model said, and what people say."""

    query: str
    predictions: int
    suggestion: str
    confidence: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleView:
    """All that the page says of a cycle. `skips` and `annotators` are counted where nobody human answered."""

    cycle: Cycle
    state: State
    steps: tuple[Step, ...]
    rounds: tuple[Round, ...]
    asked: int
    answered: int
    settled: int
    annotations: int
    skips: int | None
    annotators: int | None
    simulated: bool
    blind: int
    anchoring: tuple[Anchoring, ...]
    why: tuple[Why, ...]
    examples: tuple[ExampleItem, ...]
    judgements: tuple[Judgement, ...]
    version: str | None

    @property
    def surging(self) -> tuple[str, ...]:
        """The words that its rounds aimed at."""
        return tuple(dict.fromkeys(word for round_ in self.rounds for word in round_.surging))

    @property
    def held_back(self) -> int:
        """Queries that too few users had issued to be shown to anybody, in the latest round."""
        return self.rounds[-1].held_back if self.rounds else 0

    @property
    def hidden(self) -> tuple[str, ...]:
        """Surging words of which no query had enough users to be shown, in the latest round."""
        return self.rounds[-1].hidden if self.rounds else ()

    @property
    def stopped(self) -> str:
        """Why no further round was asked; empty if all were, or some are still to come."""
        return next((round_.stopped for round_ in self.rounds if round_.stopped), "")


def view(store: Store, cycle: Cycle) -> CycleView:
    """Read a cycle."""
    events = store.events(cycle.cycle_id)
    requests = store.requests(cycle.cycle_id)
    answers = store.answers(cycle.cycle_id)
    consensus = store.consensus(cycle.cycle_id)
    state = store.state(cycle.cycle_id)
    simulated = any(answer.simulated for answer in answers)
    # Whoever sees these grow with each answer knows whose it was.
    nobody_human = all(answer.simulated for answer in answers)
    made = [v.version for v in store.versions(cycle.model) if v.cycle_id == cycle.cycle_id]
    return CycleView(
        cycle=cycle,
        state=state,
        steps=steps(cycle, events),
        rounds=tuple(store.rounds(cycle.cycle_id)),
        asked=len(requests),
        answered=len({answer.item_id for answer in answers}),
        settled=len(consensus),
        annotations=len(answers),
        skips=sum(answer.skipped for answer in answers) if nobody_human else None,
        annotators=len({answer.annotator for answer in answers}) if nobody_human else None,
        simulated=simulated,
        blind=sum(request.blind for request in requests),
        anchoring=tuple(one for one in anchoring(requests, answers) if one.simulated is simulated),
        why=_why(requests),
        examples=_examples(requests, consensus, answers),
        judgements=tuple(store.judgements(cycle.cycle_id)),
        version=made[0] if made else None,
    )


def shown(store: Store, model: str) -> CycleView | None:
    """The cycle under way, one that trains before an audit; without any, the last that trained, or the last."""
    under_way, every = store.under_way(model), store.cycles(model)
    ranked = [
        *[cycle for cycle in reversed(under_way) if cycle.trains],
        *reversed(under_way),
        *[cycle for cycle in reversed(every) if cycle.trains],
        *reversed(every),
    ]
    return view(store, ranked[0]) if ranked else None


def steps(cycle: Cycle, events: Sequence[CycleEvent]) -> tuple[Step, ...]:
    """What was reached, then what is still to come on the straight way."""
    reached = {event.state: event for event in events}
    last = events[-1].state if events else None
    done = [Step(state=e.state, at=e.at, note=e.note, current=e.state is last) for e in events]
    if last is State.ABANDONED:
        return tuple(done)
    way: tuple[State, ...] = _TRAINING if cycle.trains else _AUDIT
    if State.REJECTED in reached:
        way = (State.CLOSED,)
    return (*done, *(Step(state=s, at=None, note="", current=False) for s in way if s not in reached))


def as_json(store: Store, cycle: Cycle) -> dict[str, Any]:
    """One cycle of the JSON interface."""
    seen = view(store, cycle)
    return {
        "cycle_id": cycle.cycle_id,
        "model": cycle.model,
        "reason": cycle.reason.value,
        "champion": cycle.champion,
        "opened_at": cycle.opened_at.isoformat(),
        "state": seen.state.value,
        "rounds": cycle.rounds,
        "rounds_asked": len(seen.rounds),
        "surging": list(seen.surging),
        "items": {"asked": seen.asked, "answered": seen.answered, "settled": seen.settled},
        "annotations": {"given": seen.annotations, "skips": seen.skips, "annotators": seen.annotators},
        "simulated": seen.simulated,
        "blind_items": seen.blind,
        "anchoring": [one.as_json() for one in seen.anchoring],
        "held_back": seen.held_back,
        "hidden_words": list(seen.hidden),
        "stopped": seen.stopped,
        "chosen_by": [{"strategy": w.strategy, "training": w.training, "audit": w.audit} for w in seen.why],
        "version": seen.version,
        "events": [
            {"state": s.state.value, "at": s.at.isoformat(), "note": s.note} for s in seen.steps if s.at is not None
        ],
        "gate": [_judgement(judgement) for judgement in seen.judgements],
    }


def _judgement(judgement: Judgement) -> dict[str, Any]:
    return {
        "model_type": judgement.model_type,
        "passed": judgement.report.passed,
        "checks": [
            {
                "name": check.name,
                "passed": check.passed,
                "n": check.n,
                "champion_accuracy": check.champion_accuracy,
                "challenger_accuracy": check.challenger_accuracy,
                "statistic": check.statistic,
                "threshold": check.threshold,
                "summary": check.summary,
            }
            for check in judgement.report.checks
        ],
    }


def _why(requests: Sequence[LabelRequest]) -> tuple[Why, ...]:
    counts = Counter((request.strategy, request.purpose) for request in requests)
    found = [
        Why(
            strategy=name,
            training=counts[name, Purpose.TRAINING],
            audit=counts[name, Purpose.AUDIT] + counts[name, Purpose.GOLD],
        )
        for name in sorted({strategy for strategy, _ in counts})
    ]
    return tuple(sorted(found, key=lambda why: -why.items))


def _examples(
    requests: Sequence[LabelRequest], consensus: dict[str, ConsensusLabel], answers: Sequence[Annotation]
) -> tuple[ExampleItem, ...]:
    """Settled items alone: what others answered would lead those who are still labelling."""
    if not answers:
        return ()
    settled = [request for request in requests if request.item_id in consensus]
    # Where people and the model disagree, first: that is what their work brought.
    settled.sort(key=lambda r: (consensus[r.item_id].label == r.suggestion, -r.predictions, r.item_id))
    return tuple(
        ExampleItem(
            query=request.query,
            predictions=request.predictions,
            suggestion=request.suggestion,
            confidence=request.confidence,
            label=consensus[request.item_id].label,
        )
        for request in settled[:MOST_EXAMPLES]
    )
