"""Do people follow the model's suggestion? Agreement with it where it was shown, against where it was hidden.

Which items hide it is drawn at random, so the difference is the suggestion's doing.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from scipy.special import ndtri, stdtrit

from kempelen.protocols import Floats
from kempelen.records import Annotation, LabelRequest, Purpose

FEWEST_ITEMS = 20
"""Answered items in each share without which nothing is said."""

FEWEST_PEOPLE = 3
"""People without whom nothing is said: it would be a figure of one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How often answers agree with the suggestion in one share of the items: a mean of items, each one's part."""

    items: int
    answers: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Agreement where the suggestion is seen, less agreement where it is hidden: in [-1, 1], with its interval."""

    value: float
    low: float
    high: float
    confidence: float
    seen: Agreement
    blind: Agreement

    @property
    def says(self) -> str:
        """What it means, in a sentence."""
        if self.low > 0:
            return "Seeing it makes them agree with it more often."
        if self.high < 0:
            return "Seeing it makes them agree with it less often."
        return "That may be chance."


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchoring:
    """Whether people, or simulated annotators, follow the suggestion; without a difference, what is missing to say so.

    A human and a simulated answer are never in one figure.
    """

    simulated: bool
    difference: Difference | None = None
    missing_seen: int = 0
    missing_blind: int = 0
    missing_people: int = 0

    @property
    def says(self) -> str:
        """The result in one or two sentences; simulated annotators are called that."""
        who = "simulated annotators" if self.simulated else "people"
        found = self.difference
        if found is None:
            return f"Whether {who} follow the suggestion cannot be said yet. Needed: {self._missing()}."
        points, low, high = (round(100 * part) for part in (found.value, found.low, found.high))
        return (
            f"{who.capitalize()} agree with the suggestion on {_percent(found.seen.share)} of the items that show it "
            f"and on {_percent(found.blind.share)} of those that hide it: {points:+d} points "
            f"({_percent(found.confidence)} interval {low:+d} to {high:+d}). {found.says}"
        )

    def as_json(self) -> dict[str, Any]:
        """The result as JSON values, with its sentence."""
        return {**asdict(self), "says": self.says}

    def _missing(self) -> str:
        wanted = (
            (self.missing_seen, "more answered item{s} with the suggestion shown"),
            (self.missing_blind, "more answered item{s} with the suggestion hidden"),
            (self.missing_people, "more annotator{s}"),
        )
        return ", ".join(f"{number} {what.format(s='s' * (number > 1))}" for number, what in wanted if number)


def anchoring(
    requests: Sequence[LabelRequest],
    annotations: Sequence[Annotation],
    *,
    first_answers: int = 2,
    confidence: float = 0.95,
) -> tuple[Anchoring, ...]:
    """Compare agreement with the suggestion where it was seen and where it was hidden.

    Parameters
    ----------
    requests
        Of one cycle or several. Only training items count: which of them are blind was drawn at random, while
        audited items may all be. An item that was asked for twice is left out, for its answers may belong to either.
    annotations
        Any answers to them. Experts' answers and skips do not count, and of each item only the first
        `first_answers`, one a person: a further opinion is asked for where the first ones disagree, which is no
        random choice.

    Returns
    -------
    tuple of Anchoring
        What is known of people, and after that of simulated annotators if they gave answers. Nothing in it is
        of one person, and there is no human figure of fewer than FEWEST_PEOPLE people.

    Price: the interval is about these annotators, not about others they might stand for. It respects that the answers
    to an item resemble each other, since an item counts as one observation: blindness is drawn by item, which
    is the level at which errors must be clustered (Abadie, Athey, Imbens & Wooldridge 2023, QJE 138(1)); what differs
    between annotators is in the variation between items. Score intervals of both shares (Wilson 1927, JASA 22), each
    at its effective number of answers and with Student's t for its items (Korn & Graubard 1998, Survey
    Methodology 24), are joined as in Newcombe (1998, Statistics in Medicine 17, method 10), so that complete agreement
    has no interval of width 0. Shares are compared within cycles (Mantel-Haenszel weights), for the part that is blind
    may differ between them.
    """
    times_asked = Counter(request.item_id for request in requests)
    asked = [r for r in requests if r.purpose is Purpose.TRAINING and times_asked[r.item_id] == 1]
    kinds = sorted({False} | {answer.simulated for answer in annotations})
    return tuple(
        _anchoring(
            asked,
            [answer for answer in annotations if answer.simulated is simulated and not answer.expert],
            simulated=simulated,
            first_answers=first_answers,
            confidence=confidence,
        )
        for simulated in kinds
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """An answered item: in which cycle, and which part of its answers is the suggestion."""

    cycle_id: str
    blind: bool
    answers: int
    part: float


def _anchoring(
    asked: Sequence[LabelRequest],
    annotations: Sequence[Annotation],
    *,
    simulated: bool,
    first_answers: int,
    confidence: float,
) -> Anchoring:
    answers_to = _first(annotations, first_answers)
    answered = [request for request in asked if request.item_id in answers_to]
    items = [_item(request, answers_to[request.item_id]) for request in answered]
    people = {answer.annotator for request in answered for answer in answers_to[request.item_id]}
    comparable = _comparable(items)
    missing = _missing(items) if any(_missing(items)) else _missing(comparable)
    missing_people = 0 if simulated else max(0, FEWEST_PEOPLE - len(people))
    if any(missing) or missing_people:
        return Anchoring(
            simulated=simulated, missing_seen=missing[0], missing_blind=missing[1], missing_people=missing_people
        )
    return Anchoring(simulated=simulated, difference=_difference(comparable, confidence))


def _first(annotations: Iterable[Annotation], most: int) -> dict[str, list[Annotation]]:
    """By item, the first labels that different people gave it."""
    in_order = sorted(annotations, key=lambda answer: (answer.submitted_at, answer.source_id))
    by_person: dict[str, dict[str, Annotation]] = defaultdict(dict)
    for answer in in_order:
        if not answer.skipped:
            by_person[answer.item_id].setdefault(answer.annotator, answer)
    return {item_id: list(answers.values())[:most] for item_id, answers in by_person.items()}


def _item(request: LabelRequest, answers: Sequence[Annotation]) -> _Item:
    agreeing = sum(answer.label == request.suggestion for answer in answers)
    return _Item(cycle_id=request.cycle_id, blind=request.blind, answers=len(answers), part=agreeing / len(answers))


def _comparable(items: Sequence[_Item]) -> list[_Item]:
    """The items of cycles that have both shares."""
    both = {item.cycle_id for item in items if item.blind} & {item.cycle_id for item in items if not item.blind}
    return [item for item in items if item.cycle_id in both]


def _missing(items: Sequence[_Item]) -> tuple[int, int]:
    blind = sum(item.blind for item in items)
    return max(0, FEWEST_ITEMS - (len(items) - blind)), max(0, FEWEST_ITEMS - blind)


def _difference(items: Sequence[_Item], confidence: float) -> Difference:
    seen, blind = (_Share.of(items, blind=blind, confidence=confidence) for blind in (False, True))
    value = seen.agreement.share - blind.agreement.share
    return Difference(
        value=value,
        low=value - math.hypot(seen.below, blind.above),
        high=value + math.hypot(seen.above, blind.below),
        confidence=confidence,
        seen=seen.agreement,
        blind=blind.agreement,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """The agreement of one share, and how far its interval reaches below and above it."""

    agreement: Agreement
    below: float
    above: float

    @classmethod
    def of(cls, items: Sequence[_Item], *, blind: bool, confidence: float) -> Self:
        sizes = Counter((item.cycle_id, item.blind) for item in items)
        parts: dict[str, list[float]] = defaultdict(list)
        for item in items:
            if item.blind is blind:
                parts[item.cycle_id].append(item.part)
        weights = np.array([_weight(sizes[cycle, False], sizes[cycle, True]) for cycle in parts])
        weights /= weights.sum()
        share = float(weights @ [np.mean(of_cycle) for of_cycle in parts.values()])
        found = Agreement(
            items=sum(map(len, parts.values())),
            answers=sum(item.answers for item in items if item.blind is blind),
            share=min(share, 1.0),
        )
        low, high = _score_interval(
            found.share, _effective(found, list(parts.values()), weights, confidence), confidence
        )
        return cls(agreement=found, below=found.share - low, above=high - found.share)


def _weight(seen: int, blind: int) -> float:
    return seen * blind / (seen + blind)


def _effective(found: Agreement, parts: Sequence[Sequence[float]], weights: Floats, confidence: float) -> float:
    """How many independent answers would say as much: by the variation between items, which clusters their answers."""
    thinned = float(np.square(weights) @ [1 / len(of_cycle) for of_cycle in parts])
    binomial = found.share * (1 - found.share)
    if binomial == 0:
        return 1 / thinned
    freedom = max(1, found.items - len(parts))
    between = sum(float(np.square(np.subtract(of_cycle, np.mean(of_cycle))).sum()) for of_cycle in parts) / freedom
    tail = (1 + confidence) / 2
    unsure = float(ndtri(tail) / stdtrit(freedom, tail)) ** 2
    return unsure * min(found.answers, binomial / (between * thinned) if between else math.inf)


def _score_interval(share: float, n: float, confidence: float) -> tuple[float, float]:
    """Wilson's interval of a share of n answers; n need not be whole."""
    z = float(ndtri((1 + confidence) / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
