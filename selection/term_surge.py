"""Ask about the queries with a surging word, the more the more often the model was wrong there so far."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from kempelen import text
from kempelen.protocols import Floats, QueryStrategy
from kempelen.records import Pool
from selection import _opinions

Cell = tuple[str, str]
"""A surging word, and what the champion says to a query with it."""


class SurgingTerm:
    """What changed is what a word means, however sure the model is of it.

    Notes
    -----
    The chance that the champion is wrong in a cell (word x predicted label) is learnt from the answers: its mean under
    a beta prior around the word's own rate, which has one around `prior_wrong`; `prior_answers` says what each
    prior is worth. A cell of n candidates counts n ** (1 - `spread`): each query of a small one counts more, for those
    of a large one stand for each other. Once there is a challenger, what it is sure of counts less: that spreads
    the questions over what is still unlike anything answered. An answer puts right as many predictions as the query
    has, so that a query counts by its traffic ** `traffic_power`.
    """

    def __init__(
        self, *, prior_wrong: float, prior_answers: float, spread: float, doubt_power: float, traffic_power: float
    ) -> None:
        self.prior_wrong = prior_wrong
        self.prior_answers = prior_answers
        self.spread = spread
        self.doubt_power = doubt_power
        self.traffic_power = traffic_power

    def sizes(self, pool: Pool) -> Floats:
        """The mean over a candidate's surging words, shape (n,); 0 where there is none."""
        surging = set(pool.surging)
        cells = [[(word, c.label) for word in _surging(c.query, surging)] for c in pool.candidates]
        crowd = Counter(cell for own in cells for cell in own)
        wrong = _Wrong(pool, surging, self.prior_wrong, self.prior_answers)
        worth = {cell: wrong.chance(cell) * count**-self.spread for cell, count in crowd.items()}
        base = np.array([float(np.mean([worth[cell] for cell in own])) if own else 0.0 for own in cells])
        return np.asarray(base * self._doubt(pool) * _opinions.traffic(pool) ** self.traffic_power, dtype=np.float64)

    def _doubt(self, pool: Pool) -> Floats:
        """How unsure the challenger is, in [0.05, 1]; 1 before there is one, for the champion's certainty is moot."""
        if pool.challenger is None:
            return np.ones(len(pool.candidates))
        best, second = _opinions.best_two(pool.challenger)
        return np.asarray(np.clip(1 - (best - second), 0.05, 1.0) ** self.doubt_power)

    def reason(self, pool: Pool, place: int) -> str:
        """Why this candidate, in words."""
        words = _surging(pool.candidates[place].query, set(pool.surging))
        if not words:
            return "no word in it has become more common"
        named = " and ".join(repr(word) for word in words)
        return f"suddenly many people use the word{'s' if len(words) > 1 else ''} {named}"


class _Wrong:
    """How likely the champion is wrong in a cell, given what was answered."""

    def __init__(self, pool: Pool, surging: set[str], prior: float, strength: float) -> None:
        seen: Counter[str | Cell] = Counter()
        wrong: Counter[str | Cell] = Counter()
        for one in pool.answered:
            for word in _surging(one.query, surging):
                for key in (word, (word, one.suggestion)):
                    seen[key] += 1
                    wrong[key] += one.label != one.suggestion
        self._seen, self._wrong, self._prior, self._strength = seen, wrong, prior, strength

    def chance(self, cell: Cell) -> float:
        return self._mean(cell, self._mean(cell[0], self._prior))

    def _mean(self, key: str | Cell, prior: float) -> float:
        return (self._wrong[key] + self._strength * prior) / (self._seen[key] + self._strength)


def _surging(query: str, surging: set[str]) -> Sequence[str]:
    return [word for word in text.terms(query) if word in surging]


def build(
    prior_wrong: float = 0.5,
    prior_answers: float = 2.0,
    spread: float = 0.25,
    doubt_power: float = 2.0,
    traffic_power: float = 1.0,
) -> QueryStrategy:
    """Prior chance of a wrong answer and its worth in answers; how small cells, doubt and traffic are favoured."""
    return SurgingTerm(
        prior_wrong=prior_wrong,
        prior_answers=prior_answers,
        spread=spread,
        doubt_power=doubt_power,
        traffic_power=traffic_power,
    )
