"""Turn tested counts into a report whose figures a person can check."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drift._rates import change_point
from drift._windows import Counts, Outcome, examine
from kempelen.profile import Floats, Ints
from kempelen.records import DayCount, DriftReport, Evidence, Window

MOST_EVIDENCE = 20
"""Changed subjects listed in a report, the clearest first."""

MOST_EXAMPLES = 3

SMALLEST_P = 1e-300
"""Smaller p-values are written as this one, so that their logarithm stays a number."""

FALSE_DISCOVERY_RATE = 0.1
"""Expected share of suspects that did not change."""

Mask = NDArray[np.bool_]
Relevant = Callable[[Outcome], Mask]
Explain = Callable[[Outcome, int], Evidence]
Relate = Callable[[list[Evidence]], list[Evidence]]
Describe = Callable[[list[Evidence]], str]


def report(  # noqa: PLR0913 - a detector of rates is exactly these things
    *,
    detector: str,
    window: Window,
    counts: Counts,
    alpha: float,
    two_sided: bool,
    relevant: Relevant,
    explain: Explain,
    describe: Describe,
    nothing: str,
    relate: Relate = list,
    min_share: float = 0.0,
    hint: bool = False,
    plain: Counts | None = None,
) -> DriftReport:
    """Test every subject of `counts`; those that are `relevant` and significant are the evidence.

    `alpha` is the chance of any false alarm in a year, all looks and subjects together. `explain` puts one
    subject of a tested window into figures, `relate` says which of them go together, `describe` puts them into
    words, clearest first. `plain` are the same counts before anything was taken out of them: what they do not
    show either is no evidence, for taking out may itself make days differ.
    """
    tests = examine(counts, alpha=alpha, two_sided=two_sided, min_share=min_share)
    if plain is not None:
        untouched = examine(plain, alpha=alpha, two_sided=two_sided, min_share=min_share)
        tests = [replace(test, than=than) for test, than in zip(tests, untouched, strict=True)]
    spent = np.array([_spent(test, alpha, relevant(test)) for test in tests])
    best = spent.min(axis=0)
    order = np.lexsort((-counts.current.counts.sum(axis=1), best))[: int(np.isfinite(best).sum())]
    clearest = [(tests[int(spent[:, i].argmin())], int(i)) for i in order[:MOST_EVIDENCE]]
    found = relate([explain(test, i) for test, i in clearest if best[i] < alpha])
    found = [replace(evidence, says=f"{describe([evidence])}.") for evidence in found]
    if found:
        summary = f"{describe(found)}."
    elif clearest:
        nearest = explain(*clearest[0])
        summary = (
            f"{nothing} Nearest to it: {describe([nearest])} "
            f"(p = {nearest.p_value:.2g}, alarm below {nearest.budget:.2g})."
        )
    else:
        summary = nothing
    return DriftReport(
        detector=detector,
        statistic=max(0.0, float(-np.log10(best[order[0]]))) if len(order) else 0.0,
        threshold=float(-np.log10(alpha)),
        alpha=alpha,
        n_reference=window.reference.predictions,
        n_current=window.current.predictions,
        summary=summary,
        evidence=tuple(found),
        suspects=_suspects(clearest[0][0], order) if found else (),
        hint=hint,
    )


def _spent(test: Outcome, alpha: float, relevant: Mask) -> Floats:
    """The p-values after all corrections, on the scale of the year's `alpha`; infinite for what is not relevant."""
    spent = np.full(len(relevant), np.inf)
    some = np.flatnonzero(relevant)
    spent[some] = np.maximum(test.p_of(some), SMALLEST_P) * (alpha / test.level)
    return spent


def _suspects(test: Outcome, order: Ints) -> tuple[str, ...]:
    """The relevant subjects that are discoveries in the window with the clearest change."""
    discovered = order[test.p[order] <= discovery_level(test.p)]
    return tuple(test.counts.subjects[i] for i in discovered)


def discovery_level(p: Floats) -> float:
    """The largest p-value that is still a discovery (Benjamini & Hochberg 1995, JRSS-B 57(1), theorem 1).

    >>> discovery_level(np.array([0.9, 0.01, 0.04, 0.5]))
    0.04
    """
    ranked = np.sort(p)
    within = ranked <= FALSE_DISCOVERY_RATE * np.arange(1, len(p) + 1) / len(p)
    return float(ranked[within].max(initial=0.0))


def change(test: Outcome, i: int) -> Evidence:
    """Subject `i` of a tested window in figures: counts, shares, course, and the most likely day of its change."""
    before, after = test.counts.reference, test.counts.current
    exposed, exposed_then = _row(after.exposure, i), float(_row(before.exposure, i).sum())
    meant = np.array([day >= test.first for day in after.days])
    reference, current = float(before.counts[i].sum()), float(after.counts[i, meant].sum())
    place = change_point(after.counts[i], exposed, reference, exposed_then)
    return Evidence(
        subject=test.counts.subjects[i],
        reference_count=reference,
        current_count=current,
        reference_share=reference / exposed_then if exposed_then else 0.0,
        current_share=current / max(float(exposed[meant].sum()), 1.0),
        p_value=max(float(test.p_of(np.array([i]))[0]), SMALLEST_P),
        budget=test.level,
        first=test.first,
        since=after.days[place],
        users=int(test.users[i]) if test.counts.users is not None else None,
        daily=tuple(
            DayCount(day=day, count=float(n), predictions=int(total))
            for series in (before, after)
            for day, n, total in zip(series.days, series.counts[i], _row(series.exposure, i), strict=True)
        ),
    )


def _row(exposure: Floats, i: int) -> Floats:
    return np.asarray(exposure[i if len(exposure) > 1 else 0])


def clearest(say: Callable[[Evidence], str]) -> Describe:
    """The first subject in full, the next ones by name, the rest by number."""

    def describe(found: list[Evidence]) -> str:
        return f"{say(found[0])}{others([e.subject for e in found[1:]])}"

    return describe


def others(names: list[str], most: int = 5) -> str:
    """The end of a sentence that names some of `names` and counts the rest.

    >>> others(["travel", "food"]), others(["a", "b", "c"], most=2), others([])
    ('; also travel, food', '; also a, b and 1 more', '')
    """
    unnamed = len(names) - most
    return (f"; also {', '.join(names[:most])}" if names else "") + (f" and {unnamed} more" if unnamed > 0 else "")


def shift_of_at_least(least: float) -> Relevant:
    """Subjects whose share moved by `least` or more, either way; only up while the day is not over."""

    def relevant(test: Outcome) -> Mask:
        before, after = test.rates
        return np.asarray(np.abs(after - before) >= least)

    return relevant


def per_cent(share: float) -> str:
    """A share as people read it.

    >>> per_cent(0.0163), per_cent(0.5)
    ('1.6 %', '50.0 %')
    """
    return f"{100 * share:.1f} %"
