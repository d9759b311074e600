"""Simulated years in which nothing changes: how often the engine under the detectors cries wolf."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from drift import _series, class_mix, confidence, expected_accuracy, term_surge, vocabulary
from drift._rates import upper_tail
from drift._series import Series
from drift._windows import DAYS_A_YEAR, Counts, examine
from kempelen.profile import USER_BITS, Floats, Profile
from kempelen.records import Window

ASKERS, ASKERS_SHARES = (1, 2, 3, 4), (0.2, 0.3, 0.3, 0.2)
"""Every query is asked by so many people at once: counts vary 2.9 times as much as independent ones."""

REFERENCE = 21
SUBJECTS = 40
PREDICTIONS = 500.0


def limit(alpha: float, trials: int) -> float:
    """Alarms that a false-alarm rate of `alpha` stays below but for 3 binomial standard deviations."""
    return float(alpha * trials + 3 * (trials * alpha * (1 - alpha)) ** 0.5)


def clustered(rng: np.random.Generator, rate: Any, size: tuple[int, ...]) -> Floats:
    """Events of about `rate` queries each, asked by one to four people."""
    parts = zip(ASKERS, ASKERS_SHARES, strict=True)
    return np.asarray(sum(n * rng.poisson(rate * share, size=size) for n, share in parts), dtype=float)


def window_of(
    counts: Floats,
    days: slice,
    exposure: Any = PREDICTIONS,
    *,
    unfinished: bool = False,
    reference: int = REFERENCE,
) -> Counts:
    """Some current days of a course of counts, whose first days are the reference."""
    dates = tuple(date(2020, 1, 1) + timedelta(days=n) for n in range(counts.shape[1]))
    exposed = np.broadcast_to(np.asarray(exposure, dtype=float), (1, counts.shape[1]))
    before, current = (
        Series(days=dates[some], counts=counts[:, some], exposure=exposed[:, some]) for some in (slice(reference), days)
    )
    return Counts(
        subjects=tuple(map(str, range(len(counts)))),
        reference=before,
        current=current,
        today=current.days[-1] if unfinished else None,
    )


def alarms(seen: Counts, alpha: float, *, two_sided: bool = True) -> bool:
    return any((test.p < test.level).any() for test in examine(seen, alpha=alpha, two_sided=two_sided))


def year_with_alarm(rng: np.random.Generator, alpha: float) -> bool:
    """Whether any of 366 daily looks alarms."""
    rates = rng.gamma(1, 4, size=(SUBJECTS, 1))
    course = clustered(rng, rates, (SUBJECTS, REFERENCE + DAYS_A_YEAR))
    looks = range(REFERENCE, REFERENCE + DAYS_A_YEAR)
    return any(alarms(window_of(course, slice(max(day - 7, REFERENCE), day + 1)), alpha) for day in looks)


def test_years_of_daily_looks_have_one_budget() -> None:
    rng, years, alpha = np.random.default_rng(41), 8, 0.3
    assert sum(year_with_alarm(rng, alpha) for _ in range(years)) <= limit(alpha, years)


def test_ignoring_the_clusters_would_break_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """The correction is needed, and the test above would notice if it were gone."""
    monkeypatch.setattr(_series, "dispersion", lambda total, *_: (1.0, np.ones(len(total))))
    rng, years = np.random.default_rng(41), 8
    assert sum(year_with_alarm(rng, 0.3) for _ in range(years)) > limit(0.3, years)


@pytest.mark.parametrize("rate", [0.3, 4.0])
@pytest.mark.parametrize("length", [1, 7])
def test_the_far_tails_of_clustered_counts_hold(rate: float, length: int) -> None:
    """A subject's level is about 1e-7 in practice; here 200,000 windows are tested at levels down to 1e-4."""
    rng = np.random.default_rng(42)
    before = clustered(rng, rate, (5_000, REFERENCE))
    days = tuple(date(2020, 1, 1) + timedelta(days=n) for n in range(REFERENCE))
    _, each = Series(days=days, counts=before, exposure=np.full((1, REFERENCE), PREDICTIONS)).dispersion[length]
    after = clustered(rng, length * rate, (5_000, 40))
    part = np.array(length / (length + REFERENCE))
    total = before.sum(axis=1)[:, None]
    for p in (
        upper_tail(total, after, part, each[:, None]),
        upper_tail(after, np.broadcast_to(total, after.shape), 1 - part, each[:, None]),
    ):
        for level in (1e-2, 1e-3, 1e-4):
            assert (p <= level).sum() <= limit(level, p.size)


def test_a_day_busier_than_projected_costs_less_than_the_margin_of_the_tests() -> None:
    """Half as much traffic again as on any day of the week before, looked at twelve times: still within its level."""
    rng, days, level = np.random.default_rng(43), 250, 0.2
    busy = 1.5
    wrong = 0
    for _ in range(days):
        rates = rng.gamma(1, 4, size=(SUBJECTS, 1))
        known = clustered(rng, rates, (SUBJECTS, REFERENCE))
        hours = clustered(rng, busy * rates / 12, (SUBJECTS, 12)).cumsum(axis=1)
        wrong += any(
            alarms(
                window_of(
                    np.hstack([known, hours[:, hour : hour + 1]]),
                    slice(REFERENCE, None),
                    [PREDICTIONS] * REFERENCE + [PREDICTIONS * busy * (hour + 1) / 12],
                    unfinished=True,
                ),
                DAYS_A_YEAR * level,
                two_sided=False,
            )
            for hour in range(12)
        )
    assert wrong <= limit(level / len(_series.LENGTHS), days)  # the one window that a first day has


