"""Do people disagree with the model more often than is accepted? The only sensor of a changed meaning."""

from collections import Counter
from dataclasses import replace
from math import exp, log, log10

import numpy as np

from drift._audit import OVERALL_RISK, Audit, Segment, read, segments
from drift._betting import Bools, alternatives, answers_until_alarm, answers_until_below, risk_interval
from drift._reports import SMALLEST_P
from kempelen.errors import ConfigError, NotEnoughData
from kempelen.protocols import DriftDetector
from kempelen.records import AuditedAnswer, DayCount, DriftReport, Evidence, Window

MOST_EXAMPLES = 5
"""Corrected queries shown for a segment."""

_INTERVAL_ALPHA = 0.05
"""Of the confidence sequence that is reported; no alarm depends on it."""


class AuditRisk:
    """A test by betting over the audited answers, valid however often and whenever it is looked at."""

    def __init__(self, *, alpha: float, tolerated: float, tolerated_in_segment: float) -> None:
        self.alpha = alpha
        self.tolerated = tolerated
        self.tolerated_in_segment = tolerated_in_segment

    def detect(self, window: Window) -> DriftReport:
        """Test whether the live risk is above the accepted one: overall, by predicted label, by surging word.

        Parameters
        ----------
        window
            Its `audited` answers, in any order, are the whole audit of this model version. Every candidate of a draw
            has a chance of its own, proportional to its predictions or larger, and independent of the others; which
            of those drawn were answered by now must not depend on whether the model is right about them.
            Of its profiles only the labels are used.

        Returns
        -------
        DriftReport
            `statistic` is log10 of the largest wealth that any of the bets has had after a draw, times its share of
            the budget; `threshold` is log10(1 / alpha). `n_reference` is 0, `n_current` the number of answers. The
            evidence counts answers from the draw from which the risk is most likely raised, until the wealth was
            largest; its `reference_share` is the tolerated risk. `labels_to_decide` is 0 once the question is decided
            (alarm, or the upper bound of the overall risk is below what is tolerated).

        Raises NotEnoughData without audited answers, BadData for one whose weight makes no sense.

        Statistical price: a version has alpha / (i (i + 1)) if i - 1 others were in service within the year; of it
        the overall risk has half, all labels a quarter, the j-th surging word a quarter over j (j + 1). Draws that
        pick a fixed number of items (systematic sampling) are not independent; simulated false alarms stay within
        alpha for them too. With the defaults, alpha 0.0125, and draws of 8 equal items of which 104 answers were
        quiet, the median delay of an error rate that goes from 5 % to 40 % is 56 answers, to 30 % 152; if a tenth of
        the traffic that has a label (of nine) of its own is all wrong from then on, 80. What people get wrong counts
        as the model's error.
        """
        if not window.audited:
            raise NotEnoughData(
                "No prediction of this model version has been audited yet.",
                hint="Let an audit cycle collect answers first (selection.audit_every_days).",
            )
        audit = read(window.audited)
        version = window.predecessors + 1
        level = self.alpha / (version * (version + 1))
        asked = sorted(
            segments(audit, window, self.tolerated, self.tolerated_in_segment), key=lambda s: -s.log_corrected
        )
        statistic = max(0.0, asked[0].log_corrected + log(level / self.alpha)) / log(10)
        alarming = {one.subject: one for one in reversed(asked) if one.log_corrected > -log(level)}
        found = tuple(_evidence(one, level) for one in reversed(alarming.values()))
        more = 0 if found else _labels_to_decide(asked, self.tolerated, level)
        return DriftReport(
            detector="audit_risk",
            statistic=statistic,
            threshold=-log10(self.alpha),
            alpha=self.alpha,
            n_reference=0,
            n_current=len(audit.answers),
            summary=" ".join(_summary(audit, found, more, self.tolerated, window.seconds_per_label)),
            evidence=found,
            labels_to_decide=more,
        )


def _evidence(segment: Segment, level: float) -> Evidence:
    answers = _answers(segment, segment.raised)
    counts = segment.audit.counts[segment.raised]
    wrong = segment.audit.wrong[segment.raised]
    began = answers[0].at.date()
    evidence = Evidence(
        subject=segment.subject,
        reference_count=segment.tolerated * len(answers),
        current_count=int(wrong.sum()),
        reference_share=segment.tolerated,
        current_share=float(counts @ wrong / counts.sum()),
        p_value=max(exp(-segment.log_wealth[segment.peak]), SMALLEST_P),
        budget=level * segment.share,
        first=began,
        since=began,
        label=None if segment.subject == OVERALL_RISK else _label(answers),
        daily=_daily(_answers(segment, segment.chosen)),
        examples=_examples(answers),
    )
    return replace(evidence, says=_in_words(evidence))


def _answers(segment: Segment, chosen: Bools) -> list[AuditedAnswer]:
    return [segment.audit.answers[i] for i in np.flatnonzero(chosen)]


