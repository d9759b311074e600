"""What every file of drift/ must do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from kempelen.errors import NotEnoughData
from kempelen.plugins import available, build
from kempelen.protocols import DriftDetector
from kempelen.records import AuditedAnswer, DayProfile, Profile, Window

detectors = pytest.mark.parametrize("name", available("drift"))

MakeAudit = Callable[..., tuple[AuditedAnswer, ...]]


def detector(name: str, alpha: float = 0.0125, looks: int = 366) -> DriftDetector:
    return build("drift", name, {"alpha": alpha, "looks": looks})


def limit(alpha: float, trials: int) -> float:
    """Alarms that a detector with this false-alarm rate stays below but for 3 binomial standard deviations."""
    return alpha * trials + 3 * (trials * alpha * (1 - alpha)) ** 0.5


@detectors
def test_a_planted_change_is_found_and_explained(name: str, changed: Window) -> None:
    report = detector(name).detect(changed)
    assert report.drifted
    assert report.detector == name
    assert report.evidence
    assert [e.p_value for e in report.evidence] == sorted(e.p_value for e in report.evidence)
    assert all(abs(e.current_share - e.reference_share) >= 0.01 for e in report.evidence)
    assert report.statistic == pytest.approx(-np.log10(report.evidence[0].p_value))


@detectors
def test_false_alarms_on_clustered_traffic_stay_within_alpha(name: str, quiet: list[Window]) -> None:
    watching = detector(name, alpha=0.2, looks=1)
    assert sum(watching.detect(window).drifted for window in quiet) <= limit(0.2, len(quiet))


@detectors
def test_a_season_of_daily_looks_has_one_budget(name: str, day: Callable[..., DayProfile], audit: MakeAudit) -> None:
    alpha, looks, seasons = 0.3, 25, 12
    alarms = 0
    for season in range(seasons):
        rng = np.random.default_rng(1_000 + season)
        days = [day(rng, date(2020, 1, 1) + timedelta(days=d)) for d in range(21 + looks)]
        answers = audit(rng, 3 * looks, 0.15)
        watching = detector(name, alpha, looks)
        windows = (
            Window(
                reference=Profile(days=tuple(days[:21])),
                current=Profile(days=tuple(days[look + 20 : look + 22])),
                audited=answers[: 3 * (look + 1)],
            )
            for look in range(1, looks)
        )
        alarms += any(watching.detect(window).drifted for window in windows)
    assert alarms <= limit(alpha, seasons)


@detectors
def test_without_an_alarm_there_is_no_evidence_but_a_sentence(name: str, quiet: list[Window]) -> None:
    report = detector(name).detect(quiet[0])
    assert not report.drifted
    assert report.evidence == ()
    assert report.summary.endswith(".")


@detectors
def test_order_of_days_and_answers_is_irrelevant(name: str, changed: Window) -> None:
    backwards = Window(
        reference=Profile(days=changed.reference.days[::-1]),
        current=Profile(days=changed.current.days[::-1]),
        audited=changed.audited[::-1],
    )
    assert detector(name).detect(backwards) == detector(name).detect(changed)


@detectors
def test_a_merged_or_saved_profile_is_the_same_profile(name: str, changed: Window) -> None:
    days = changed.reference.days
    merged = Profile(days=days[11:]).merge(Profile(days=days[:11]))
    saved = Profile.from_json(changed.reference.to_json())
    expected = detector(name).detect(changed)
    assert detector(name).detect(replace(changed, reference=merged)) == expected
    assert detector(name).detect(replace(changed, reference=saved)) == expected


@detectors
def test_the_same_window_gives_the_same_report_twice(name: str, changed: Window) -> None:
    watching = detector(name)
    assert watching.detect(changed) == watching.detect(changed)


@detectors
def test_nothing_to_look_at_is_an_error_and_not_silence(name: str) -> None:
    empty = Window(reference=Profile(days=()), current=Profile(days=()))
    with pytest.raises(NotEnoughData) as caught:
        detector(name).detect(empty)
    assert caught.value.hint


@detectors
def test_looking_more_often_never_makes_an_alarm_easier(name: str, changed: Window) -> None:
    once, daily = detector(name, looks=1).detect(changed), detector(name, looks=366).detect(changed)
    assert daily.threshold >= once.threshold
    assert daily.statistic == once.statistic


@detectors
def test_a_larger_change_is_a_larger_statistic(name: str, window: Callable[..., Window]) -> None:
    seeds = range(20, 26)
    faint = [detector(name).detect(window(s, surge=0.05, risk=0.3, audited=60)).statistic for s in seeds]
    clear = [detector(name).detect(window(s, surge=0.20, risk=0.6, audited=60)).statistic for s in seeds]
    assert np.median(clear) > np.median(faint)
