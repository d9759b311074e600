"""What a demo found: read from the store, the books and the servers, and measured on the stream's labels."""

from datetime import date, timedelta
from typing import Any

import numpy as np

from console.demo import stream
from cycle.app import App
from kempelen.protocols import Floats
from ledger.statement import labour


def result_of(app: App) -> dict[str, Any]:
    """The document that `kempelen demo --json` prints, but for how long it took."""
    versions = app.store.versions(app.model)
    promoted = {promotion.version for promotion in app.store.promotions(app.model)}
    return {
        "model": app.model,
        "alarms": [
            {
                "at": look.at.isoformat(),
                "detector": report.detector,
                "terms": [e.subject for e in report.evidence],
                "summary": report.summary,
            }
            for look in app.store.looks(app.model)
            for report in look.alarms
        ],
        "cycles": [
            {
                "cycle": cycle.cycle_id,
                "reason": cycle.reason.value,
                "opened_at": cycle.opened_at.isoformat(),
                "state": app.store.state(cycle.cycle_id).value,
                "items": len(app.store.requests(cycle.cycle_id)),
                "answers": len(app.store.answers(cycle.cycle_id)),
                "settled": len(app.store.consensus(cycle.cycle_id)),
            }
            for cycle in app.store.cycles(app.model)
        ],
        "versions": [
            {
                "version": version.version,
                "model_type": version.model_type,
                "trained_at": version.trained_at.isoformat(),
                "promoted": version.version in promoted,
                "accuracy": _accuracy(app, version.version),
            }
            for version in versions
        ],
        "champion": app.champion,
        "labour": [statement.as_json() for statement in labour(app.ledger, app.model, app.store.lineage(app.model))],
        "label_studio": _label_studio(app),
    }


def days_after_promotion(app: App) -> tuple[date, date]:
    """From the day after the last promotion to the end of the replay; with a single version, the last week."""
    promotions = app.store.promotions(app.model)
    first = stream.LAST_DAY - timedelta(days=6)
    if len(promotions) > 1:
        first = promotions[1].at.date() + timedelta(days=1)
    return first, stream.LAST_DAY


def _accuracy(app: App, version: str) -> dict[str, object]:
    """Share of right answers on held-out December, and on the days after version 2 went into service."""
    first, last = days_after_promotion(app)
    after = [row for day in stream.days(first, last) for row in stream.of_day(day)]
    model = app.registry.load(version)
    return {
        name: round(_share_right(model.labels, model.predict([row.text for row in some]), some), 4)
        for name, some in (("before", stream.held_out()), ("after", after))
    } | {"after_days": [first.isoformat(), last.isoformat()]}


def _share_right(labels: tuple[str, ...], probabilities: Floats, some: list[stream.Row]) -> float:
    said = [labels[i] for i in np.argmax(probabilities, axis=1)]
    right = sum(answer == row.label for answer, row in zip(said, some, strict=True))
    return float(right / len(some))


def _label_studio(app: App) -> dict[str, int]:
    """What Label Studio itself holds, counted there."""
    items = [
        item
        for c in app.store.cycles(app.model)
        for item in ((c.cycle_id, i) for i in app.annotators.items(c.cycle_id))
    ]
    annotations = sum(len(app.annotators.collect(c.cycle_id).annotations) for c in app.store.cycles(app.model))
    return {"items": len(items), "duplicate_items": len(items) - len(set(items)), "annotations": annotations}
