"""Promote a challenger that corrects more audited answers than it spoils, and forgets nothing old."""

from collections.abc import Sequence
from math import comb, sqrt
from statistics import NormalDist

from kempelen.errors import NotEnoughData
from kempelen.protocols import Gate
from kempelen.records import GateCheck, GateReport, PairedAnswer, Slice


def sign_test(better: int, worse: int) -> float:
    """The chance of at least `better` heads in `better + worse` tosses of a fair coin.

    The exact form of McNemar's test (McNemar 1947, Psychometrika 12(2)), one-sided.

    >>> sign_test(5, 0)
    0.03125
    """
    n = better + worse
    return float(sum(comb(n, k) for k in range(better, n + 1)) / 2**n)


class PairedGate:
    """Two checks, both on items that neither model was trained on.

    *today*: on audited items of today's traffic, the challenger corrects more answers than it
    spoils (exact one-sided sign test at `alpha`), and its accuracy over the traffic, estimated with
    the inclusion probabilities (Hajek), is higher. Needs no minimum: with few items it cannot pass.
    The test speaks of the items as they were drawn, aimed at what surged; the estimate of the traffic
    is a point, without an interval, and over several rounds it leaves out the later traffic of items
    that were asked about before.

    *before the shift*: accuracy on held-out traffic from before is, with confidence 1 - `alpha`, at
    most `tolerance` lower (one-sided Wald bound of the paired difference; `min_before` items at least).
    """

    def __init__(self, alpha: float, tolerance: float, min_before: int) -> None:
        self.alpha = alpha
        self.tolerance = tolerance
        self.min_before = min_before

    def judge(self, answers: Sequence[PairedAnswer]) -> GateReport:
        """Raises NotEnoughData when a slice is missing: an empty comparison is no pass."""
        today = [answer for answer in answers if answer.slice is Slice.TODAY]
        before = [answer for answer in answers if answer.slice is Slice.BEFORE]
        if not today or len(before) < self.min_before:
            raise NotEnoughData(
                f"The gate has {len(today)} audited items of today's traffic and {len(before)} from before the shift.",
                hint=f"It needs at least 1 and {self.min_before}: ask more people, or give more base data.",
            )
        return GateReport(gate="paired", checks=(self._better_today(today), self._no_worse_before(before)))

    def _better_today(self, answers: Sequence[PairedAnswer]) -> GateCheck:
        better = sum(_right(a, a.challenger) and not _right(a, a.champion) for a in answers)
        worse = sum(_right(a, a.champion) and not _right(a, a.challenger) for a in answers)
        champion, challenger = _accuracies(answers)
        p_value = sign_test(better, worse)
        return GateCheck(
            name=Slice.TODAY,
            passed=p_value <= self.alpha and challenger > champion,
            n=len(answers),
            champion_accuracy=champion,
            challenger_accuracy=challenger,
            statistic=p_value,
            threshold=self.alpha,
            summary=f"corrects {better} audited answers and spoils {worse} of {len(answers)} (p = {p_value:.4f}); "
            f"accuracy over today's traffic {champion:.1%} -> {challenger:.1%}",
        )

    def _no_worse_before(self, answers: Sequence[PairedAnswer]) -> GateCheck:
        champion, challenger = _accuracies(answers)
        differences = [_right(a, a.challenger) - _right(a, a.champion) for a in answers]
        n = len(differences)
        mean = sum(differences) / n
        variance = sum((d - mean) ** 2 for d in differences) / (n - 1)
        bound = mean - NormalDist().inv_cdf(1 - self.alpha) * sqrt(variance / n)
        return GateCheck(
            name=Slice.BEFORE,
            passed=bound >= -self.tolerance,
            n=n,
            champion_accuracy=champion,
            challenger_accuracy=challenger,
            statistic=bound,
            threshold=-self.tolerance,
            summary=f"accuracy on {n} held-out queries from before the shift {champion:.1%} -> {challenger:.1%} "
            f"(loses at most {max(0.0, -bound):.1%}, allowed {self.tolerance:.1%})",
        )


def _right(answer: PairedAnswer, said: str) -> bool:
    return said == answer.label


def _accuracies(answers: Sequence[PairedAnswer]) -> tuple[float, float]:
    """Weighted share of right answers of champion and challenger."""
    total = sum(a.weight for a in answers)
    champion = sum(a.weight for a in answers if _right(a, a.champion)) / total
    challenger = sum(a.weight for a in answers if _right(a, a.challenger)) / total
    return champion, challenger


def build(alpha: float = 0.05, tolerance: float = 0.02, min_before: int = 100) -> Gate:
    """`alpha` is the chance that a challenger passes the first check that spoils as many answers as it corrects."""
    return PairedGate(alpha, tolerance, min_before)
