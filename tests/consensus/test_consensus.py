"""A count, by hand: a label is what the answers support, or it is a problem."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from consensus._votes import UNKNOWN, Votes, ballots
from consensus._weights import agreement, clear_winners
from consensus.dawid_skene import probabilities as dawid_skene
from consensus.mace import probabilities as mace
from consensus.majority import shares
from consensus.one_coin import probabilities as one_coin
from consensus.wawa import weighted as wawa
from consensus.zero_based_skill import weighted as zero_based_skill
from kempelen.errors import ConfigError
from kempelen.plugins import build
from kempelen.records import Annotation


def said(*answers: str) -> list[Annotation]:
    """Answers written as `item annotator label`, `-` for a skip."""
    return [
        Annotation(
            source_id=str(place),
            item_id=item,
            annotator=annotator,
            label=None if label == "-" else label,
            lead_time_s=5.0,
            started_at=None,
            submitted_at=datetime(2020, 1, 21, tzinfo=UTC),
            simulated=False,
        )
        for place, (item, annotator, label) in enumerate(answer.split() for answer in answers)
    ]


def nothing_known(votes: Votes) -> np.ndarray:
    return np.full(len(votes.items), UNKNOWN)


def test_a_tie_is_a_problem_and_not_a_guess() -> None:
    labels, problems = build("consensus", "majority", {}).settle(said("1 a health", "1 b food"))
    assert labels == []
    assert problems[0].message == "{'food': 1, 'health': 1} is a tie: as much speaks for food as for health."
    assert problems[0].hint == "Ask one more annotator, or send it to an expert."


def test_a_share_must_be_exceeded() -> None:
    answers = said("1 a x", "1 b x", "1 c y", "1 d z")
    labels, problems = build("consensus", "majority", {"min_share": 0.5}).settle(answers)
    assert labels == []
    assert problems[0].message == (
        "{'x': 2, 'y': 1, 'z': 1} gives x a support of 50%, and min_share asks for more than 50%."
    )
    labels, _ = build("consensus", "majority", {"min_share": 0.4}).settle(answers)
    assert [(c.label, c.confidence, c.votes, c.method) for c in labels] == [("x", 0.5, 4, "majority")]


def test_a_skip_is_no_vote_and_too_few_votes_are_a_problem() -> None:
    labels, problems = build("consensus", "majority", {"min_votes": 2}).settle(said("1 a health", "1 b -"))
    assert labels == []
    assert problems[0].message == "1 of 2 answers."


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"min_share": 1.0}, "min_share is 1.0."),
        ({"min_votes": 0}, "min_votes is 0."),
        ({"min_share": -1}, "min_share"),
    ],
)
def test_settings_that_settle_nothing_or_anything_are_refused(params: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build("consensus", "majority", params)


def test_agreement_is_counted_where_the_majority_is_clear() -> None:
    answers = said("1 a x", "1 b x", "1 c y", "2 a x", "2 b x", "2 c x", "3 a x", "3 c y", "4 d y")
    votes = ballots(answers).votes
    winners = clear_winners(shares(votes, nothing_known(votes)))
    assert winners.tolist() == [0, 0, UNKNOWN, 1]
    # In the order of what they answered: a and b said x to 1 and 2, c said y to 1 and x to 2, d stands alone.
    assert agreement(votes, winners).tolist() == [1.0, 1.0, 0.5, 1.0]
    # Item 3: 1 for x, 0.5 for y.
    assert wawa(votes, nothing_known(votes))[2].tolist() == pytest.approx([2 / 3, 1 / 3])


def noisy(seed: int) -> list[Annotation]:
    """Five people, three answers to each of 90 items, right with chances between 0.5 and 0.9."""
    rng = np.random.default_rng(seed)
    answers = []
    for item in range(90):
        truth = "xyz"[item % 3]
        for person in rng.choice(5, 3, replace=False):
            right = rng.random() < 0.5 + person / 10
            answers.append(f"i{item:03} p{person} {truth if right else rng.choice(list('xyz'))}")
    return said(*answers)


@pytest.mark.parametrize(("ours", "theirs"), [(wawa, "Wawa"), (zero_based_skill, "ZeroBasedSkill")])
def test_weighted_votes_are_those_of_crowd_kit_where_nothing_is_tied(ours: object, theirs: str) -> None:
    import crowdkit.aggregation

    from consensus import _crowd

    answers = noisy(3)
    whole = ballots(answers).votes
    clear = clear_winners(shares(whole, nothing_known(whole)))
    answers = [a for a in answers if clear[whole.items.index(a.item_id)] != UNKNOWN]
    votes = ballots(answers).votes
    with _crowd.quietly():
        skills = getattr(crowdkit.aggregation, theirs)().fit(_crowd.table(votes)).skills_
    weights = skills.reindex(_crowd.appearance(votes.annotator)).to_numpy()
    expected = votes.totals(weights[votes.annotator])
    assert callable(ours)
    found = ours(votes, nothing_known(votes))
    assert np.allclose(found, expected / expected.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(("ours", "theirs"), [(dawid_skene, "DawidSkene"), (one_coin, "OneCoinDawidSkene")])
def test_models_find_what_crowd_kit_finds(ours: object, theirs: str) -> None:
    import crowdkit.aggregation

    from consensus import _crowd

    votes = ballots(noisy(4)).votes
    with _crowd.quietly():
        # A loss that may get worse by 1 never ends its iterations early.
        fitted = getattr(crowdkit.aggregation, theirs)(n_iter=100, tol=-1.0).fit(_crowd.table(votes))
    assert callable(ours)
    assert np.allclose(ours(votes, nothing_known(votes)), _crowd.supports(fitted.probas_, votes), atol=1e-3)


def test_known_labels_teach_dawid_and_skene_who_mistakes_what() -> None:
    # a and b call every x a y; c is right. Without gold two against one win, with gold c does.
    answers = said(*[f"{i:02} {p} y" for i in range(30) for p in "ab"], *[f"{i:02} c {'xy'[i % 2]}" for i in range(30)])
    votes = ballots(answers).votes
    gold = {f"{i:02}": "xy"[i % 2] for i in range(20)}
    assert dawid_skene(votes, nothing_known(votes)).argmax(axis=1)[20:].tolist() == [1] * 10
    assert dawid_skene(votes, votes.known(gold)).argmax(axis=1)[20:].tolist() == [0, 1] * 5


def test_what_experts_decided_teaches_it_too() -> None:
    # As above, but an expert decided the first twenty items.
    answers = said(*[f"{i:02} {p} y" for i in range(30) for p in "ab"], *[f"{i:02} c {'xy'[i % 2]}" for i in range(30)])
    experts = [replace(one, expert=True) for one in said(*[f"{i:02} e {'xy'[i % 2]}" for i in range(20)])]
    labels, problems = build("consensus", "dawid_skene", {}).settle([*answers, *experts])
    assert problems == []
    assert [(c.label, c.method) for c in labels[:2]] == [("x", "expert"), ("y", "expert")]
    assert [(c.label, c.method) for c in labels[20:22]] == [("x", "dawid_skene"), ("y", "dawid_skene")]


def test_mace_sees_through_people_who_always_say_the_same() -> None:
    # d always says x; on the last items d and one other person are alone, and the other says y.
    truth = ["xyz"[i % 3] for i in range(60)]
    rng = np.random.default_rng(1)
    answers = [
        f"{i:02} {p} {truth[i] if rng.random() < 0.9 else rng.choice(list('xyz'))}" for i in range(60) for p in "abc"
    ]
    answers += [f"{i:02} d x" for i in range(60)]
    votes = ballots(said(*answers, "98 a y", "98 d x", "99 b z", "99 d x")).votes
    assert mace(votes, nothing_known(votes)).argmax(axis=1)[-2:].tolist() == [1, 2]


def test_a_doubtful_unanimity_comes_back_with_its_reason() -> None:
    # a says y where x is right, as gold shows; where only a answered y, x is likelier, and nobody said x.
    answers = said(
        *[f"{i:02} a y" for i in range(30)],
        *[f"{i:02} b x" for i in range(30)],
        *[f"{i:02} c x" for i in range(30)],
        "99 a y",
    )
    gold = {f"{i:02}": "x" for i in range(30)}
    labels, problems = build("consensus", "dawid_skene", {}).settle(answers, gold=gold)
    assert {c.label for c in labels} == {"x"}
    assert [p.message for p in problems] == [
        "{'y': 1} is doubtful: going by their other answers, x is likelier, which nobody said."
    ]