def _label(answers: list[AuditedAnswer]) -> str:
    """What the model mostly takes these queries for."""
    return Counter(sorted(a.prediction for a in answers)).most_common(1)[0][0]


def _daily(answers: list[AuditedAnswer]) -> tuple[DayCount, ...]:
    """Wrong answers among all, by day of the draw."""
    total = Counter(a.at.date() for a in answers)
    wrong = Counter(a.at.date() for a in answers if a.wrong)
    return tuple(DayCount(day=day, count=wrong[day], predictions=total[day]) for day in sorted(total))


def _examples(answers: list[AuditedAnswer]) -> tuple[str, ...]:
    """The corrected queries with the most predictions."""
    corrected = sorted((a for a in answers if a.wrong), key=lambda a: (-a.predictions, a.query))
    return tuple(dict.fromkeys(a.query for a in corrected))[:MOST_EXAMPLES]


def _labels_to_decide(asked: list[Segment], tolerated: float, level: float) -> int | None:
    """Answers until an alarm if a bet is winning or the overall risk looks too high; else until that is ruled out."""
    best = max(asked, key=lambda one: one.log_present)
    overall = next(one for one in asked if one.subject == OVERALL_RISK)
    wrong, n = float(overall.counts @ overall.audit.wrong), float(overall.counts.sum())
    if best.log_wealth[-1] > 0:
        return _until_alarm(best, _believed(best), level)
    if wrong > tolerated * n:
        return _until_alarm(overall, wrong / n, level)
    return answers_until_below(wrong, n, tolerated, _INTERVAL_ALPHA)


def _believed(segment: Segment) -> float:
    """The mean of the risks betted on, each with its present stake."""
    stakes = segment.stakes[-1]
    return float(np.average(alternatives(segment.tolerated), weights=np.exp(stakes - stakes.max())))


def _until_alarm(segment: Segment, risk: float, level: float) -> int | None:
    more = answers_until_alarm(segment.stakes[-1], risk, segment.tolerated, -log(level * segment.share))
    recent = segment.audit.draw >= segment.since
    part = segment.counts[recent[segment.chosen]].sum() / np.count_nonzero(recent)
    return None if more is None else int(np.ceil(more / part))


def _summary(
    audit: Audit, found: tuple[Evidence, ...], more: int | None, tolerated: float, seconds_per_label: float | None
) -> list[str]:
    wrong, n = float(audit.counts @ audit.wrong), float(audit.counts.sum())
    low, high = risk_interval(wrong, n, _INTERVAL_ALPHA)
    overall = (
        f"People disagree with {int(audit.wrong.sum())} of {len(audit.answers)} audited predictions: by the traffic "
        f"that these stand for the risk is {100 * wrong / n:.0f} % (95 % confidence sequence {100 * low:.0f} % to "
        f"{100 * high:.0f} %), tolerated is {100 * tolerated:.0f} %."
    )
    return [overall, *([e.says for e in found] or [_outlook(more, seconds_per_label)])]


def _in_words(evidence: Evidence) -> str:
    answered = round(evidence.reference_count / evidence.reference_share)
    return (
        f"Too high since {evidence.since}: {evidence.subject}, {evidence.current_count:.0f} of {answered} wrong "
        f"(tolerated {100 * evidence.reference_share:.0f} %)."
    )


def _outlook(more: int | None, seconds_per_label: float | None) -> str:
    if more is None:
        return "The risk is too near to what is tolerated for more labels to decide soon."
    if more == 0:
        return "That is within what is tolerated."
    effort = f", {more * seconds_per_label / 60:.0f} human minutes," if seconds_per_label else ""
    return f"About {more} more label{'s' if more > 1 else ''}{effort} would decide."


def build(
    *, alpha: float, accepted_risk: float = 0.10, tolerance: float = 0.05, segment_tolerance: float = 0.10
) -> DriftDetector:
    """A live risk above `accepted_risk + tolerance`, or one of a segment above `accepted_risk + segment_tolerance`.

    Parameters
    ----------
    alpha
        Chance of any false alarm in a year, all versions and looks together.
    accepted_risk
        Share of predictions that people disagreed with when the model was accepted, the people's own
        disagreements included; 10 % suits short queries labelled by two people.
    tolerance
        Rise of that share that is not worth an alarm.
    segment_tolerance
        The same for one predicted label or one surging word; larger, for some are harder than the average.
    """
    tolerated, in_segment = accepted_risk + tolerance, accepted_risk + segment_tolerance
    if not (0 < tolerated < 1 and 0 < in_segment < 1):
        raise ConfigError(
            f"audit_risk would tolerate a risk of {tolerated:g} overall and {in_segment:g} in a segment.",
            hint="Choose accepted_risk, tolerance and segment_tolerance so that both sums lie between 0 and 1.",
        )
    return AuditRisk(alpha=alpha, tolerated=tolerated, tolerated_in_segment=in_segment)
