"""Profiles add up whatever they are cut into, survive their JSON, and refuse to contradict themselves."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kempelen.errors import BadData
from kempelen.profile import (
    CONFIDENCE_BINS,
    USER_BITS,
    Profile,
    Sampled,
    draw,
    fold_below,
    user_bit,
    users_about,
    users_at_least,
)

FIRST = date(2020, 1, 1)
WORDS = st.sampled_from(["corona", "beer", "كورونا", "🦠", "\u202eword", "a\x00b", "ünï", "\ud7ff", "İ"])
# One prediction: day, words, label, confidence in millionths, user.
PREDICTION = st.tuples(
    st.integers(0, 5),
    st.lists(WORDS, max_size=4, unique=True),
    st.sampled_from(["food", "health", "\u200dnews", "طعام"]),
    st.integers(0, 1_000_000),
    st.integers(0, 200).map(str),
)
LOGGED = st.lists(PREDICTION, max_size=30)
Logged = list[tuple[int, list[str], str, int, str]]


def profile_of(logged: Logged, first: date = FIRST) -> Profile:
    """The profile of some predictions, counted in plain Python. Each is in the sample."""
    bins: Counter[tuple[date, str, int]] = Counter()
    counts: Counter[tuple[date, str, str]] = Counter()
    sums: Counter[tuple[date, str, str]] = Counter()
    users: dict[tuple[date, str, str], int] = {}
    sample = []
    for n, words, label, millionths, user in logged:
        day = first + timedelta(days=n)
        bins[day, label, min(millionths * CONFIDENCE_BINS // 1_000_000, CONFIDENCE_BINS - 1)] += 1
        query = " ".join(words)
        sample.append(Sampled(day=day, draw=draw(query), query=query, label=label, confidence=millionths / 1_000_000))
        for word in words:
            counts[day, word, label] += 1
            sums[day, word, label] += millionths
            users[day, word, label] = users.get((day, word, label), 0) | user_bit(user)
    rows = [(*key, n, sums[key] / 1_000_000, users[key]) for key, n in counts.items()]
    return Profile.of_tables(
        days={day for day, _, _ in bins}, confidence=bins, fold={}, folded={}, rows=rows, sample=sample
    )


@given(LOGGED)
def test_a_profile_survives_its_json(logged: Logged) -> None:
    profile = profile_of(logged)
    document = profile.to_json()
    again = Profile.from_json(document)
    assert again == profile
    assert again.to_json() == document
    assert again.sample == profile.sample


@given(LOGGED)
def test_without_its_sample_a_profile_holds_no_query(logged: Logged) -> None:
    profile = profile_of(logged)
    kept = Profile.from_json(profile.to_json(with_sample=False))
    assert kept == replace(profile, sample=())


@given(LOGGED, st.randoms(use_true_random=False))
def test_the_order_of_predictions_is_irrelevant(logged: Logged, random: Any) -> None:
    shuffled = list(logged)
    random.shuffle(shuffled)
    assert profile_of(shuffled).to_json() == profile_of(logged).to_json()


@given(LOGGED, st.integers(-1, 6))
def test_a_profile_cut_at_any_day_and_merged_is_the_profile(logged: Logged, cut: int) -> None:
    profile = profile_of(logged)
    last = FIRST + timedelta(days=cut)
    before, after = profile.until(last), profile.since(last + timedelta(days=1))
    assert before.merge(after).to_json() == after.merge(before).to_json() == profile.to_json()
    assert before == profile_of([one for one in logged if one[0] <= cut])
    assert before.predictions + after.predictions == len(logged)


@given(LOGGED, LOGGED)
def test_the_merge_of_two_profiles_is_the_profile_of_both(one: Logged, other: Logged) -> None:
    later = [(day + 6, *rest) for day, *rest in other]
    merged = profile_of(one).merge(profile_of(other, FIRST + timedelta(days=6)))
    assert merged.to_json() == profile_of([*one, *later]).to_json()


@given(LOGGED)
def test_a_profile_counts_what_plain_python_counts(logged: Logged) -> None:
    profile = profile_of(logged)
    assert profile.predictions == profile.by_day.sum() == profile.by_label.sum() == len(logged)
    for place, day in enumerate(profile.days):
        assert profile.by_day[place] == sum(FIRST + timedelta(days=one[0]) == day for one in logged)
    for place, label in enumerate(profile.labels):
        assert profile.by_label[place].sum() == sum(one[2] == label for one in logged)
    for place, word in enumerate(profile.terms):
        those = [one for one in logged if word in one[1]]
        term = profile.term(word)
        assert profile.by_term[place].sum() == term.predictions == len(those)
        assert term.labels == Counter(one[2] for one in those)
        assert term.confidence == pytest.approx(sum(one[3] for one in those) / 1_000_000 / len(those))
        assert users_at_least(term.users) == len({user_bit(one[4]) for one in those})


@given(LOGGED, st.integers(0, 6))
def test_a_word_since_a_day_is_that_word_in_the_profile_since_that_day(logged: Logged, cut: int) -> None:
    profile = profile_of(logged)
    first = FIRST + timedelta(days=cut)
    for word in [*profile.terms, "unheard-of"]:
        assert profile.term(word, since=first) == profile.since(first).term(word)


@given(LOGGED.filter(bool))
def test_a_day_is_never_counted_twice(logged: Logged) -> None:
    with pytest.raises(ValueError, match="counted twice"):
        profile_of(logged).merge(profile_of(logged))


def test_nothing_is_the_neutral_element_of_merging() -> None:
    profile = profile_of([(0, ["corona"], "health", 700_000, "ada")])
    empty = Profile.empty()
    assert (empty.predictions, empty.terms, empty.by_term.shape) == (0, (), (0, 0))
    assert empty.merge(profile) == profile.merge(empty) == profile
    assert empty.merge(empty) == Profile.from_json(empty.to_json()) == empty
    assert empty.term("corona").label is None


CONTRADICTIONS: dict[str, Callable[[Profile], dict[str, Any]]] = {
    "more predictions with 'corona' than predictions": lambda p: {"row_predictions": p.row_predictions + 9},
    "not one count for each day, label and bin": lambda p: {"confidence": p.confidence[:, :, 1:]},
    "distinct and in order": lambda p: {"days": p.days[::-1]},
}


@pytest.mark.parametrize("found", CONTRADICTIONS)
def test_a_profile_that_contradicts_itself_cannot_exist(found: str) -> None:
    profile = profile_of([(0, ["corona"], "health", 700_000, "ada"), (1, ["corona"], "food", 1, "bob")])
    with pytest.raises(ValueError, match=found):
        replace(profile, **CONTRADICTIONS[found](profile))


@pytest.mark.parametrize("document", ["[]", "{}", '{"format":1}', '[{"day":"2020-01-01"}]'])
def test_a_document_of_another_format_is_refused_with_a_hint(document: str) -> None:
    with pytest.raises(BadData, match="format") as caught:
        Profile.from_json(document)
    assert "again" in caught.value.hint


def test_the_document_is_compact_json_that_says_its_format() -> None:
    document = profile_of([(0, ["corona"], "health", 700_000, "ada")]).to_json()
    assert json.loads(document)["format"] == 2
    assert ", " not in document


def test_bits_and_draws_are_the_same_for_ever_for_they_are_in_files() -> None:
    assert [user_bit(name).bit_length() - 1 for name in ("ada", "bob", "\ud800")] == [50, 28, 17]
    assert draw("42") == 3085812099239117


def test_draws_are_uniform() -> None:
    n = 4_000
    draws = np.sort([draw(f"prediction {i}") / 2**53 for i in range(n)])
    # Kolmogorov-Smirnov: a gap above 1.95 / sqrt(n) has a probability of 0.001.
    assert np.abs(draws - np.arange(1, n + 1) / n).max() < 1.95 / n**0.5


@pytest.mark.parametrize("users", [1, 3, 10, 50, 100])
def test_a_sketch_counts_users_never_too_high_and_about_right(users: int) -> None:
    sketches = [0] * 200
    for n in range(200):
        for user in range(users):
            sketches[n] |= user_bit(f"{n} {user}")
    assert all(users_at_least(sketch) <= users for sketch in sketches)
    # The variance of linear counting, m (exp(t) - t - 1) with t = users / m (Whang et al. 1990).
    load = users / USER_BITS
    sd = (USER_BITS * (np.exp(load) - load - 1)) ** 0.5
    assert np.mean([users_about(sketch) for sketch in sketches]) == pytest.approx(users, abs=3 * sd / 200**0.5 + 1)


def test_a_full_sketch_says_that_it_cannot_tell() -> None:
    assert users_about(2**USER_BITS - 1) == float("inf")


@pytest.mark.parametrize(("predictions", "kept"), [(0, 1), (10_000, 1), (10_001, 2), (20_000, 2), (1_000_000, 100)])
def test_a_word_is_kept_from_one_in_ten_thousand_on(predictions: int, kept: int) -> None:
    assert fold_below(predictions) == kept
