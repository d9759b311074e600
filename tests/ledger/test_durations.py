"""Durations are said in two units, and an interval is rounded outwards."""

from decimal import Decimal

import pytest

from ledger.durations import duration, interval


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ("0", "0 s"),
        ("59.4", "59 s"),
        ("59.6", "1 min"),
        ("61", "1 min 1 s"),
        ("3599.6", "1 h"),
        ("4320", "1 h 12 min"),
        ("360000", "100 h"),
        ("4500000", "1,250 h"),
    ],
)
def test_seconds_as_people_say_them(seconds: str, said: str) -> None:
    assert duration(Decimal(seconds)) == said


def test_unknown_is_said() -> None:
    assert duration(None) == interval(None, None) == "unknown"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        ("4320", "4800", "1 h 12 min to 1 h 20 min"),
        ("4379.999", "4740.001", "1 h 12 min to 1 h 20 min"),
        ("0.2", "0.9", "0 s to 1 s"),
        ("59.9", "59.9", "59 s to 1 min"),
        ("60", "60", "1 min"),
    ],
)
def test_an_interval_covers_what_it_is_said_of(low: str, high: str, said: str) -> None:
    assert interval(Decimal(low), Decimal(high)) == said
