"""Which labels the answers of a cycle support by now."""

from cycle.app import App
from cycle.gold import gold_labels
from kempelen.errors import Problem
from kempelen.records import ConsensusLabel


def supported(app: App, cycle_id: str) -> tuple[list[ConsensusLabel], list[Problem]]:
    """One label an item that was asked for, and why the others have none.

    Answers to items that somebody added by hand settle nothing.
    """
    asked = {request.item_id for request in app.store.requests(cycle_id)}
    answers = [answer for answer in app.store.answers(cycle_id) if answer.item_id in asked]
    return app.consensus.settle(answers, gold=gold_labels(app))


def labels_so_far(app: App, cycle_id: str) -> dict[str, ConsensusLabel]:
    """The labels by item id: those on record once the cycle is settled, until then what the answers support."""
    return app.store.consensus(cycle_id) or {label.item_id: label for label in supported(app, cycle_id)[0]}
