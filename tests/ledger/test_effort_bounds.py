"""What the annotation system reports becomes an interval, and nobody's time is cut in silence."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given as draw
from hypothesis import strategies as st

from kempelen.records import Annotation
from ledger.effort import bounds

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)


def answer(lead_time_s: float | None, drafted_s_before: float | None = None) -> Annotation:
    return Annotation(
        source_id="ls/1",
        item_id="i",
        annotator="ada",
        label="health",
        lead_time_s=lead_time_s,
        started_at=None if drafted_s_before is None else NOON - timedelta(seconds=drafted_s_before),
        submitted_at=NOON,
        simulated=False,
    )


@pytest.mark.parametrize(
    ("lead_time_s", "drafted_s_before", "low", "high", "policy"),
    [
        (7.383, None, "7.383", "7.383", "lead-time/1 idle_cap_s=60"),
        (0.0, None, "0", "0", "lead-time/1 idle_cap_s=60"),
        (75.0, None, "60", "75", "lead-time/1 idle_cap_s=60"),
        (10.0, 45, "10", "45", "lead-time/1 idle_cap_s=60"),
        (10.0, 4, "10", "10", "lead-time/1 idle_cap_s=60"),
        (10.0, -5, "10", "10", "lead-time/1 idle_cap_s=60"),
        (None, 30.25, "0", "30.25", "first-draft/1"),
        (-3.0, 30, "0", "30", "first-draft/1"),
        (math.nan, 30, "0", "30", "first-draft/1"),
        (math.inf, 30, "0", "30", "first-draft/1"),
        (1.7e9, None, "60", "86400", "lead-time/1 idle_cap_s=60 cut_to_s=86400"),
        (10.0, 200_000, "10", "86400", "lead-time/1 idle_cap_s=60 cut_to_s=86400"),
        (1.00049, None, "1", "1.001", "lead-time/1 idle_cap_s=60"),
    ],
)
def test_the_interval_of_an_answer(
    lead_time_s: float | None, drafted_s_before: float | None, low: str, high: str, policy: str
) -> None:
    effort = bounds(answer(lead_time_s, drafted_s_before), 60)
    assert effort is not None
    assert (effort.low_s, effort.high_s, effort.policy) == (Decimal(low), Decimal(high), policy)


@pytest.mark.parametrize("lead_time_s", [None, -1.0, math.nan, -math.inf])
@pytest.mark.parametrize("drafted_s_before", [None, -5])
def test_an_answer_of_which_nothing_is_known_has_no_interval_rather_than_zero(
    lead_time_s: float | None, drafted_s_before: float | None
) -> None:
    assert bounds(answer(lead_time_s, drafted_s_before), 60) is None


@draw(
    lead_time_s=st.none() | st.floats(),
    drafted_s_before=st.none() | st.floats(-1e6, 1e6),
    idle_cap_s=st.floats(0.001, 1e6),
)
def test_whatever_is_reported_the_interval_is_one_and_in_milliseconds(
    lead_time_s: float | None, drafted_s_before: float | None, idle_cap_s: float
) -> None:
    effort = bounds(answer(lead_time_s, drafted_s_before), idle_cap_s)
    if effort is not None:
        assert 0 <= effort.low_s <= effort.high_s <= 86_400
        assert effort.low_s <= Decimal(str(idle_cap_s))
        assert all(s * 1000 == int(s * 1000) for s in (effort.low_s, effort.high_s))
        if lead_time_s is not None and 0 <= lead_time_s <= 86_400:
            assert effort.high_s >= Decimal(str(lead_time_s))
