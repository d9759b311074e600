"""Audited answers as a bet sees them: draw by draw, each with what it counts, for all traffic and for its segments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from drift._betting import Bools, Floats, likeliest_start, log_growth, log_wealth, stakes_after
from kempelen.errors import BadData
from kempelen.records import AuditedAnswer, Window
from kempelen.text import terms

OVERALL_RISK = "live risk"

OVERALL, LABELS, WORDS = 0.5, 0.25, 0.25
"""How a version's budget is split over the overall risk, the risks of predicted labels, and those of surging words."""

UNITS = tuple(2.0**-k for k in range(6))
"""What the answers about a word may count at most, tried side by side with equal parts of its budget.

Queries with a surging word are aimed at, so each of them stands for little traffic and would move a bet little that
any query may move by 1. Leaving out those that count more than a unit fixed beforehand makes the unit the bound.
"""

LEAST_OF_WORD = 0.5
"""The answers within a unit must stand for this part of the traffic with the word, to be said to be about it."""

_CERTAIN = 1 - 1e-9
"""Probabilities from here on are 1, but for rounding."""

_ROUNDING = 1e-6
"""Weights that differ by less than this part are the same."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Audit:
    """All answers about a version, in the order of their draws.

    Attributes
    ----------
    answers
        Each answer once, n of them.
    draw
        The number of each answer's draw, ascending from 0, shape (n,).
    counts
        What each counts, shape (n,): its weight over the largest that an uncertain item of its draw is taken to have
        (see `_bounds`). Audits proportional to traffic give all uncertain items the same; items that other strategies
        make surer count less.
    """

    answers: tuple[AuditedAnswer, ...]
    draw: NDArray[np.int64]
    counts: Floats

    @cached_property
    def certain(self) -> Bools:
        """Whether it was certain that they would be asked about, shape (n,)."""
        return np.array([answer.probability >= _CERTAIN for answer in self.answers], dtype=bool)

    @cached_property
    def wrong(self) -> Bools:
        """Whether people disagree with the model, shape (n,)."""
        return np.array([answer.wrong for answer in self.answers], dtype=bool)


def read(audited: Sequence[AuditedAnswer]) -> Audit:
    """Put answers in order. One that is there twice, for the same draw and item, counts once: the latest.

    Raises BadData for an answer whose weight makes no sense.
    """
    by_time = sorted(audited, key=lambda a: (a.at, a.label, a.prediction))
    latest = {(a.draw, a.item_id): _checked(a) for a in by_time}
    began = {a.draw: a.at for a in reversed(by_time)}
    place = {draw: k for k, draw in enumerate(sorted(began, key=lambda draw: (began[draw], draw)))}
    answers = tuple(sorted(latest.values(), key=lambda a: (place[a.draw], a.item_id)))
    draw = np.array([place[a.draw] for a in answers], dtype=np.int64)
    return Audit(answers=answers, draw=draw, counts=_counts(answers, draw))


def _checked(answer: AuditedAnswer) -> AuditedAnswer:
    if not (isfinite(answer.probability) and 0 < answer.probability <= 1):
        raise BadData(
            f"The audited item {answer.item_id} of draw {answer.draw} has inclusion probability {answer.probability}.",
            hint="It must be above 0 and at most 1. An item whose chance is not known cannot stand for the traffic.",
        )
    if not 0 < answer.predictions <= answer.traffic:
        raise BadData(
            f"The audited item {answer.item_id} of draw {answer.draw} has {answer.predictions} of {answer.traffic} "
            "predictions.",
            hint="Count the predictions of all candidates of the draw as its traffic, the item's own among them.",
        )
    return answer


def _counts(answers: Sequence[AuditedAnswer], draw: NDArray[np.int64]) -> Floats:
    weights = np.array([a.weight for a in answers])
    uncertain = np.array([a.probability < _CERTAIN for a in answers])
    return np.asarray(weights / _bounds(answers, weights, uncertain, draw)[draw])


def _bounds(answers: Sequence[AuditedAnswer], weights: Floats, uncertain: Bools, draw: NDArray[np.int64]) -> Floats:
    """For each draw the largest weight that an uncertain item had, drawn or not: as it was kept when it was made.

    Where it was not kept it is estimated: answers do not tell what was not drawn. In a draw proportional to traffic
    all uncertain items weigh the same. In a mixture the heavy ones may all be missing by chance, and the light ones
    must not be taken for them: where weights differ, or one answer cannot tell, the bound is at least what the drawn
    items weigh on average if they stand for all traffic that was not certain. Of simulated years of weekly mixtures
    of 8 items, a quarter of them for the audit, at the tolerated risk with all mistakes where the other strategies
    look, 22 % would alarm without that instead of 5 %, and 10 % do with it; with 20 items or more 1 %.
    """
    heaviest, certain, many = np.zeros((3, draw[-1] + 1))
    lightest = np.full(len(many), np.inf)
    np.maximum.at(heaviest, draw, np.where(uncertain, weights, 0.0))
    np.minimum.at(lightest, draw, np.where(uncertain, weights, np.inf))
    np.add.at(certain, draw, np.where(uncertain, 0.0, weights))
    np.add.at(many, draw, uncertain)
    mean = np.bincount(draw, weights) / np.bincount(draw)
    alike = (many > 1) & (heaviest <= lightest * (1 + _ROUNDING))
    floor = np.where(alike, 0.0, (1 - certain) / np.maximum(many, 1))
    kept = np.zeros(len(many))
    np.maximum.at(kept, draw, np.array([answer.heaviest or 0.0 for answer in answers]))
    return np.where(many > 0, np.where(kept > 0, np.maximum(kept, heaviest), np.maximum(heaviest, floor)), mean)


@dataclass(frozen=True, kw_only=True, eq=False)
class Segment:
    """A part of the traffic whose risk is asked about.

    `share` is its part of the version's budget; `chosen` says which answers are about it, shape (n,); they
    move the bets as what they count over `unit`.
    """

    audit: Audit
    subject: str
    share: float
    tolerated: float
    chosen: Bools
    unit: float = 1.0

    @cached_property
    def counts(self) -> Floats:
        """What each of its answers moves the bets."""
        return self.audit.counts[self.chosen] / self.unit

    @cached_property
    def draws(self) -> NDArray[np.int64]:
        """The draws that have answers about it, ascending."""
        return np.unique(self.audit.draw[self.chosen])

    @cached_property
    def growth(self) -> Floats:
        """The log growth of the stakes in each of these draws."""
        each = log_growth(self.audit.wrong[self.chosen], self.counts, self.tolerated)
        starts = np.searchsorted(self.audit.draw[self.chosen], self.draws)
        return np.asarray(np.add.reduceat(each, starts, axis=0))

    @cached_property
    def stakes(self) -> Floats:
        """The logarithm of each stake after each of these draws."""
        return stakes_after(self.growth)

    @cached_property
    def log_wealth(self) -> Floats:
        """The logarithm of the capital after each of these draws."""
        return log_wealth(self.stakes)

    @cached_property
    def peak(self) -> int:
        """The place in `draws` after which the capital was largest."""
        return int(np.argmax(self.log_wealth))

    @cached_property
    def since(self) -> int:
        """The draw from which on the risk was most likely raised, when the capital was largest."""
        return int(self.draws[likeliest_start(self.growth[: self.peak + 1])])

    @cached_property
    def raised(self) -> Bools:
        """The answers about it from then on until the capital was largest, shape (n,)."""
        return np.asarray(
            self.chosen & (self.audit.draw >= self.since) & (self.audit.draw <= self.draws[self.peak]), dtype=bool
        )

    @property
    def log_present(self) -> float:
        """The logarithm of the present capital times its share."""
        return float(self.log_wealth[-1] + np.log(self.share))

    @property
    def log_corrected(self) -> float:
        """The logarithm of the largest capital, times its share: to be compared with one over the version's budget."""
        return float(self.log_wealth[self.peak] + np.log(self.share))


