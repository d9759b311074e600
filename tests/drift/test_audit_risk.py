"""The always-on audit: bets on a risk that rose, and bounds that hold at every look."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from drift import audit_risk
from drift._betting import ALTERNATIVES, risk_interval, wealth
from kempelen.errors import NotEnoughData
from kempelen.records import AuditedAnswer, DriftReport, Profile, Window

MakeAudit = Callable[..., tuple[AuditedAnswer, ...]]


def window(audited: tuple[AuditedAnswer, ...]) -> Window:
    return Window(reference=Profile(days=()), current=Profile(days=()), audited=audited)


def detect(audited: tuple[AuditedAnswer, ...], alpha: float = 0.0125, **params: Any) -> DriftReport:
    return audit_risk.build(alpha=alpha, looks=366, **params).detect(window(audited))


def test_the_first_bet_is_worked_out_by_hand() -> None:
    # Half of the capital enters; risks are spread evenly above 0.5, so a loss pays 1.5-fold on average, a hit half.
    assert wealth([True], 0.5)[0] == pytest.approx(0.5 + 0.5 * 1.5)
    assert wealth([False], 0.5)[0] == pytest.approx(0.5 + 0.5 * 0.5)


@pytest.mark.parametrize("tolerated", [0.05, 0.15, 0.5])
def test_at_the_tolerated_risk_every_bet_is_fair(tolerated: float) -> None:
    for past in ([], [True], [False] * 30, [True, False] * 20):
        start = wealth(past, tolerated)[-1] if past else 1.0
        expected = tolerated * wealth([*past, True], tolerated)[-1]
        expected += (1 - tolerated) * wealth([*past, False], tolerated)[-1]
        assert expected == pytest.approx(start)


def test_false_alarms_at_the_tolerated_risk_stay_within_alpha_at_all_times_together() -> None:
    rng, alpha, trials = np.random.default_rng(5), 0.05, 300
    alarms = sum(wealth(rng.random(400) < 0.15, 0.15).max() > 1 / alpha for _ in range(trials))
    assert alarms <= alpha * trials + 3 * (trials * alpha * (1 - alpha)) ** 0.5


def test_a_long_good_time_is_not_held_against_the_alarm() -> None:
    rng = np.random.default_rng(6)
    delays = []
    for _ in range(60):
        course = wealth(np.concatenate([rng.random(400) < 0.05, rng.random(300) < 0.4]), 0.15)
        delays.append(np.argmax(course > 80) - 400)
    assert 0 < np.median(delays) < 100


def test_the_bounds_cover_a_changing_risk_at_all_times_together() -> None:
    rng, alpha, trials = np.random.default_rng(7), 0.2, 100
    risks = np.where(np.arange(200) < 100, 0.05, 0.4)
    truth = np.cumsum(risks) / np.arange(1, 201)
    missed = 0
    for _ in range(trials):
        wrong = np.cumsum(rng.random(200) < risks)
        bounds = [risk_interval(int(wrong[n]), n + 1, alpha) for n in range(9, 200, 20)]
        missed += any(not low <= truth[n] <= high for n, (low, high) in zip(range(9, 200, 20), bounds, strict=True))
    assert missed <= alpha * trials + 3 * (trials * alpha * (1 - alpha)) ** 0.5


def test_the_bounds_narrow_with_answers() -> None:
    widths = [high - low for low, high in (risk_interval(n // 10, n, 0.05) for n in (10, 100, 1000))]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.07


def test_nobody_asked_is_an_error() -> None:
    with pytest.raises(NotEnoughData, match="audited"):
        detect(())


def test_the_report_says_the_risk_its_bounds_and_what_is_tolerated(audit: MakeAudit) -> None:
    report = detect(audit(np.random.default_rng(8), 80, 0.5))
    low, high = risk_interval(int(report.evidence[0].current_count), 80, 0.05)
    assert report.drifted
    assert report.n_current == 80
    assert report.evidence[0].reference_share == pytest.approx(0.15)
    assert f"{100 * low:.0f} % to {100 * high:.0f} %" in report.summary
    assert "tolerated is 15 %" in report.summary


def test_an_alarm_once_raised_stays_raised(audit: MakeAudit) -> None:
    bad = audit(np.random.default_rng(9), 60, 0.6)
    good = tuple(replace(a, at=a.at + timedelta(days=30)) for a in audit(np.random.default_rng(10), 300, 0.0))
    assert detect(bad + good).statistic >= detect(bad).statistic > detect(bad).threshold


def test_a_higher_tolerance_needs_more(audit: MakeAudit) -> None:
    answers = audit(np.random.default_rng(11), 60, 0.4)
    assert detect(answers, tolerance=0.2).statistic < detect(answers).statistic


def test_the_bets_lie_between_the_tolerated_risk_and_one() -> None:
    assert ALTERNATIVES >= 2
    assert wealth([True] * 3, 0.99)[-1] == pytest.approx(1.0, abs=0.02)
