"""The benchmark of selection measures what it says it measures."""

import numpy as np
import pytest

from benchmarks._selection_model import Floats, Texts, fit
from benchmarks._selection_run import Point
from benchmarks._selection_tally import Reached, minutes_until, ratio
from benchmarks._selection_world import settle
from console.personas import answer, order
from kempelen.plugins import build
from kempelen.records import Example, TrainingSet
from kempelen.text import item_id

LABELS = ("food", "health", "travel")

QUERIES = {
    "corona beer near me": "food",
    "cold corona lime": "food",
    "pasta recipe": "food",
    "flu symptoms": "health",
    "corona virus symptoms": "health",
    "doctor near me": "health",
    "flights to rome": "travel",
    "cheap hotel rome": "travel",
    "train to oslo": "travel",
}
NEW = ["corona flights", "beer and pasta", "hotel doctor", "nothing known"]


def at(*points: tuple[float, float]) -> list[Point]:
    return [Point(minutes=m, items=int(m), trained_on=int(m), accuracy=a) for m, a in points]


def reached(*minutes: float) -> Reached:
    return Reached(minutes=np.array(minutes), reached=len(minutes), trained_share=1.0)


WHOLE = at((0, 0.7), (500, 0.96))


def test_minutes_are_read_off_between_two_rounds() -> None:
    # 0.95 is three fifths of the way from 0.92 to 0.97: 20 minutes and three fifths of 30.
    minutes, within = minutes_until(at((0, 0.7), (20, 0.92), (50, 0.97)), WHOLE, 0.01)
    assert minutes == pytest.approx(38)
    assert within


def test_what_is_never_reached_takes_as_long_as_everything() -> None:
    assert minutes_until(at((0, 0.7), (20, 0.92)), WHOLE, 0.01) == (500, False)


def test_what_is_reached_at_once_takes_a_minute_and_not_nothing() -> None:
    assert minutes_until(at((0, 0.96), (20, 0.97)), WHOLE, 0.01) == (1.0, True)


def test_ratios_are_geometric_means_over_seeds_with_students_interval() -> None:
    # Logarithms to base 2: -1 and -3; mean -2, standard error 1; Student's t with 1 degree of freedom: 12.706.
    middle, low, high = ratio(reached(10, 5), reached(20, 40))
    assert middle == pytest.approx(0.25)
    assert np.log2([low, high]) == pytest.approx([-2 - 12.706, -2 + 12.706], abs=1e-3)


def test_people_are_asked_until_two_agree_and_every_answer_has_its_price() -> None:
    people = {}
    for n in range(300):
        item = item_id(f"query {n}")
        settled = settle(item, "food", LABELS, seed=1)
        given = list(settled.answers.values())
        assert 2 <= len(given) <= 3
        assert (len(given) == 2) == (given[0] == given[1])
        assert settled.label == (None if len(set(given)) == 3 else max(set(given), key=given.count))
        met = [answer(persona, item, "food", LABELS, seed=1) for persona in order(item, 1)]
        asked = next(k for k in range(6) if len([one for one in met[:k] if one.label]) == len(given))
        assert settled.seconds == pytest.approx(sum(one.seconds for one in met[:asked]))
        people[n] = settled.label
    # Two of five annotators who are right in 90 to 98 of 100 cases agree on a wrong label very seldom.
    assert sum(label == "food" for label in people.values()) >= 285


def trained(columns: int) -> Floats:
    queries = [*QUERIES, *NEW]
    texts = Texts.of(queries, columns=columns)
    rows = np.arange(len(QUERIES))
    labels = np.array([LABELS.index(label) for label in QUERIES.values()])
    fitted = fit(texts, rows, labels, np.where(rows < 3, 5.0, 1.0))
    return fitted.probabilities(np.arange(len(QUERIES), len(queries)))


def of_the_product() -> Floats:
    examples = tuple(
        Example(query=query, label=label, weight=5.0 if n < 3 else 1.0, source="base")
        for n, (query, label) in enumerate(QUERIES.items())
    )
    model = build("models", "linear", {}).fit(TrainingSet(examples=examples), seed=1)
    return np.asarray(model.predict(NEW))


def test_the_quick_model_is_the_products_linear_model() -> None:
    # Both stop within the solver's tolerance of the same optimum.
    assert trained(columns=0) == pytest.approx(of_the_product(), abs=1e-3)


def test_folding_its_columns_hardly_changes_it() -> None:
    assert trained(columns=1 << 13) == pytest.approx(of_the_product(), abs=0.05)


def test_a_fit_that_starts_elsewhere_ends_at_the_same_place() -> None:
    texts = Texts.of(list(QUERIES))
    rows, labels = np.arange(9), np.repeat([0, 1, 2], 3)
    elsewhere = fit(texts, rows, labels[::-1].copy(), np.ones(9))
    cold, warm = (fit(texts, rows, labels, np.ones(9), start=start) for start in (None, elsewhere))
    assert warm.probabilities(rows) == pytest.approx(cold.probabilities(rows), abs=2e-3)
