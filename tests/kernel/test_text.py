"""Queries are folded the same way for the log, the classifiers and the detectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kempelen import text


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        ("Corona Virus?", "corona virus"),
        ("  what\tis\n  corona !! ", "what is corona"),
        ("\uff23\uff2f\uff32\uff2f\uff2e\uff21", "corona"),
        ("c\x00ovid\x1f-19", "c ovid -19"),
        ("\u05e7\u05d5\u05e8\u05d5\u05e0\u05d4", "\u05e7\u05d5\u05e8\u05d5\u05e0\u05d4"),
        ("stra\u00dfe", "strasse"),
        ("\U0001f637 mask", "\U0001f637 mask"),
        ("", ""),
        ("?!", ""),
    ],
)
def test_what_people_do_not_mean_is_folded(typed: str, query: str) -> None:
    assert text.normalise(typed) == query


@given(st.text(max_size=3_000))
def test_a_normalised_query_has_clean_words_and_is_bounded(typed: str) -> None:
    query = text.normalise(typed)
    assert query == " ".join(query.split())
    assert all(word in query for word in text.terms(query))
    # Case folding and compatibility forms lengthen a character to at most 18.
    assert len(query) <= 18 * text.LONGEST_QUERY


def test_a_word_counts_once_in_a_query() -> None:
    assert text.terms("corona corona don't panic 19") == ["corona", "don't", "panic", "19"]


@given(st.text(max_size=50), st.text(max_size=50))
def test_equal_queries_have_equal_ids(one: str, other: str) -> None:
    assert (text.item_id(one) == text.item_id(other)) == (one == other)
