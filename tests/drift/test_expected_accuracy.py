"""Expected errors from confidences: a hint that says where to look and what it cannot see."""

from datetime import date, timedelta

import pytest
from scipy.special import betainc

from drift import expected_accuracy
from kempelen.profile import Profile
from kempelen.records import DriftReport, Window

FIRST = date(2020, 1, 1)


def day(number: int, doubtful: int, *, label: str = "news") -> Profile:
    """200 sure answers `food`, and 100 of `label` of which some are at 47.5 % confidence."""
    when = FIRST + timedelta(days=number)
    return Profile.of_tables(
        days=[when],
        confidence={(when, "food", 19): 200, (when, label, 19): 100 - doubtful, (when, label, 9): doubtful},
        fold={},
        folded={},
        rows=(),
    )


def reference() -> Profile:
    whole = day(0, 10)
    for number in range(1, 21):
        whole = whole.merge(day(number, 10))
    return whole


def detect(current: Profile) -> DriftReport:
    return expected_accuracy.build(alpha=0.0025).detect(Window(reference=reference(), current=current))


def test_expected_errors_are_what_the_confidences_leave_to_chance() -> None:
    # news: 10 doubtful ones with 0.525 errors each and 90 with 0.025 before: 7.5 in 100; now 80 and 20: 42.5
    report = detect(day(21, 80))
    news = next(e for e in report.evidence if e.subject == "news")
    assert (news.reference_share, news.current_share) == pytest.approx((0.075, 0.425))
    assert news.p_value == pytest.approx(betainc(42.5, 21 * 7.5 + 1, 1 / 22))
    assert (news.label, report.evidence[-1].subject) == ("news", "all labels")


def test_it_is_a_hint_that_names_the_labels_and_its_own_blindness() -> None:
    report = detect(day(21, 80))
    assert report.hint
    assert report.summary == (
        "news: by the model's own confidences 42.5 % wrong instead of 7.5 %; also all labels. "
        "Look first at queries taken for news. "
        "A changed meaning does not show here: only people's labels (audit_risk) can see that."
    )


def test_a_model_that_became_surer_is_no_hint() -> None:
    assert not detect(day(21, 0)).drifted


def test_a_label_that_the_reference_never_had_counts_overall() -> None:
    report = detect(day(21, 100, label="sport"))
    assert [e.subject for e in report.evidence] == ["all labels"]
    assert "Look first" not in report.summary
