"""Items with a known label, hidden among the others: they tell how far answers can be trusted."""

from collections.abc import Mapping

import numpy as np

from cycle.app import App
from cycle.training_data import labelled_queries
from kempelen import text
from kempelen.records import LabelRequest, Purpose

STRATEGY = "gold"


def gold_labels(app: App) -> Mapping[str, str]:
    """The known label by item id; empty without `[annotation] gold`. BadData for a file that cannot be used."""
    return {text.item_id(query): label for query, label in _gold(app).items()}


def gold_requests(app: App, cycle_id: str, round_: int, items: int, rng: np.random.Generator) -> list[LabelRequest]:
    """So many gold items that this cycle did not ask about yet, drawn evenly; all are blind, as others are."""
    asked = {request.item_id for request in app.store.requests(cycle_id)}
    known = _gold(app)
    unused = sorted(query for query in known if text.item_id(query) not in asked)
    drawn = rng.permutation(len(unused))[:items]
    return [_request(app, cycle_id, round_, unused[place], known[unused[place]]) for place in drawn]


def _gold(app: App) -> dict[str, str]:
    file = app.settings.annotation.gold
    return dict(labelled_queries(file, app.settings.model.labels, "[annotation] gold")) if file else {}


def _request(app: App, cycle_id: str, round_: int, query: str, label: str) -> LabelRequest:
    return LabelRequest(
        cycle_id=cycle_id,
        round=round_,
        item_id=text.item_id(query),
        query=query,
        predictions=0,
        users=0,
        days=0,
        model_version=app.champion,
        suggestion=label,
        confidence=0.0,
        strategy=STRATEGY,
        reason="drawn at random",
        purpose=Purpose.GOLD,
        inclusion_probability=1.0,
        audit_probability=0.0,
        blind=True,
    )