def test_weekends_are_no_drift() -> None:
    """Much traffic, of which a label has 30 % on weekdays and 40 % on weekends: 20 weeks of daily looks."""
    rng, days = np.random.default_rng(44), REFERENCE + 140
    share = np.where(np.arange(days) % 7 < 5, 0.3, 0.4)
    one = rng.binomial(50_000, share)
    course = np.vstack([one, 50_000 - one]).astype(float)
    looks = (slice(max(day - 7, REFERENCE), day + 1) for day in range(REFERENCE, days))
    assert not any(alarms(window_of(course, look, 50_000), 0.05) for look in looks)


@pytest.mark.parametrize("days", [3, 5, 8])
def test_few_reference_days_tell_too_little_about_uneven_days_for_an_alarm(days: int) -> None:
    """Two labels whose shares wander by 2 % from day to day: twenty years of looks, of which none may alarm."""
    rng, years = np.random.default_rng(45), 20
    wrong = 0
    for _ in range(years):
        one = rng.binomial(5_000, np.clip(rng.normal(0.4, 0.02, size=days + 120), 0, 1)).astype(float)
        course = np.vstack([one, 5_000 - one])
        looks = (slice(max(day - 7, days), day + 1) for day in range(days, days + 120))
        wrong += any(alarms(window_of(course, look, 5_000, reference=days), 0.005) for look in looks)
    assert wrong <= limit(0.005, years)


def test_what_every_user_repeats_each_day_is_no_drift() -> None:
    """About 180 users ask for a refund ten times a day: how far they can be told apart differs from day to day."""
    wrong = sum(
        class_mix.build(alpha=0.005).detect(window).drifted for seed in (8, 15) for window in year_of_regulars(seed)
    )
    assert wrong == 0


def year_of_regulars(seed: int) -> Iterator[Window]:
    """Daily looks; of 300 users 60 % come on a day, and all ask the same; the rest of the traffic is mixed."""
    rng = np.random.default_rng(seed)
    bits = 1 << rng.integers(0, USER_BITS, size=300)
    here = rng.random((REFERENCE + DAYS_A_YEAR, len(bits))) < 0.6
    refunds, others = rng.poisson(10 * here.sum(axis=1)), rng.poisson(3_600, size=len(here))
    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(len(here))]

    def profile(some: slice) -> Profile:
        counted = list(zip(days[some], refunds[some].tolist(), others[some].tolist(), here[some], strict=True))
        return Profile.of_tables(
            days=days[some],
            confidence={
                (d, *key): n for d, r, o, _ in counted for key, n in {("refund", 18): r, ("other", 18): o}.items()
            },
            fold={},
            folded={},
            rows=[
                (d, "refund", "refund", r, 0.92 * r, int(np.bitwise_or.reduce(bits[who]))) for d, r, _, who in counted
            ],
        )

    reference = profile(slice(REFERENCE))
    for day in range(REFERENCE, len(days)):
        yield Window(reference=reference, current=profile(slice(max(day - 7, REFERENCE), day + 1)))


@pytest.mark.parametrize("module", [class_mix, confidence, expected_accuracy, term_surge, vocabulary])
def test_a_detector_keeps_the_level_of_a_single_day(module: Any, quiet: list[Window]) -> None:
    watching = module.build(alpha=DAYS_A_YEAR * 0.2)  # a fifth of quiet days may alarm
    assert sum(bool(watching.detect(window).evidence) for window in quiet) <= limit(0.2, len(quiet))


def test_the_level_of_a_single_day_would_be_noticed_if_it_were_broken(
    quiet: list[Window], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_series, "dispersion", lambda total, *_: (1.0, np.ones(len(total))))
    watching = confidence.build(alpha=DAYS_A_YEAR * 0.2, min_change=0)
    anew = [replace(window, reference=replace(window.reference)) for window in quiet]  # of which nothing is remembered
    assert sum(bool(watching.detect(window).evidence) for window in anew) > limit(0.2, len(quiet))


@pytest.mark.parametrize("module", [term_surge, vocabulary])
@pytest.mark.parametrize(("before", "after"), [(1, 4), (4, 1), (4, 4)])
def test_a_fold_on_one_side_keeps_the_level_too(
    module: Any, before: int, after: int, quiet: list[Window], folded: Callable[..., Any]
) -> None:
    watching = module.build(alpha=DAYS_A_YEAR * 0.2)
    some = quiet[:40]
    seen = (
        Window(reference=folded(window.reference, before), current=folded(window.current, after)) for window in some
    )
    assert sum(bool(watching.detect(window).evidence) for window in seen) <= limit(0.2, len(some))
