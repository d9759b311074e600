"""From the support that a rule finds for each label to labels and problems: each item is exactly one of the two."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from consensus._votes import Ballots, Floats, Ints, Votes, ballots
from kempelen.errors import ConfigError, Problem
from kempelen.records import Annotation, ConsensusLabel

Weigh = Callable[[Votes, Ints], Floats]
"""The support for each label, shape (items, labels), rows that sum to 1. Second argument: the known labels' places."""

ASK = "Ask one more annotator, or send it to an expert."
_EQUAL = 1e-9
"""Supports that differ by less are a tie: rounding decides nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What an item needs to get a label: so many votes, and more support than this for one label."""

    min_votes: int
    min_support: float
    setting: str

    def __post_init__(self) -> None:
        if self.min_votes < 1:
            raise ConfigError(f"min_votes is {self.min_votes}.", hint="At least one vote is needed: set 1 or more.")
        if not 0 <= self.min_support < 1:
            raise ConfigError(
                f"{self.setting} is {self.min_support}.", hint="It must be exceeded: set 0 or more, and less than 1."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A consensus rule: how votes are weighed, and what an item needs beyond that."""

    name: str
    weigh: Weigh
    demands: Demands

    def settle(
        self, annotations: Sequence[Annotation], gold: Mapping[str, str] | None = None
    ) -> tuple[list[ConsensusLabel], list[Problem]]:
        """One label an item; items without a clear winner come back as problems, not as guesses.

        Both lists are in order of item. An expert's answer decides its item, whatever the others said, and counts
        as a known label beside `gold` when the others' answers are weighed.
        """
        cast = ballots(annotations)
        return settled(cast, self.name, support(cast, self.weigh, gold or {}), self.demands)


def support(cast: Ballots, weigh: Weigh, gold: Mapping[str, str]) -> Floats:
    """What the rule makes of the votes, shape (items with votes, labels)."""
    votes = cast.votes
    if len(votes.labels) < 2:  # noqa: PLR2004 - nobody ever disagreed: there is nothing to weigh
        return np.ones((len(votes.items), len(votes.labels)))
    return weigh(votes, votes.known({**cast.decided(), **gold}))


def settled(
    cast: Ballots, method: str, supports: Floats, demands: Demands
) -> tuple[list[ConsensusLabel], list[Problem]]:
    """Every item of the ballots, once, as a label or as a problem."""
    place = {item: row for row, item in enumerate(cast.votes.items)}
    counts = cast.votes.counts()
    outcomes = [
        _by_experts(item, cast.experts[item], int(counts[place[item]].sum()) if item in place else 0)
        if item in cast.experts
        else _by_rule(item, method, _Opinion.of(cast.votes, counts, supports, place.get(item)), demands)
        for item in cast.items
    ]
    labels = [outcome for outcome in outcomes if isinstance(outcome, ConsensusLabel)]
    return labels, [outcome for outcome in outcomes if isinstance(outcome, Problem)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opinion:
    """What was said of one item: votes by label, and the labels with the most support."""

    counts: Mapping[str, int]
    best: tuple[str, ...] = ()
    confidence: float = 0.0

    @classmethod
    def of(cls, votes: Votes, counts: Ints, supports: Floats, row: int | None) -> "_Opinion":
        if row is None:
            return cls(counts={})
        named = {votes.labels[place]: int(counts[row, place]) for place in np.flatnonzero(counts[row])}
        top = float(supports[row].max())
        best = tuple(votes.labels[place] for place in np.flatnonzero(supports[row] >= top - _EQUAL))
        return cls(counts=named, best=best, confidence=min(1.0, top))


def _by_rule(item: str, method: str, opinion: _Opinion, demands: Demands) -> ConsensusLabel | Problem:
    reason = next(_objections(opinion, demands), None)
    if reason is not None:
        return _problem(item, reason)
    return ConsensusLabel(
        item_id=item,
        label=opinion.best[0],
        confidence=opinion.confidence,
        votes=sum(opinion.counts.values()),
        method=method,
    )


def _objections(opinion: _Opinion, demands: Demands) -> Iterator[str]:
    """Why an item gets no label, the plainest reason first."""
    votes, said = sum(opinion.counts.values()), dict(opinion.counts)
    if not votes:
        yield "Everybody who was asked skipped it."
    if votes < demands.min_votes:
        yield f"{votes} of {demands.min_votes} answers."
    if len(opinion.best) > 1:
        yield f"{said} is a tie: as much speaks for {' as for '.join(opinion.best)}."
    if opinion.best[0] not in said:
        yield f"{said} is doubtful: going by their other answers, {opinion.best[0]} is likelier, which nobody said."
    if not opinion.confidence > demands.min_support:
        yield (
            f"{said} gives {opinion.best[0]} a support of {opinion.confidence:.0%}, "
            f"and {demands.setting} asks for more than {demands.min_support:.0%}."
        )


def _by_experts(item: str, said: Counter[str], others: int) -> ConsensusLabel | Problem:
    if len(said) > 1:
        return Problem(
            stage="consensus",
            subject=item,
            message=f"Experts disagree: {dict(sorted(said.items()))}.",
            hint="Let them talk about it, and let one of them change the answer.",
        )
    return ConsensusLabel(
        item_id=item, label=next(iter(said)), confidence=1.0, votes=said.total() + others, method="expert"
    )


def _problem(item: str, message: str) -> Problem:
    return Problem(stage="consensus", subject=item, message=message, hint=ASK)