def segments(audit: Audit, window: Window, tolerated: float, tolerated_in_segment: float) -> list[Segment]:
    """What is asked of the answers: the overall risk, and that of labels and surging words that have answers."""
    everything = np.ones(len(audit.answers), dtype=bool)
    overall = Segment(audit=audit, subject=OVERALL_RISK, share=OVERALL, tolerated=tolerated, chosen=everything)
    parts = [*_by_label(audit, window, tolerated_in_segment), *_by_word(audit, window, tolerated_in_segment)]
    return [overall, *(part for part in parts if part.chosen.any())]


def _by_label(audit: Audit, window: Window, tolerated: float) -> Iterator[Segment]:
    predicted = np.array([answer.prediction for answer in audit.answers])
    labels = sorted({*window.reference.labels, *window.current.labels, *predicted.tolist()})
    for label in labels:
        yield Segment(
            audit=audit,
            subject=f"risk where {label} is predicted",
            share=LABELS / len(labels),
            tolerated=tolerated,
            chosen=predicted == label,
        )


def _by_word(audit: Audit, window: Window, tolerated: float) -> Iterator[Segment]:
    words = [set(terms(answer.query)) for answer in audit.answers]
    for j, word in enumerate(dict.fromkeys(window.surging), start=1):
        about = np.array([word in some for some in words], dtype=bool)
        for unit in UNITS:
            within = about & (audit.certain | (audit.counts <= unit))
            if audit.counts[within].sum() >= LEAST_OF_WORD * audit.counts[about].sum():
                yield Segment(
                    audit=audit,
                    subject=f"risk of queries with {word}",
                    share=WORDS / (j * (j + 1)) / len(UNITS),
                    tolerated=tolerated,
                    chosen=within,
                    unit=unit,
                )
