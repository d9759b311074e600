"""The demo's stream has a season: Christmas shopping, from 25 November to 24 December. It is no alarm."""

from collections import Counter
from datetime import date, timedelta
from functools import cache

import pytest

from console.demo import stream, traffic
from kempelen import text
from kempelen.plugins import build
from kempelen.profile import CONFIDENCE_BINS, Profile, user_bit
from kempelen.records import Window
from kempelen.settings import DriftSettings

REFERENCE = stream.days(date(2019, 10, 1), date(2019, 10, 21))
SEASON = stream.days(date(2019, 11, 18), date(2019, 12, 31))
HORIZON = timedelta(days=DriftSettings().horizon_days)


@cache
def profile_of(day: date) -> Profile:
    """What a perfect model's log of a day counts: every query put by the users that the demo gives it."""
    labels: Counter[tuple[date, str, int]] = Counter()
    rows: dict[tuple[str, str], tuple[int, int]] = {}
    for row in stream.of_day(day):
        users = traffic.users_of(row.id)
        labels[day, row.label, CONFIDENCE_BINS - 1] += users
        bits = [user_bit(f"{row.id}-{user}") for user in range(users)]
        for term in text.terms(text.normalise(row.text)):
            count, sketch = rows.get((term, row.label), (0, 0))
            for bit in bits:
                sketch |= bit
            rows[term, row.label] = count + users, sketch
    return Profile.of_tables(
        days=[day],
        confidence=labels,
        fold={},
        folded={},
        rows=[(day, term, label, n, 0.99 * n, sketch) for (term, label), (n, sketch) in rows.items()],
    )


def of_days(days: list[date]) -> Profile:
    merged = Profile.empty()
    for day in days:
        merged = merged.merge(profile_of(day))
    return merged


@pytest.mark.parametrize("name", ["term_surge", "class_mix", "vocabulary"])
def test_christmas_shopping_raises_no_alarm(name: str) -> None:
    drift = DriftSettings()
    detector = build("drift", name, {"alpha": drift.alpha_per_year * drift.detectors[name]})
    reference = of_days(REFERENCE)
    shopping = Counter(row.label for day in SEASON for row in stream.of_day(day))["shopping"] / len(SEASON)
    before = Counter(row.label for day in REFERENCE for row in stream.of_day(day))["shopping"] / len(REFERENCE)
    assert shopping > 1.2 * before  # there is a season to be quiet about
    alarms = [
        (day, report.summary)
        for day in SEASON
        for report in [
            detector.detect(
                Window(
                    reference=reference,
                    current=of_days([one for one in SEASON if day - HORIZON <= one <= day]),
                    today=day,
                )
            )
        ]
        if report.drifted
    ]
    assert alarms == []
