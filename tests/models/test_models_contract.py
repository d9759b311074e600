"""Every file of models/ must keep these promises; a new file is tested by existing."""

import random
from pathlib import Path

import numpy as np
import pytest

from kempelen.errors import BadData, ConfigError, NotEnoughData
from kempelen.plugins import available, build
from kempelen.protocols import Classifier
from kempelen.records import Example, TrainingSet

WORDS = {
    "food_and_drink": ("beer", "wine", "lime", "bottle", "pizza", "corona"),
    "health": ("fever", "cough", "doctor", "rash", "clinic", "vaccine"),
    "travel": ("flight", "hotel", "train", "visa", "ticket", "airport"),
}
FRAMES = ("{}", "{} near me", "best {} today", "where is a {}", "cheap {} please")

every_model = pytest.mark.parametrize("name", available("models"))


def example(query: str, label: str, weight: float = 1.0) -> Example:
    return Example(query=query, label=label, weight=weight, source="toy")


TOY = tuple(example(frame.format(word), label) for label, words in WORDS.items() for word in words for frame in FRAMES)


def fit(name: str, examples: tuple[Example, ...], seed: int = 1) -> Classifier:
    classifier: Classifier = build("models", name, {}).fit(TrainingSet(examples=examples), seed)
    return classifier


def best(classifier: Classifier, *queries: str) -> list[str]:
    return [classifier.labels[i] for i in classifier.predict(queries).argmax(axis=1)]


def probability(classifier: Classifier, query: str, label: str) -> float:
    return float(classifier.predict([query])[0, classifier.labels.index(label)])


def test_both_shipped_classifiers_are_found_by_their_file_names() -> None:
    assert {"linear", "embedding_bag"} <= set(available("models"))


@every_model
def test_a_word_it_learned_decides_in_a_sentence_it_never_saw(name: str) -> None:
    classifier = fit(name, TOY)
    assert best(classifier, "show me one beer", "a doctor for tomorrow", "some hotel there") == [
        "food_and_drink",
        "health",
        "travel",
    ]


@every_model
def test_columns_are_the_sorted_labels_and_rows_sum_to_one(name: str) -> None:
    classifier = fit(name, TOY)
    probabilities = classifier.predict([e.query for e in TOY])
    assert classifier.labels == ("food_and_drink", "health", "travel")
    assert probabilities.shape == (len(TOY), 3)
    assert probabilities.dtype == np.float64
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-12)


@every_model
def test_no_queries_give_no_rows(name: str) -> None:
    assert fit(name, TOY).predict([]).shape == (0, 3)


@every_model
def test_one_set_and_seed_give_one_classifier_in_whatever_order_the_examples_come(name: str) -> None:
    shuffled = list(TOY)
    random.Random(3).shuffle(shuffled)  # noqa: S311 - an order, not a secret
    queries = [e.query for e in TOY] + ["", "an unknown thing"]
    np.testing.assert_array_equal(fit(name, TOY).predict(queries), fit(name, tuple(shuffled)).predict(queries))


@every_model
def test_fitting_leaves_nothing_behind_in_the_process(name: str) -> None:
    import torch

    def state() -> list[object]:
        numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 - the global state is what is looked at
        return [random.getstate(), repr(numpy_state), torch.get_rng_state().tolist(), torch.get_num_threads()]

    before = state()
    fit(name, TOY, seed=99)
    assert state() == before


@every_model
def test_one_heavy_example_outweighs_eight_light_ones(name: str) -> None:
    beer = tuple(Example(query="corona", label="food_and_drink", weight=1.0, source=f"log {i}") for i in range(8))
    light, heavy = example("corona", "health", weight=1.0), example("corona", "health", weight=64.0)
    rest = tuple(e for e in TOY if "corona" not in e.query)
    assert best(fit(name, (*rest, *beer, light)), "corona") == ["food_and_drink"]
    assert best(fit(name, (*rest, *beer, heavy)), "corona") == ["health"]


def test_for_the_linear_model_a_weight_of_two_is_the_row_twice() -> None:
    corona = example("corona cure", "health")
    once, twice = fit("linear", (*TOY, corona)), fit("linear", (*TOY, corona, corona))
    doubled = fit("linear", (*TOY, example("corona cure", "health", weight=2.0)))
    p = [probability(c, "corona cure", "health") for c in (once, twice, doubled)]
    # TF-IDF counts documents, not weights: the two differ by one document in 92, and by nothing else.
    assert p[2] == pytest.approx(p[1], abs=0.01)
    assert p[2] - p[0] > 0.03


@every_model
def test_a_weight_of_zero_leaves_the_example_out(name: str) -> None:
    weightless = (*TOY, example("corona", "weather", weight=0.0))
    np.testing.assert_array_equal(fit(name, weightless).predict(["corona"]), fit(name, TOY).predict(["corona"]))


@every_model
@pytest.mark.parametrize(
    "query",
    ["", "   ", "?!", "\N{BEER MUG}\N{FACE WITH MEDICAL MASK}", "corona " * 14_286, "\x00\x1f", "\ud800", "コロナ"],
    ids=["empty", "blanks", "punctuation", "emoji", "100k characters", "controls", "lone surrogate", "kana"],
)
def test_any_text_gets_an_answer(name: str, query: str) -> None:
    row = fit(name, TOY).predict([query])
    assert np.isfinite(row).all()
    assert row.sum() == pytest.approx(1.0)


@every_model
def test_case_width_and_closing_punctuation_change_nothing(name: str) -> None:
    rows = fit(name, TOY).predict(["corona beer", "  CORONA\tBeer?! ", "\uff23orona beer"])
    np.testing.assert_array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(rows[0], rows[2])


@every_model
@pytest.mark.parametrize(
    "examples",
    [(), (example("beer", "food_and_drink"),), (example("a", "health"), example("b", "travel", weight=0.0))],
    ids=["no example", "one label", "one label with weight"],
)
def test_fewer_than_two_labels_are_not_enough(name: str, examples: tuple[Example, ...]) -> None:
    with pytest.raises(NotEnoughData, match="labels") as caught:
        fit(name, examples)
    assert "at least two labels" in caught.value.hint


def test_a_training_set_without_a_word_is_not_enough_for_the_linear_model() -> None:
    with pytest.raises(NotEnoughData, match="contains a word"):
        fit("linear", (example("", "health"), example("?!", "travel")))


@every_model
@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_no_weight_is_bad_data(name: str, weight: float) -> None:
    with pytest.raises(BadData, match="weight"):
        fit(name, (*TOY, example("corona", "health", weight=weight)))


@every_model
def test_saving_pins_what_it_was_trained_with(name: str, tmp_path: Path) -> None:
    saved = fit(name, TOY).save(tmp_path)
    assert all(Path(file).parent == tmp_path for file in (saved.serving_file, *saved.artifacts.values()))
    assert any(requirement.startswith("mlflow==") for requirement in saved.requirements)
    assert all("==" in requirement and "+" not in requirement for requirement in saved.requirements)


@pytest.mark.parametrize(("name", "params"), [("linear", {"c": 0}), ("embedding_bag", {"dimensions": 0})])
def test_an_impossible_parameter_is_refused_when_building(name: str, params: dict[str, float]) -> None:
    with pytest.raises(ConfigError) as caught:
        build("models", name, params)
    assert "default" in caught.value.hint


def test_without_torch_the_embedding_bag_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught:
        build("models", "embedding_bag", {})
    assert "pip install kempelen[torch]" in caught.value.hint
