"""Candidates that read the same once they are scrubbed are one item, and those that say nothing are held back."""

import pytest

from connectors.scrubbing import merged, none, showable
from connectors.scrubbing.presidio import build
from kempelen.plugins import available
from kempelen.plugins import build as plug_in
from kempelen.records import Candidate, Showable
from kempelen.text import item_id

SURE, UNSURE = {"health": 1.0}, {"health": 0.5, "news": 0.5}


def candidate(query: str, predictions: int, users: int = 2, days: int = 1, **more: object) -> Candidate:
    known = {"model_version": "1", "probabilities": SURE} | more
    return Candidate(item_id=item_id(query), query=query, predictions=predictions, users=users, days=days, **known)  # type: ignore[arg-type]  # the rest as given


def test_equal_texts_become_one_candidate_of_the_most_frequent_one() -> None:
    found = merged(
        [
            candidate("who called 212-736-5000", 5, users=3, days=1),
            candidate("who called 212-736-5001", 7, users=2, days=2, probabilities=UNSURE, model_version="2"),
            candidate("corona", 40),
        ],
        build(),
    )
    query = "who called <phone>"
    expected = [
        candidate("corona", 40),
        candidate(query, 12, users=3, days=2, probabilities=UNSURE, model_version="2", scrubbed=("phone",)),
    ]
    assert found == sorted(expected, key=lambda one: one.item_id)


def test_the_kinds_of_all_that_became_one_are_told() -> None:
    (found,) = merged([candidate("ask <email>", 1, scrubbed=("mac",)), candidate("ask a@example.org", 1)], build())
    assert (found.query, found.predictions, found.scrubbed) == ("ask <email>", 2, ("email", "mac"))


def test_equally_frequent_ones_are_told_apart_by_their_item() -> None:
    pair = [candidate(f"who called 212-736-500{n}", 5, model_version=str(n)) for n in range(2)]
    first = min(pair, key=lambda one: one.item_id)
    assert [merged(order, build())[0].model_version for order in (pair, pair[::-1])] == [first.model_version] * 2


def test_what_says_nothing_any_more_is_left_out_and_counted() -> None:
    shown = [
        candidate("a@example.org", 4),
        candidate("b@example.org", 2),
        candidate("+49 30 1234567, a@example.org", 1),
    ]
    found = Showable(candidates=(*shown, candidate("corona", 9)), held_back=10, held_back_predictions=11)
    assert [one.query for one in merged(found.candidates, build())] == ["corona"]
    assert showable(found, build()) == Showable(
        candidates=(candidate("corona", 9),), held_back=13, held_back_predictions=18
    )


def test_every_query_that_is_held_back_is_counted_though_they_read_the_same() -> None:
    mails = [candidate("a@example.org", 4), candidate("b@example.org", 3), candidate("12 34 56 " * 60, 2)]
    found = showable(Showable(candidates=tuple(mails), held_back=7, held_back_predictions=9), build())
    assert (found.candidates, found.held_back, found.held_back_predictions) == ((), 10, 18)


def test_a_query_that_nothing_was_taken_from_is_kept_whatever_it_says() -> None:
    shown = [candidate("🦠", 3), candidate("<email>", 2)]
    assert merged(shown, build()) == sorted(shown, key=lambda one: one.item_id)


def test_without_a_scrubber_candidates_are_only_put_in_order() -> None:
    shown = [candidate(query, 1) for query in ("a@example.org", "corona", "call 030 1234567")]
    assert merged(shown, none.build()) == sorted(shown, key=lambda one: one.item_id)


@pytest.mark.parametrize("name", available("connectors/scrubbing"))
def test_every_scrubber_answers_for_each_text_in_order(name: str) -> None:
    texts = ["corona", "", "jane.doe@example.org", "corona"]
    found = plug_in("connectors/scrubbing", name, {}).scrub(texts)
    assert [one.text for one in found[::3]] == ["corona", "corona"]
    assert len(found) == 4
    assert all((one.text == text) == (one.kinds == ()) for text, one in zip(texts, found, strict=True))
