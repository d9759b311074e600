"""What the annotation system reports becomes an interval, and nobody's time is cut in silence."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given as draw
from hypothesis import strategies as st

from kempelen.errors import LedgerError
from kempelen.records import Annotation
from ledger.effort import Clock, added, again, bounds, taken_up, up_to_cap

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)
CAP = "idle_cap_s=60"


def answer(
    lead_time_s: float | None, drafted_s_before: float | None = None, *, edited_s_after: float | None = None
) -> Annotation:
    return Annotation(
        source_id="ls/1",
        item_id="i",
        annotator="ada",
        label="health",
        lead_time_s=lead_time_s,
        started_at=None if drafted_s_before is None else NOON - timedelta(seconds=drafted_s_before),
        submitted_at=NOON,
        simulated=False,
        changed_at=None if edited_s_after is None else NOON + timedelta(seconds=edited_s_after),
    )


@pytest.mark.parametrize(
    ("lead_time_s", "drafted_s_before", "low", "high", "policy"),
    [
        (7.383, None, "7.383", "7.383", f"lead-time/2 {CAP}"),
        (0.0, None, "0", "0", f"lead-time/2 {CAP}"),
        (60.0, None, "60", "60", f"lead-time/2 {CAP}"),
        (60.001, None, "0", "60.001", f"lead-time/2 {CAP}"),  # an absence of a minute would fit in
        (10.0, 4, "10", "14", f"lead-time/2 {CAP}"),
        (10.0, 54.999, "10", "64.999", f"lead-time/2 {CAP}"),
        (
            10.0,
            55,
            "5",
            "65",
            f"lead-time/2 {CAP}",
        ),  # an absence fits between change and submission, and 5 s were counted
        (10.0, 115, "0", "125", f"lead-time/2 {CAP}"),
        (10.0, -5, "10", "10", f"lead-time/2 {CAP}"),  # a draft after the submission is a wrong clock
        (1.7e9, None, "0", "86400", f"lead-time/2 {CAP} cut_to_s=86400"),
        (10.0, 200_000, "0", "86400", f"lead-time/2 {CAP} cut_to_s=86400"),
        (1.00049, None, "1", "1.001", f"lead-time/2 {CAP}"),
    ],
)
def test_the_interval_of_an_answer(
    lead_time_s: float | None, drafted_s_before: float | None, low: str, high: str, policy: str
) -> None:
    effort = bounds(answer(lead_time_s, drafted_s_before), 60)
    assert effort is not None
    assert (effort.low_s, effort.high_s, effort.policy) == (Decimal(low), Decimal(high), policy)


@pytest.mark.parametrize(
    ("lead_time_s", "begun_s_before", "low", "high"),
    [(10.0, 45, "10", "45"), (45.0, 10, "45", "45"), (75.0, 80, "0", "80"), (None, 30.25, "0", "30.25")],
)
def test_the_interval_of_an_answer_whose_file_says_when_it_was_begun(
    lead_time_s: float | None, begun_s_before: float, low: str, high: str
) -> None:
    effort = bounds(answer(lead_time_s, begun_s_before), 60, clock=Clock.STATED)
    assert effort is not None
    assert (effort.low_s, effort.high_s, effort.policy) == (Decimal(low), Decimal(high), f"stated-time/1 {CAP}")


@pytest.mark.parametrize("lead_time_s", [None, -1.0, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("drafted_s_before", [None, -5, 30])
def test_an_answer_of_which_nothing_is_known_has_no_interval_rather_than_zero(
    lead_time_s: float | None, drafted_s_before: float | None
) -> None:
    """A draft does not help: the page was open before it, and nobody knows how long."""
    assert bounds(answer(lead_time_s, drafted_s_before), 60) is None


def test_a_shorter_cut_is_named_as_well() -> None:
    effort = bounds(answer(30.0, 50_000), 60, longest_s=Decimal(3600))
    assert effort is not None
    assert (effort.low_s, effort.high_s) == (Decimal(0), Decimal(3600))
    assert effort.policy == f"lead-time/2 {CAP} cut_to_s=3600"


def test_a_skip_or_an_answer_without_a_usable_label_takes_the_same_time() -> None:
    assert bounds(replace(answer(12.0), label=None), 60) == bounds(answer(12.0), 60)


@pytest.mark.parametrize("clock", Clock)
@draw(
    lead_time_s=st.none() | st.floats(),
    drafted_s_before=st.none() | st.floats(-1e6, 1e6),
    idle_cap_s=st.floats(0.001, 1e6),
)
def test_whatever_is_reported_the_interval_is_one_and_in_milliseconds(
    clock: Clock, lead_time_s: float | None, drafted_s_before: float | None, idle_cap_s: float
) -> None:
    effort = bounds(answer(lead_time_s, drafted_s_before), idle_cap_s, clock=clock)
    if effort is not None:
        assert 0 <= effort.low_s <= effort.high_s <= 86_400
        assert effort.low_s <= Decimal(str(idle_cap_s))
        assert all(s * 1000 == int(s * 1000) for s in (effort.low_s, effort.high_s))
        if lead_time_s is not None and 0 <= lead_time_s <= 86_400:
            assert effort.high_s >= Decimal(str(lead_time_s))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (answer(14.06), answer(18.304, edited_s_after=34.7), ("4.244", "4.244", f"added-time/1 {CAP}")),
        (answer(10.0), answer(314.0, edited_s_after=394), ("0", "304", f"added-time/1 {CAP}")),
        (answer(10.0), answer(3612.0, edited_s_after=90), ("0", "90", f"added-time/1 {CAP} cut_to_s=90")),
        (answer(10.0), answer(55.0, edited_s_after=30), ("30", "30", f"added-time/1 {CAP} cut_to_s=30")),
        (answer(16.0, edited_s_after=20), answer(20.0, edited_s_after=90), ("4", "4", f"added-time/1 {CAP}")),
        (answer(10.0), answer(3.0, edited_s_after=90), ("0", "3", f"added-time/1 {CAP}")),  # written over
        (answer(None), answer(8.0, edited_s_after=90), ("0", "8", f"added-time/1 {CAP}")),
        (answer(10.0), answer(10.0), ("0", "0", f"added-time/1 {CAP}")),  # nothing changed
        (answer(10.0), answer(10.0, edited_s_after=90), None),  # by the API, without a time
        (answer(10.0), answer(None, edited_s_after=90), None),
        (answer(10.0), answer(-5.0, edited_s_after=90), None),
    ],
)
def test_an_edit_is_further_effort(
    before: Annotation, after: Annotation, expected: tuple[str, str, str] | None
) -> None:
    effort = added(before, after, 60)
    if expected is None:
        assert effort is None
    else:
        assert effort is not None
        assert (effort.low_s, effort.high_s, effort.policy) == (Decimal(expected[0]), Decimal(expected[1]), expected[2])


def test_the_time_of_an_edited_row_of_a_file_may_be_its_own_or_that_of_both() -> None:
    effort = added(answer(10.0), answer(16.0, edited_s_after=90), 60, clock=Clock.STATED)
    assert effort is not None
    assert (effort.low_s, effort.high_s) == (0, 16)


@draw(leads=st.lists(st.floats(0, 5000), min_size=1, max_size=6), cap_s=st.floats(1, 200))
def test_edits_together_are_inside_what_is_reported_at_the_end(leads: list[float], cap_s: float) -> None:
    """However the growing time was read in between."""
    forms = [answer(lead, edited_s_after=1e5 * n or None) for n, lead in enumerate(sorted(leads))]
    efforts = [bounds(forms[0], cap_s), *(added(*pair, cap_s) for pair in pairwise(forms))]
    known = [effort for effort in efforts if effort is not None]
    rounding = Decimal("0.001") * len(known)
    assert sum(effort.low_s for effort in known) <= Decimal(str(forms[-1].lead_time_s)) + rounding
    assert abs(sum(effort.high_s for effort in known) - Decimal(str(forms[-1].lead_time_s))) <= rounding


def test_a_skip_that_is_undone_is_certain_once() -> None:
    skip = replace(answer(5.0), label=None)
    sent = NOON + timedelta(seconds=15)
    resumed = replace(answer(15.0), source_id="ls/2", started_at=NOON + timedelta(seconds=7), submitted_at=sent)
    assert taken_up(skip, resumed)
    effort = added(skip, resumed, 60)
    assert effort is not None
    assert (effort.low_s, effort.high_s, effort.policy) == (10, 23, f"lead-time/2 {CAP} less_s=5.000")


@pytest.mark.parametrize(
    "other",
    [
        {"item_id": "j"},
        {"annotator": "ben"},
        {"source_id": "ls/1"},
        {"started_at": None},
        {"started_at": NOON - timedelta(seconds=1)},
        {"lead_time_s": 4.0},
        {"lead_time_s": None},
    ],
)
def test_another_answer_is_not_taken_for_a_skip_that_was_undone(other: dict[str, object]) -> None:
    sent = {"started_at": NOON + timedelta(seconds=7), "submitted_at": NOON + timedelta(seconds=15)}
    resumed = replace(answer(15.0), **{"source_id": "ls/2", **sent, **other})
    assert not taken_up(answer(5.0), resumed)


def test_the_time_to_plan_with_is_the_reported_one_up_to_the_cap() -> None:
    assert [up_to_cap(answer(lead), 60) for lead in (7.5, 75.0, None, -1.0)] == [Decimal("7.5"), 60, None, None]


@pytest.mark.parametrize(
    ("given", "policy", "low", "high"),
    [
        (answer(75.0), "lead-time/1 idle_cap_s=60", "60", "75"),
        (answer(10.0, 45), "lead-time/1 idle_cap_s=60", "10", "45"),
        (answer(1.7e9), "lead-time/1 idle_cap_s=60 cut_to_s=86400", "60", "86400"),
        (answer(None, 30.25), "first-draft/1", "0", "30.25"),
        (answer(math.nan, 30), "first-draft/1", "0", "30"),
    ],
)
def test_what_was_booked_by_a_former_policy_can_be_computed_again(
    given: Annotation, policy: str, low: str, high: str
) -> None:
    effort = again(given, policy)
    assert effort is not None
    assert (effort.low_s, effort.high_s, effort.policy) == (Decimal(low), Decimal(high), policy)


@draw(
    lead_time_s=st.none() | st.floats(0, 1e6),
    drafted_s_before=st.none() | st.floats(0, 1e6),
    idle_cap_s=st.integers(1, 1000),
    clock=st.sampled_from(Clock),
)
def test_a_policy_says_all_that_is_needed_to_compute_a_figure_again(
    lead_time_s: float | None, drafted_s_before: float | None, idle_cap_s: int, clock: Clock
) -> None:
    given = answer(lead_time_s, drafted_s_before)
    effort = bounds(given, idle_cap_s, clock=clock)
    if effort is not None:
        assert again(given, effort.policy) == effort


@pytest.mark.parametrize(
    "policy",
    [
        *("", "p q", "lead-time/9", f"added-time/1 {CAP}", f"lead-time/2 {CAP} less_s=5"),
        *("lead-time/2 idle_cap_s=x", "lead-time/2 idle_cap_s=NaN", "lead-time/2 idle_cap_s=0"),
        *(f"lead-time/2 {CAP} cut_to_s=sNaN", f"lead-time/2 {CAP} cut_to_s=-1"),
    ],
)
def test_a_policy_that_one_answer_cannot_tell_is_refused(policy: str) -> None:
    with pytest.raises(LedgerError, match="cannot be computed from one answer"):
        again(answer(10.0), policy)
