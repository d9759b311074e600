"""Do people disagree with the model more often than is accepted? The only sensor of a changed meaning."""

from math import log10

from drift._betting import risk_interval, wealth
from kempelen.errors import NotEnoughData
from kempelen.protocols import DriftDetector
from kempelen.records import DriftReport, Evidence, Window


class AuditRisk:
    """A test by betting over the audited answers, valid however often and whenever it is looked at."""

    def __init__(self, *, alpha: float, accepted_risk: float, tolerance: float) -> None:
        self.alpha = alpha
        self.tolerated = accepted_risk + tolerance

    def detect(self, window: Window) -> DriftReport:
        """Test whether the live risk is above the accepted one.

        Parameters
        ----------
        window
            Its `audited` answers, in any order, are the whole audit of this model version: drawn so that
            every prediction had the same chance (an item's chance proportional to its predictions).
            Its profiles are ignored.

        Returns
        -------
        DriftReport
            `statistic` is log10 of the largest wealth that the bets on a higher risk have had, `threshold`
            log10(1 / alpha); `alpha` covers all looks at this model version together. `n_reference` is 0.

        Raises NotEnoughData without audited answers.

        Statistical price: with the defaults and an error rate that goes from 5 % to 40 % after 100 quiet answers,
        the median delay is 66 answers at alpha 0.0125; to 30 %, 150. What people get wrong counts as the model's
        error.
        """
        losses = [a.wrong for a in sorted(window.audited, key=lambda a: (a.at, a.item_id))]
        if not losses:
            raise NotEnoughData(
                "No prediction of this model version has been audited yet.",
                hint="Let an audit cycle collect answers first (selection.audit_every_days).",
            )
        highest = max(1.0, float(wealth(losses, self.tolerated).max()))
        evidence = self._evidence(sum(losses), len(losses), 1 / highest)
        return DriftReport(
            detector="audit_risk",
            statistic=log10(highest),
            threshold=-log10(self.alpha),
            alpha=self.alpha,
            n_reference=0,
            n_current=len(losses),
            summary=self._summary(sum(losses), len(losses)),
            evidence=(evidence,) if highest > 1 / self.alpha else (),
        )

    def _evidence(self, wrong: int, n: int, p_value: float) -> Evidence:
        return Evidence(
            subject="live risk",
            reference_count=self.tolerated * n,
            current_count=wrong,
            reference_share=self.tolerated,
            current_share=wrong / n,
            p_value=p_value,
        )

    def _summary(self, wrong: int, n: int) -> str:
        low, high = risk_interval(wrong, n, 0.05)
        return (
            f"People disagree with {wrong} of {n} audited predictions: the risk is {100 * wrong / n:.0f} % "
            f"(95 % confidence sequence {100 * low:.0f} % to {100 * high:.0f} %), "
            f"tolerated is {100 * self.tolerated:.0f} %."
        )


def build(*, alpha: float, looks: int, accepted_risk: float = 0.10, tolerance: float = 0.05) -> DriftDetector:
    """A live risk above `accepted_risk + tolerance`.

    Parameters
    ----------
    alpha
        Chance of any false alarm, however often it is looked at.
    looks
        Ignored: looking more often costs nothing here.
    accepted_risk
        Share of predictions that people disagreed with when the model was accepted, the people's own
        disagreements included; 10 % suits short queries labelled by two people.
    tolerance
        Rise of that share that is not worth an alarm.
    """
    del looks
    return AuditRisk(alpha=alpha, accepted_risk=accepted_risk, tolerance=tolerance)
