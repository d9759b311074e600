"""How many people are behind a count, and what is left of it without those who repeat themselves."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from drift._people import about, at_least, sketches, unrepeated, without_bursts
from kempelen.profile import CONFIDENCE_BINS, Profile, users_about, users_at_least
from kempelen.records import Window

DAY = date(2020, 1, 1)


def profile(rows: list[tuple[str, str, int, float, int]], confidence: dict[tuple[str, int], int]) -> Profile:
    """One day; `rows` are (word, label, predictions, sum of confidences, sketch)."""
    return Profile.of_tables(
        days=[DAY],
        confidence={(DAY, label, bin_): n for (label, bin_), n in confidence.items()},
        fold={},
        folded={},
        rows=[(DAY, *row) for row in rows],
    )


def test_sketches_are_read_as_the_profile_reads_them() -> None:
    some = np.array([0, 1, 0b1011, 2**62, 2**63 - 1])
    assert at_least(some).tolist() == [users_at_least(int(s)) for s in some]
    assert about(some).tolist() == [users_about(int(s)) for s in some]


def test_the_users_of_a_word_are_those_of_all_its_labels() -> None:
    seen = profile([("beer", "food", 2, 1.8, 0b01), ("beer", "news", 1, 0.4, 0b10)], {("food", 18): 2, ("news", 8): 1})
    assert sketches(seen, np.array([0]), 1).tolist() == [[0b11]]
    assert sketches(seen, np.array([-1]), 1).tolist() == [[0]]


def test_what_one_user_repeats_is_taken_from_its_bin() -> None:
    everyone = 2**63 - 1
    seen = profile(
        [("beer", "food", 60, 54.0, everyone), ("spam", "food", 40, 12.8, 1)], {("food", 18): 60, ("food", 6): 41}
    )
    left = unrepeated(seen)[0, 0]
    assert left[18] == 60
    assert left[6] == 41 - (40 - 4)  # 3.02 count for one user, so 36 whole ones are too many


def test_two_words_of_one_repeated_query_are_taken_away_once() -> None:
    everyone = 2**63 - 1
    rows = [("beer", "food", 60, 54.0, everyone), ("offer", "food", 40, 12.0, 1), ("spam", "food", 40, 12.0, 1)]
    left = unrepeated(profile(rows, {("food", 18): 60, ("food", 6): 41}))[0, 0]
    assert left.sum() == 101 - 36


def test_a_log_that_tells_no_users_apart_loses_nothing() -> None:
    seen = profile([("beer", "food", 60, 54.0, 1), ("wine", "food", 40, 36.0, 1)], {("food", 18): 100})
    assert unrepeated(seen).sum() == 100


def test_simulated_people_lose_nothing(window: Callable[..., Window]) -> None:
    quiet = window(1).reference
    assert (unrepeated(quiet) == quiet.confidence).mean() == pytest.approx(1.0)
    assert unrepeated(quiet).shape == (21, 5, CONFIDENCE_BINS)


def test_one_user_with_many_words_counts_like_a_few() -> None:
    people = np.array([[1 << bit] for bit in range(60)])
    flood = np.array([[1 << 62]] * 500)
    alone = without_bursts(np.ones((60, 1), dtype=np.int64), people)
    with_flood = without_bursts(np.ones((560, 1), dtype=np.int64), np.vstack([people, flood]))
    assert alone[0] == 60
    assert with_flood[0] == 63


def test_a_word_of_several_users_counts_three_times_for_each() -> None:
    counts = without_bursts(np.array([[100, 2]]), np.array([[0b11, 0b11]]))
    assert counts.tolist() == pytest.approx([3 * users_about(0b11), 2.0])
