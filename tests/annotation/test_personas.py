"""The simulated annotators have the faults and the pace that they are said to have."""

import numpy as np
import pytest

from console.personas import EXPERT_ADDRESSES, EXPERTS, PERSONAS, Persona, answer, confusion, order, seconds
from kempelen.errors import BadData

LABELS = ("banking", "entertainment", "food_and_drink", "health", "news", "shopping", "small_talk", "travel", "weather")
N = 2_000

each_persona = pytest.mark.parametrize("persona", PERSONAS, ids=lambda persona: persona.name)


def within(share: float, expected: float, n: int, sds: float = 4.0) -> bool:
    """Whether a share is as expected: 4 sd, because some 250 shares are compared, and half a count."""
    return abs(share - expected) <= sds * (expected * (1 - expected) / n) ** 0.5 + 0.5 / n


@each_persona
def test_a_confusion_matrix_is_what_a_persona_does(persona: Persona) -> None:
    expected = confusion(persona, LABELS)
    assert expected.sum(axis=1) == pytest.approx(np.ones(len(LABELS)))
    for row, truth in enumerate(LABELS[:5]):
        given = [answer(persona, f"{truth}-{i}", truth, LABELS, seed=1) for i in range(N)]
        chosen = [each.label for each in given if each.label is not None]
        assert within(1 - len(chosen) / N, persona.skips, N)
        for column, label in enumerate(LABELS):
            assert within(chosen.count(label) / len(chosen), expected[row, column], len(chosen)), (truth, label)


@each_persona
def test_a_persona_is_right_between_nine_and_ninety_eight_times_of_a_hundred(persona: Persona) -> None:
    assert 0.90 <= persona.accuracy <= 0.98
    assert np.diag(confusion(persona, LABELS)) == pytest.approx(np.full(len(LABELS), persona.accuracy))


def test_the_expert_is_better_than_all_others_and_none_of_them() -> None:
    [expert] = EXPERTS
    assert expert.accuracy > max(persona.accuracy for persona in PERSONAS)
    assert expert.name not in {persona.name for persona in PERSONAS}
    assert (f"{expert.name}@simulated.invalid",) == EXPERT_ADDRESSES
    assert order("item-1", 5, EXPERTS) == [expert]


def test_the_five_answer_as_they_always_did() -> None:
    """The demo's figures rest on these very answers."""
    said = [
        (persona.name[0], given.label, given.seconds)
        for persona in order("8ec3e99ade3055c2", seed=20200120)
        for given in [answer(persona, "8ec3e99ade3055c2", "health", LABELS, seed=20200120)]
    ]
    assert said == [
        ("b", "health", 13.716),
        ("a", "health", 15.008),
        ("c", "health", 18.011),
        ("e", "health", 8.879),
        ("d", "health", 7.96),
    ]


def test_bruno_takes_news_for_health_four_times_as_often_as_for_anything_else_together() -> None:
    bruno = next(persona for persona in PERSONAS if persona.name == "bruno")
    news = dict(zip(LABELS, confusion(bruno, LABELS)[LABELS.index("news")], strict=True))
    assert news["health"] == pytest.approx(0.8 * 0.05)
    assert news["travel"] == pytest.approx(0.2 * 0.05 / 7)


def test_two_labels_leave_one_way_to_be_wrong() -> None:
    bruno = next(persona for persona in PERSONAS if persona.name == "bruno")
    assert confusion(bruno, ("health", "news")) == pytest.approx(np.array([[0.95, 0.05], [0.05, 0.95]]))
    assert confusion(bruno, ("health", "other")) == pytest.approx(np.array([[0.95, 0.05], [0.05, 0.95]]))


def test_the_times_have_the_published_quantiles_and_mean() -> None:
    shares = np.linspace(0, 1, 200_001)
    drawn = seconds(shares)
    found = np.quantile(drawn, [0.05, 0.25, 0.5, 0.75, 0.95])
    assert found == pytest.approx([4.0, 8.5, 13.5, 20.0, 41.5], rel=1e-3)
    assert drawn.mean() == pytest.approx(17.69, rel=1e-3)
    assert np.all(np.diff(drawn) > 0)


@each_persona
def test_a_persona_takes_its_pace_times_the_published_median(persona: Persona) -> None:
    took = [answer(persona, f"item-{i}", "health", LABELS, seed=2).seconds for i in range(N)]
    median = persona.pace * 13.5
    assert within(np.mean(np.array(took) < median), 0.5, N)


def test_an_answer_depends_on_seed_persona_and_item_and_on_nothing_else() -> None:
    ada, dmitri = PERSONAS[0], PERSONAS[3]
    items = [f"item-{i}" for i in range(200)]
    first = [answer(dmitri, item, "health", LABELS, seed=3) for item in items]
    assert first == [answer(dmitri, item, "health", LABELS, seed=3) for item in reversed(items)][::-1]
    assert first != [answer(dmitri, item, "health", LABELS, seed=4) for item in items]
    # Not the same random numbers for two people: else they would be slow, and wrong, on the same items.
    slow = [each.seconds / dmitri.pace for each in first]
    assert abs(np.corrcoef(slow, [answer(ada, item, "health", LABELS, seed=3).seconds for item in items])[0, 1]) < 0.3


def test_everybody_is_asked_first_equally_often() -> None:
    first = [order(f"item-{i}", seed=5)[0].name for i in range(N)]
    assert all(within(first.count(persona.name) / N, 1 / 5, N) for persona in PERSONAS)
    assert sorted(persona.name for persona in order("item-1", seed=5)) == sorted(persona.name for persona in PERSONAS)


def test_a_truth_that_is_no_choice_is_an_error_that_names_both() -> None:
    with pytest.raises(BadData, match="'beer', which is no choice") as caught:
        answer(PERSONAS[0], "item-1", "beer", LABELS, seed=1)
    assert "banking" in caught.value.hint
