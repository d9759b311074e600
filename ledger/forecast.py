"""How many seconds of human time an answer will take, and what they will cost, from what earlier answers took."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ledger.durations import HOUR
from ledger.effort import LONGEST_S

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRIOR_ANSWERS = 20
"""Answers that the prior weighs as much as."""

SHORTEST_S = 0.5
"""Nobody reads and answers in less: shorter reports count as this."""

CUT = 3.0
"""Robust standard deviations (of logarithms) above its fitted time from which an answer's time is cut."""

MIX_HALF_LIFE = timedelta(days=14)
"""An answer this much older than the newest one counts half in who is answering at present."""

_SPREAD, _BY_LENGTH, _BY_LABEL, _BY_ANNOTATOR = 0.6, 0.3, 0.2, 0.3
"""Standard deviations, in logarithms, that are assumed until the answers show theirs. 0.3 is a factor of 1.35."""

_ASSUMED = 5.0
"""Answers, labels or annotators that such an assumption weighs as much as."""

_ROUNDS = 30
_MAD_TO_SD = 1.4826
_CENT, _MS = Decimal("0.01"), Decimal("0.001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One answer that took time, a skip included; `label` is what the model had suggested, known before asking."""

    seconds: float
    characters: int
    label: str
    annotator: str
    at: datetime

    def __post_init__(self) -> None:
        if not (math.isfinite(self.seconds) and self.seconds >= 0 and self.characters >= 0):
            raise ValueError(f"{self.seconds} s for {self.characters} characters are no time of an answer.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Expected seconds of one answer, by the length and the suggested label of what is asked.

    It rests on `answers`; the times of `cut` among them were too long to be believed in whole. Nothing in it is of
    one person.
    """

    level_s: float
    answers: int = 0
    cut: int = 0
    slope: float = 0.0
    characters: tuple[int, int] = (0, 0)
    middle: float = 0.0
    by_label: Mapping[str, float] = field(default_factory=dict)

    def seconds(self, characters: int, label: str) -> float:
        """The mean time of one answer, in seconds, above 0. A label not met before is taken for an average one."""
        return float(self.many(np.array([characters]), [label])[0])

    def many(self, characters: Ints, labels: Sequence[str]) -> Floats:
        """The mean time of one answer to each of n items, in seconds, shape (n,).

        Lengths beyond those met before are taken for the nearest one met.
        """
        length = np.log1p(np.clip(characters, *self.characters)) - self.middle
        factor = np.array([self.by_label.get(label, 1.0) for label in labels], dtype=np.float64)
        return np.asarray(self.level_s * factor * np.exp(self.slope * length))


def forecast(timed: Sequence[Timed], *, prior_seconds: float) -> Forecast:
    """What the next answers will take, if people answer as these did.

    Give human answers or simulated ones, never both: the caller keeps them apart, and forecasts human effort
    from simulated answers at most while there are no human ones.

    Parameters
    ----------
    timed
        Answers in any order. None: the forecast is the prior, for every item.
    prior_seconds
        Mean seconds of an answer that are believed before any is known, above 0.

    Returns
    -------
    Forecast
        A mean, not a median: budgets are sums. Level times a factor for the length times one for the label.
        The level is the credibility mean (Buhlmann 1967, ASTIN Bulletin 4) of the cut times and PRIOR_ANSWERS
        answers of `prior_seconds`. The factors come from a mixed model of the logarithms (`_Model`), in which each
        annotator has an effect, so that no label is slow because slow people met it; the people are then averaged
        as they answer at present. Going back from logarithms by the ratio of the sums is the smearing of Duan
        (1983, JASA 78), weighted by the fitted times: over the known answers the forecasts sum to what they took.

    Price: times above CUT robust standard deviations are cut there, so that a forgotten tab weighs a few times an
    answer and not a thousand times. Log-normal times lose 0.3 % by it at a standard deviation of 0.8; an idle
    hour in each 50 answers adds about a tenth. Times are taken to be independent given annotator, label and
    length. Some seconds for 50,000 answers; grows with the cube of labels plus annotators, from some hundreds on.

    >>> five = [Timed(seconds=60, characters=12, label="a", annotator="p", at=datetime(2020, 1, 21))] * 5
    >>> forecast(five, prior_seconds=15).seconds(12, "a")
    24.0
    """
    if not (math.isfinite(prior_seconds) and prior_seconds > 0):
        raise ValueError(f"{prior_seconds} s is no time that an answer may take.")
    if not timed:
        return Forecast(level_s=prior_seconds)
    seconds = np.clip([answer.seconds for answer in timed], SHORTEST_S, float(LONGEST_S))
    lengths = np.array([answer.characters for answer in timed])
    labels, label = np.unique([answer.label for answer in timed], return_inverse=True)
    _, annotator = np.unique([answer.annotator for answer in timed], return_inverse=True)
    middle = float(np.log1p(lengths).mean())
    length = np.log1p(lengths) - middle
    model = _Model.fitted(np.log(seconds), length, label, annotator)
    cut = np.minimum(seconds, np.exp(model.most))
    mean_s = (PRIOR_ANSWERS * prior_seconds + cut.sum()) / (PRIOR_ANSWERS + len(timed))
    of_item, of_person = np.exp(model.slope * length + model.by_label[label]), np.exp(model.by_annotator[annotator])
    at_present = np.average(of_person, weights=_presence(timed))
    return Forecast(
        level_s=float(mean_s * at_present / (of_item * of_person).mean()),
        answers=len(timed),
        cut=int((cut < seconds).sum()),
        slope=model.slope,
        characters=(int(lengths.min()), int(lengths.max())),
        middle=middle,
        by_label=dict(zip(labels.tolist(), np.exp(model.by_label).tolist(), strict=True)),
    )


def _presence(timed: Sequence[Timed]) -> Floats:
    """How much each answer says of who is answering at present, shape (answers,)."""
    newest = max(answer.at for answer in timed)
    return np.array([0.5 ** ((newest - answer.at) / MIX_HALF_LIFE) for answer in timed])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Model:
    """Logarithms of seconds: intercept + slope * length + label + annotator + rest, all effects shrunk to 0.

    `most` is the logarithm of the longest believable time of each answer, shape (answers,).
    """

    slope: float
    by_label: Floats
    by_annotator: Floats
    most: Floats

    @classmethod
    def fitted(cls, y: Floats, length: Floats, label: Ints, annotator: Ints) -> "_Model":
        """Henderson's mixed-model equations, solved again and again while the variances of the effects are found.

        By EM (Dempster, Laird & Rubin 1977; Searle, Casella & McCulloch 1992, ch. 8). Residuals beyond CUT
        robust standard deviations are pulled in on each step (Huber 1964, Ann. Math. Stat. 35).
        """
        of_label = slice(2, 2 + int(label.max()) + 1)
        of_annotator = slice(of_label.stop, of_label.stop + int(annotator.max()) + 1)
        spreads = [
            _Spread(part=slice(1, 2), assumed=_BY_LENGTH**2),
            _Spread(part=of_label, assumed=_BY_LABEL**2),
            _Spread(part=of_annotator, assumed=_BY_ANNOTATOR**2),
        ]
        design = _design(length, label, of_annotator.start + annotator, of_annotator.stop)
        effects = _effects(y, design, spreads)
        fit = design @ effects
        return cls(
            slope=float(effects[1]),
            by_label=effects[of_label],
            by_annotator=effects[of_annotator],
            most=fit + CUT * _robust_sd(y - fit),
        )


@dataclass(slots=True, kw_only=True)
class _Spread:
    """The variance of a family of effects, held to an assumed one by _ASSUMED effects of it."""

    part: slice
    assumed: float
    variance: float = 0.0

    def __post_init__(self) -> None:
        self.variance = self.assumed

    def learn(self, effects: Floats, covariance: Floats) -> None:
        """The EM step: what the effects are, and how unsure each of them is."""
        found = np.square(effects[self.part]).sum() + np.diag(covariance)[self.part].sum()
        self.variance = float((_ASSUMED * self.assumed + found) / (_ASSUMED + len(effects[self.part])))


def _effects(y: Floats, design: Any, spreads: Sequence[_Spread]) -> Floats:
    """Intercept, slope, labels and annotators, shape (columns of the design,)."""
    gram = (design.T @ design).toarray()
    effects = np.zeros(len(gram))
    effects[0] = np.median(y)
    noise = _SPREAD**2
    for _ in range(_ROUNDS):
        fit = design @ effects
        reach = CUT * _robust_sd(y - fit)
        pulled = fit + np.clip(y - fit, -reach, reach)
        penalty = np.zeros(len(gram))
        for spread in spreads:
            penalty[spread.part] = noise / spread.variance
        inverse = np.linalg.inv(gram + np.diag(penalty))
        effects, covariance = inverse @ (design.T @ pulled), noise * inverse
        missed = np.square(pulled - design @ effects).sum() + (gram * covariance).sum()
        noise = (_ASSUMED * _SPREAD**2 + missed) / (_ASSUMED + len(y))
        for spread in spreads:
            spread.learn(effects, covariance)
    return effects


def _design(length: Floats, label: Ints, annotator_column: Ints, columns: int) -> Any:
    """The rows of the model, sparse, shape (answers, columns): 1, length, which label, which annotator."""
    n = len(length)
    one = np.ones(n)
    values = np.stack([one, length, one, one], axis=1)
    places = np.stack([np.zeros_like(label), np.ones_like(label), 2 + label, annotator_column], axis=1)
    return csr_array((values.ravel(), places.ravel(), np.arange(0, 4 * n + 1, 4)), shape=(n, columns))


def _robust_sd(residuals: Floats) -> float:
    """A standard deviation that idle tabs hardly move, held to _SPREAD by PRIOR_ANSWERS answers."""
    found = _MAD_TO_SD * float(np.median(np.abs(residuals - np.median(residuals))))
    n = len(residuals)
    return math.sqrt((PRIOR_ANSWERS * _SPREAD**2 + n * found**2) / (PRIOR_ANSWERS + n))


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What human time costs: pay, and what a platform adds as a share of it. Without pay it is unknown, not nothing."""

    pay_per_hour: Decimal | None
    platform_fee: float
    currency: str

    def cost(self, seconds: float) -> Decimal | None:
        """Money for so many seconds, fee included, rounded up to the cent: round sums, not items. None is unknown.

        >>> Price(pay_per_hour=Decimal(12), platform_fee=0.2, currency="EUR").cost(100)
        Decimal('0.40')
        """
        if self.pay_per_hour is None:
            return None
        exact = Decimal(str(seconds)).quantize(_MS) * self._of_an_hour(self.pay_per_hour) / HOUR
        return exact.quantize(_CENT, ROUND_CEILING)

    def affordable_s(self, money: Decimal) -> float | None:
        """Seconds that so much money pays, fee included; infinite where nobody is paid. None is unknown.

        >>> Price(pay_per_hour=Decimal(12), platform_fee=0.2, currency="EUR").affordable_s(Decimal("0.40"))
        100.0
        """
        if self.pay_per_hour is None:
            return None
        hour = self._of_an_hour(self.pay_per_hour)
        return float(money * HOUR / hour) if hour else math.inf

    def _of_an_hour(self, pay: Decimal) -> Decimal:
        return pay * (1 + Decimal(str(self.platform_fee)))
