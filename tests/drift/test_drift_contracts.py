"""What every file of drift/ must do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from kempelen.errors import NotEnoughData
from kempelen.plugins import available, build
from kempelen.profile import Profile
from kempelen.protocols import DriftDetector
from kempelen.records import Window

detectors = pytest.mark.parametrize("name", available("drift"))

FIRST = date(2020, 1, 1)
PARTS_OF_A_DAY = tuple(np.arange(1, 13) / 12)


def detector(name: str, alpha: float = 0.0125) -> DriftDetector:
    found: DriftDetector = build("drift", name, {"alpha": alpha})
    return found


@detectors
def test_a_planted_change_is_found_and_explained(name: str, changed: Window) -> None:
    report = detector(name).detect(changed)
    assert report.drifted
    assert report.detector == name
    assert report.evidence
    assert all(e.p_value < e.budget <= report.alpha for e in report.evidence)
    assert all(abs(e.current_share - e.reference_share) >= 0.01 for e in report.evidence)
    assert report.threshold == pytest.approx(-np.log10(report.alpha))
    assert report.summary.endswith(".")


@detectors
def test_a_year_of_daily_looks_raises_no_false_alarm(name: str, year: list[Window]) -> None:
    """One alarm would be more than three standard deviations above alpha; test_false_alarms looks at more years."""
    watching = detector(name, alpha=0.0125)
    assert not any(watching.detect(window).drifted for window in year)


@detectors
def test_twelve_looks_a_day_raise_no_alarm_that_the_whole_day_does_not(
    name: str, traffic: Callable[..., Profile], changed: Window
) -> None:
    watching = detector(name, alpha=0.9)
    known = traffic(np.random.default_rng(3), FIRST, 28)
    today = FIRST + timedelta(days=28)
    whole = []
    for seed, surge in enumerate([0.0, 0.01, 0.02, 0.03, 0.1, 0.4]):

        def look(so_far: float, seed: int = seed, surge: float = surge, *, over: bool = False) -> bool:
            day = traffic(np.random.default_rng(seed), today, 1, surge, so_far=so_far)
            current = known.since(known.days[21]).merge(day)
            reference = known.until(known.days[20])
            window = replace(changed, reference=reference, current=current, today=None if over else today)
            return watching.detect(window).drifted

        whole.append(look(1.0, over=True))
        assert any(look(part) for part in PARTS_OF_A_DAY) <= whole[-1]
    assert whole[-1]


@detectors
def test_without_an_alarm_there_is_no_evidence_but_a_sentence(name: str, quiet: list[Window]) -> None:
    report = detector(name).detect(quiet[0])
    assert not report.drifted
    assert report.evidence == ()
    assert report.summary.endswith(".")


@pytest.mark.parametrize("name", ["term_surge", "vocabulary"])
def test_a_log_that_tells_no_users_apart_is_a_clear_answer(name: str, changed: Window) -> None:
    """Half of its traffic is new; but as far as the log tells, one user may have said it all."""
    current = replace(changed.current, row_users=np.ones_like(changed.current.row_users))
    with pytest.raises(NotEnoughData, match="1 users") as unsure:
        detector(name, alpha=0.05).detect(replace(changed, current=current))
    assert "same `user`" in unsure.value.hint


@detectors
def test_one_user_alone_raises_no_alarm(name: str, quiet: list[Window], bot: Callable[..., Window]) -> None:
    """300 repetitions on a day of about 250 predictions, on the last day or before it."""
    for window in quiet[:5]:
        for day in window.current.days[-2:]:
            assert not detector(name, alpha=0.05).detect(bot(window, day)).drifted


@detectors
@pytest.mark.parametrize(("before", "after"), [(1, 5), (5, 1), (5, 5)])
def test_a_fold_raises_no_alarm(
    name: str, before: int, after: int, quiet: list[Window], folded: Callable[..., Profile]
) -> None:
    for window in quiet[:5]:
        seen = replace(window, reference=folded(window.reference, before), current=folded(window.current, after))
        assert not detector(name, alpha=0.05).detect(seen).drifted


@detectors
def test_order_of_days_and_answers_is_irrelevant(name: str, changed: Window) -> None:
    days = changed.current.days
    parts = [changed.current.since(day).until(day) for day in (*days[4:], *days[:4][::-1])]
    current = Profile.empty()
    for part in parts:
        current = current.merge(part)
    backwards = replace(changed, current=current, audited=changed.audited[::-1])
    assert detector(name).detect(backwards) == detector(name).detect(changed)


@detectors
def test_a_merged_or_saved_profile_is_the_same_profile(name: str, changed: Window) -> None:
    days = changed.reference.days
    merged = changed.reference.since(days[11]).merge(changed.reference.until(days[10]))
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
    empty = Window(reference=Profile.empty(), current=Profile.empty())
    with pytest.raises(NotEnoughData) as caught:
        detector(name).detect(empty)
    assert caught.value.hint


@detectors
def test_a_day_without_traffic_is_no_alarm(name: str, quiet: list[Window]) -> None:
    for window in quiet[:3]:
        days = window.current.days
        gap = window.current.until(days[3]).merge(window.current.since(days[5]))
        assert not detector(name).detect(replace(window, current=gap)).drifted


@detectors
def test_labels_that_the_reference_never_had_are_no_error(name: str, quiet: list[Window]) -> None:
    window = quiet[0]
    renamed = replace(window.current, labels=("banking", "food", "health", "news", "tourism"))
    report = detector(name).detect(replace(window, current=renamed))
    assert name != "class_mix" or report.evidence[0].subject in {"tourism", "travel"}


@detectors
def test_queries_without_a_word_are_answered_or_refused_with_a_hint(name: str, quiet: list[Window]) -> None:
    """Nothing but emoji: there is traffic, and no word in it."""
    columns = ("row_day", "row_term", "row_label", "row_predictions", "row_confidence", "row_users")
    speechless = [
        replace(
            profile,
            terms=(),
            sample=tuple(replace(one, query="\N{BEER MUG}") for one in profile.sample),
            **{column: getattr(profile, column)[:0] for column in columns},
        )
        for profile in (quiet[0].reference, quiet[0].current)
    ]
    window = replace(quiet[0], reference=speechless[0], current=speechless[1])
    refused = None
    try:
        assert not detector(name).detect(window).drifted
    except NotEnoughData as too_little:
        refused = too_little
    assert refused is None or refused.hint


@detectors
def test_a_larger_change_is_a_larger_statistic(name: str, window: Callable[..., Window]) -> None:
    seeds = range(20, 26)
    faint = [detector(name).detect(window(s, surge=0.05, risk=0.3, audited=60)).statistic for s in seeds]
    clear = [detector(name).detect(window(s, surge=0.4, risk=0.6, audited=60)).statistic for s in seeds]
    assert np.median(clear) > np.median(faint)
