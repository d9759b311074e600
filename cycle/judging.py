"""What champion and challenger are compared on: answers that neither was trained on, weighted to stand for traffic."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cycle.app import App
from cycle.records import Cycle
from cycle.training_data import BASE, Labels
from kempelen.protocols import Classifier, Predictor
from kempelen.records import Example, PairedAnswer, Purpose, Slice, TrainingSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An item that the gate asks both models about."""

    slice: Slice
    query: str
    label: str
    weight: float


def questions_for(
    app: App, cycle: Cycle, consensus: Labels, examples: TrainingSet, validation: Sequence[Example]
) -> list[Question]:
    """The cycle's audited items, and those of `validation` that nobody was asked about again."""
    relabelled = {example.query for example in examples.examples if example.source != BASE}
    before = [
        Question(slice=Slice.BEFORE, query=e.query, label=e.label, weight=1.0)
        for e in validation
        if e.query not in relabelled
    ]
    return [*_audited(app, cycle, consensus), *before]


def paired(champion: Predictor, challenger: Classifier, questions: Sequence[Question]) -> list[PairedAnswer]:
    """What both models answer to the questions."""
    queries = [question.query for question in questions]
    return [
        PairedAnswer(
            query=question.query,
            slice=question.slice,
            label=question.label,
            champion=old,
            challenger=new,
            weight=question.weight,
        )
        for question, old, new in zip(
            questions, best_labels(champion, queries), best_labels(challenger, queries), strict=True
        )
    ]


def best_labels(model: Predictor | Classifier, queries: Sequence[str]) -> list[str]:
    """The most probable label of each query."""
    if not queries:
        return []
    return [model.labels[i] for i in np.argmax(model.predict(queries), axis=1)]


def _audited(app: App, cycle: Cycle, consensus: Labels) -> list[Question]:
    """The audited items of all rounds, each with the traffic that it stands for.

    In the round that drew it an item stands for its predictions over its chance. In a later round its answer is
    known, so it is there for certain and stands for its predictions alone: given what was drawn before, the
    sum over each round is an unbiased estimate of that day's traffic, as far as nobody was asked for training.
    """
    items = audit_labels(app)
    items |= {
        r.item_id: (r.query, consensus[r.item_id].label)
        for r in app.store.requests(cycle.cycle_id)
        if r.purpose is Purpose.AUDIT and r.item_id in consensus
    }
    weights: dict[str, float] = defaultdict(float)
    for request in app.store.requests(cycle.cycle_id):
        if request.purpose is Purpose.AUDIT:
            weights[request.item_id] += request.predictions / request.audit_probability
    for round_ in app.store.rounds(cycle.cycle_id):
        for item_id, known in round_.known.items():
            weights[item_id] += known.predictions
    return [
        Question(slice=Slice.TODAY, query=items[item_id][0], label=items[item_id][1], weight=weight)
        for item_id, weight in weights.items()
        if item_id in items
    ]


def audit_labels(app: App) -> dict[str, tuple[str, str]]:
    """Query and consensus label of every settled audit item of the model by item id, the latest asking last."""
    found: dict[str, tuple[str, str]] = {}
    for cycle in app.store.cycles(app.model):
        consensus = app.store.consensus(cycle.cycle_id)
        for r in app.store.requests(cycle.cycle_id):
            found.pop(r.item_id, None)
            if r.purpose is Purpose.AUDIT and r.item_id in consensus:
                found[r.item_id] = (r.query, consensus[r.item_id].label)
    return found
