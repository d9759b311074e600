"""How often the champion is right on live traffic, as the audited answers of a cycle tell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cycle.app import App
from cycle.judging import audit_labels
from cycle.records import Belief, Cycle, Known, Round
from cycle.settle import labels_so_far
from kempelen.errors import KempelenError
from kempelen.records import Estimate, Purpose
from selection import Draw, Part, estimate, estimate_by

CONFIDENCE = 0.95

_NOTHING = 1e-9
"""A share of the traffic that is only the rounding of what was taken from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAccuracy:
    """The share of live traffic on which the champion is right, in all and by predicted label.

    Of the traffic that no model was trained on, and that people could settle. `missing` says why there is no estimate.
    """

    version: str
    overall: Estimate | None
    by_label: Mapping[str, Estimate]
    missing: str = ""

    @property
    def says(self) -> str:
        """The result in a sentence."""
        found = self.overall
        if found is None:
            return f"How often version {self.version} is right on live traffic cannot be said yet: {self.missing}"
        return (
            f"Version {self.version} is right on {found.value:.1%} of live traffic "
            f"({found.confidence:.0%} interval {found.low:.1%} to {found.high:.1%}, {found.answers} audited items)."
        )

    def as_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {
            "version": self.version,
            "overall": _estimate_as_json(self.overall) if self.overall else None,
            "by_label": {label: _estimate_as_json(one) for label, one in self.by_label.items()},
            "missing": self.missing,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Audited:
    """An audited item in a round: what the champion and people say of it; no label: they could not settle it."""

    item: Known
    probability: float
    label: str | None


def live_accuracy(app: App, cycle: Cycle) -> LiveAccuracy:
    """The champion's accuracy over the rounds of a cycle, with intervals that hold one by one."""
    draws = [draw for round_ in app.store.rounds(cycle.cycle_id) if (draw := _draw(app, cycle, round_)) is not None]
    try:
        overall = estimate(draws, confidence=CONFIDENCE)
    except KempelenError as too_little:
        missing = f"{too_little} {too_little.hint}"
        return LiveAccuracy(version=cycle.champion, overall=None, by_label={}, missing=missing)
    by_label, _ = estimate_by(draws, confidence=CONFIDENCE)
    return LiveAccuracy(version=cycle.champion, overall=overall, by_label=by_label)


def _draw(app: App, cycle: Cycle, round_: Round) -> Draw | None:
    """A round as the estimators take it.

    None where it asked nobody, nobody has settled any of it, or an older Kempelen left out its traffic.
    """
    audited = list(_audited(app, cycle, round_))
    if round_.stopped or not (audited and round_.traffic and round_.beliefs):
        return None
    settled = [one for one in audited if one.label is not None]
    parts = _settled_parts(round_, [one.item for one in audited if one.label is None and one.probability >= 1])
    pool = Part(
        share=sum(part.share for part in parts.values()),
        surrogate=sum(part.right for part in parts.values()),
        heaviest=round_.heaviest,
    )
    if pool.share <= _NOTHING:
        return None
    return Draw(
        right=np.array([float(one.label == one.item.suggestion) for one in settled]),
        share=np.array([one.item.predictions / round_.traffic for one in settled]),
        probability=np.array([one.probability for one in settled]),
        surrogate=np.array([one.item.confidence for one in settled]),
        pool=pool,
        weight=float(round_.traffic),
        segment=np.array([one.item.suggestion for one in settled], dtype=np.str_),
        # The heaviest item of all bounds those of each segment.
        segments={
            label: Part(share=part.share, surrogate=part.right, heaviest=round_.heaviest)
            for label, part in parts.items()
        },
    )


def _audited(app: App, cycle: Cycle, round_: Round) -> Iterator[_Audited]:
    """The audited items of a round: those that it drew, and those whose answer was known."""
    labels = {item_id: label for item_id, (_, label) in audit_labels(app).items()}
    labels |= {item_id: one.label for item_id, one in labels_so_far(app, cycle.cycle_id).items()}
    for r in app.store.requests(cycle.cycle_id):
        if r.round == round_.number and r.purpose is Purpose.AUDIT:
            drawn = Known(predictions=r.predictions, suggestion=r.suggestion, confidence=r.confidence)
            yield _Audited(item=drawn, probability=r.audit_probability, label=labels.get(r.item_id))
    for item_id, known in round_.known.items():
        yield _Audited(item=known, probability=1.0, label=labels.get(item_id))


def _settled_parts(round_: Round, unsettled: Sequence[Known]) -> dict[str, Belief]:
    """The pool by predicted label, without the items that were certain and that people could not settle."""
    parts = dict(round_.beliefs)
    for item in unsettled:
        part, share = parts[item.suggestion], item.predictions / round_.traffic
        parts[item.suggestion] = Belief(
            share=max(0.0, part.share - share), right=max(0.0, part.right - share * item.confidence)
        )
    return parts


def _estimate_as_json(found: Estimate) -> dict[str, Any]:
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "confidence": found.confidence,
        "answers": found.answers,
        "effective": found.effective,
        "method": found.method,
    }
