"""Turn tested rates into a report whose figures a person can check."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from drift._rates import Counts, Floats, dispersion, level_each, p_values
from kempelen.records import DriftReport, Evidence, Window

MOST_EVIDENCE = 20
"""Changed subjects listed in a report, the clearest first."""

SMALLEST_P = 1e-300
"""Smaller p-values are written as this one, so that their logarithm stays a number."""

FALSE_DISCOVERY_RATE = 0.1
"""Expected share of suspects that did not change."""

Describe = Callable[[Evidence], str]
Relevant = Callable[[Counts], NDArray[np.bool_]]


def report(  # noqa: PLR0913 - a detector of rates is exactly these things
    *,
    detector: str,
    window: Window,
    counts: Counts,
    alpha: float,
    two_sided: bool,
    relevant: Relevant,
    evidence: Callable[[Counts, int, float], Evidence],
    describe: Describe,
    nothing: str,
) -> DriftReport:
    """Test every subject of `counts`; those that are `relevant` and significant are the evidence.

    `alpha` is the chance of any false alarm in this one comparison, all subjects together.
    `evidence` puts one subject (by its place and p-value) into figures, `describe` into words.
    """
    pooled, each = dispersion(counts)
    level = level_each(counts, alpha, pooled, two_sided=two_sided)
    p = np.maximum(p_values(counts, each, two_sided=two_sided), SMALLEST_P)
    large = relevant(counts)
    order = [int(i) for i in np.lexsort((-counts.current, p)) if large[i]]
    found = [evidence(counts, i, float(p[i])) for i in order if p[i] < level][:MOST_EVIDENCE]
    if found:
        summary = _alarm(found, describe)
    elif order:
        nearest = evidence(counts, order[0], float(p[order[0]]))
        summary = f"{nothing} Nearest to it: {describe(nearest)} (p = {nearest.p_value:.2g}, alarm below {level:.2g})."
    else:
        summary = nothing
    return DriftReport(
        detector=detector,
        statistic=float(-np.log10(p[order[0]])) if order else 0.0,
        threshold=float(-np.log10(level)),
        alpha=alpha,
        n_reference=window.reference.predictions,
        n_current=window.current.predictions,
        summary=summary,
        evidence=tuple(found),
        suspects=tuple(counts.subjects[i] for i in order if found and p[i] <= discovery_level(p)),
    )


def discovery_level(p: Floats) -> float:
    """The largest p-value that is still a discovery (Benjamini & Hochberg 1995, JRSS-B 57(1), theorem 1).

    >>> discovery_level(np.array([0.9, 0.01, 0.04, 0.5]))
    0.04
    """
    ranked = np.sort(p)
    within = ranked <= FALSE_DISCOVERY_RATE * np.arange(1, len(p) + 1) / len(p)
    return float(ranked[within].max(initial=0.0))


def _alarm(found: list[Evidence], describe: Describe) -> str:
    others = [e.subject for e in found[1:6]]
    more = f"; also {', '.join(others)}" if others else ""
    unnamed = len(found) - 1 - len(others)
    return f"{describe(found[0])}{more}{f' and {unnamed} more' if unnamed else ''}."


def change(counts: Counts, i: int, p_value: float) -> Evidence:
    """Subject `i` in figures: its counts and shares in both windows."""
    before, after = counts.shares
    return Evidence(
        subject=counts.subjects[i],
        reference_count=float(counts.reference[i]),
        current_count=float(counts.current[i]),
        reference_share=float(before[i]),
        current_share=float(after[i]),
        p_value=p_value,
    )


def shift_of_at_least(least: float) -> Relevant:
    """Subjects whose share moved by `least` or more, either way."""

    def relevant(counts: Counts) -> NDArray[np.bool_]:
        before, after = counts.shares
        return np.asarray(np.abs(after - before) >= least)

    return relevant


def per_cent(share: float) -> str:
    """A share as people read it.

    >>> per_cent(0.0163), per_cent(0.5)
    ('1.6 %', '50.0 %')
    """
    return f"{100 * share:.1f} %"
