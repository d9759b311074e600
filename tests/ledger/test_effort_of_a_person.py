"""A person is at one answer at a time: bounds over all answers of somebody."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given as draw
from hypothesis import strategies as st

from kempelen.errors import LedgerError
from kempelen.records import Annotation
from ledger.effort import added, bounds
from ledger.sittings import DELAY_S, without_overlap

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)


def sent(
    after_s: float, lead_time_s: float | None, drafted_s: float | None = None, name: str | None = None
) -> Annotation:
    """An answer sent so long after noon; its draft was saved at that moment after noon."""
    return Annotation(
        source_id=name or f"ls/{after_s}/{lead_time_s}",
        item_id=f"item at {after_s}",
        annotator="ada",
        label="health",
        lead_time_s=lead_time_s,
        started_at=None if drafted_s is None else NOON + timedelta(seconds=drafted_s),
        submitted_at=NOON + timedelta(seconds=after_s),
        simulated=False,
    )


@pytest.mark.parametrize(
    ("answers", "low", "high"),
    [
        ([sent(10, 10), sent(30, 15)], 25, 25),  # one after the other
        ([sent(30, 30), sent(45, 40)], 40, 50),  # 25 s of overlap: 30 + 15 s, give or take the delay
        ([sent(30, 30), sent(31, 30)], 30, 36),
        ([sent(30, 20), sent(31, 3)], 20, 23),  # one lies in the other
        ([sent(100, 75), sent(110, 80)], 0, 90),  # both longer than the cap
        ([sent(30, 30), sent(45, 40), sent(500, 20)], 60, 70),
        ([sent(29, 18, 15)], 18, 32),  # a draft: the stretch begins 18 s before it was saved, at most
    ],
)
def test_answers_that_overlap_share_their_seconds(answers: list[Annotation], low: int, high: int) -> None:
    effort = without_overlap(answers, 60)
    assert effort is not None
    assert (effort.low_s, effort.high_s, effort.policy) == (low, high, "one-person/1 idle_cap_s=60")


def test_what_left_no_trace_in_a_sitting_counts_in_its_high_bound_alone() -> None:
    answers = [sent(10, 10), sent(200, 15), sent(5000, 20)]
    effort = without_overlap(answers, 60, sitting_gap_s=300)
    assert effort is not None
    # From noon to 200 s, and the last one by itself; each with the delay of the network.
    assert (effort.low_s, effort.high_s) == (45, 200 + 20 + 2 * DELAY_S)
    assert effort.policy == "one-person/1 idle_cap_s=60 sitting_gap_s=300"


def test_edits_are_pieces_of_work_of_their_own() -> None:
    first = sent(10, 10, name="ls/1")
    edited = replace(first, lead_time_s=16.0, changed_at=NOON + timedelta(seconds=106))
    twice = replace(first, lead_time_s=20.0, changed_at=NOON + timedelta(seconds=300))
    other = sent(108, 5, name="ls/2")  # open while the first edit was made
    effort = without_overlap([twice, other, first, edited], 60)
    assert effort is not None
    # 10 s; 6 s of edit and 3 s more of the other, less the delay; 4 s of the second edit.
    assert (effort.low_s, effort.high_s) == (10 + 6 + 0 + 4, 10 + 11 + 4)


def test_an_answer_that_was_edited_before_it_was_read_lies_in_no_known_place() -> None:
    edited = replace(sent(10, 40), changed_at=NOON + timedelta(seconds=5000))
    effort = without_overlap([edited, sent(12, 12)], 60)
    assert effort is not None
    assert (effort.low_s, effort.high_s) == (40, 52)


def test_the_policy_says_how_many_are_missing() -> None:
    effort = without_overlap([sent(10, 10), sent(20, None), sent(30, -1)], 60)
    assert effort is not None
    assert (effort.high_s, effort.policy) == (10, "one-person/1 idle_cap_s=60 unknown=2")
    assert without_overlap([sent(20, None)], 60) is None
    assert without_overlap([], 60) is None


def test_two_people_are_not_one() -> None:
    with pytest.raises(LedgerError, match="2 people") as caught:
        without_overlap([sent(10, 10), replace(sent(20, 5), annotator="ben")], 60)
    assert "each annotator" in caught.value.hint


ANSWERS = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(0, 120), st.none() | st.integers(0, 2000)), min_size=1, max_size=30
)


def some(drawn: list[tuple[int, int, int | None]]) -> list[Annotation]:
    return [sent(after, lead, drafted, name=f"ls/{n}") for n, (after, lead, drafted) in enumerate(drawn)]


@draw(drawn=ANSWERS, shuffled=st.randoms(use_true_random=False))
def test_the_order_of_the_answers_changes_nothing(drawn: list[tuple[int, int, int | None]], shuffled: object) -> None:
    answers = some(drawn)
    other = sorted(answers, key=lambda _: shuffled.random())  # type: ignore[attr-defined] # Hypothesis' own type
    assert without_overlap(other, 60) == without_overlap(answers, 60)


@draw(drawn=ANSWERS)
def test_together_is_at_most_the_sum_and_at_least_the_longest(drawn: list[tuple[int, int, int | None]]) -> None:
    answers = some(drawn)
    alone = [effort for one in answers if (effort := bounds(one, 60))]
    together = without_overlap(answers, 60)
    assert together is not None
    assert together.high_s <= sum(effort.high_s for effort in alone)
    assert max(effort.low_s for effort in alone) <= together.low_s <= sum(effort.low_s for effort in alone)


@draw(drawn=ANSWERS)
def test_together_is_no_longer_than_the_clock_moved(drawn: list[tuple[int, int, int | None]]) -> None:
    """By seconds counted one by one: those of any stretch, and for each group of stretches the delay."""
    answers = some(drawn)
    seconds, high = set(), {one.source_id: bounds(one, 60) for one in answers}
    for one in answers:
        end = int((one.submitted_at - NOON).total_seconds())
        effort = high[one.source_id]
        assert effort is not None
        seconds |= set(range(end - int(effort.high_s), end))
    groups = sum(second - 1 not in seconds for second in seconds)
    together = without_overlap(answers, 60)
    assert together is not None
    assert together.high_s <= len(seconds) + DELAY_S * groups
    assert together.low_s <= len(seconds)


@draw(gaps=st.lists(st.tuples(st.integers(1, 500), st.integers(1, 60)), min_size=1, max_size=20))
def test_answers_one_after_the_other_simply_add_up(gaps: list[tuple[int, int]]) -> None:
    answers, now = [], 0
    for gap, lead in gaps:
        now += gap + lead
        answers.append(sent(now, lead, name=f"ls/{now}"))
    effort = without_overlap(answers, 60)
    assert effort is not None
    assert effort.low_s == effort.high_s == sum(lead for _, lead in gaps)


def test_a_form_and_its_edit_together_are_what_is_booked_of_both() -> None:
    first = sent(10, 10, name="ls/1")
    edited = replace(first, lead_time_s=16.0, changed_at=NOON + timedelta(seconds=106))
    booked = [bounds(first, 60), added(first, edited, 60)]
    effort = without_overlap([first, edited], 60)
    assert effort is not None
    assert effort.high_s == sum((one.high_s for one in booked if one), Decimal(0))
