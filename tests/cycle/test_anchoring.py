"""Do people follow the suggestion? The interval covers the difference, and nothing is of one person."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import sqrt

import numpy as np
import pytest

from cycle.anchoring import FEWEST_ITEMS, Anchoring, anchoring
from kempelen.records import Annotation, LabelRequest, Purpose

MORNING = datetime(2020, 1, 21, 9, tzinfo=UTC)
PEOPLE = ("ann", "ben", "cat", "dan")


def request(item: str, *, blind: bool = False, cycle: str = "c1", purpose: Purpose = Purpose.TRAINING) -> LabelRequest:
    return LabelRequest(
        cycle_id=cycle, round=1, item_id=item, query=item, predictions=3, users=2, model_version="1",
        suggestion="food", confidence=0.9, strategy="margin", reason="because", purpose=purpose,
        inclusion_probability=0.5, audit_probability=0.25, blind=blind,
    )  # fmt: skip


def said(
    item: str, who: str, label: str | None, *, minute: int = 0, simulated: bool = False, expert: bool = False
) -> Annotation:
    return Annotation(
        source_id=f"{item}/{who}/{minute}", item_id=item, annotator=who, label=label, lead_time_s=9.0,
        started_at=None, submitted_at=MORNING + timedelta(minutes=minute), simulated=simulated, expert=expert,
    )  # fmt: skip


def agreeing(items: Iterable[str], agree: int, *, simulated: bool = False) -> list[Annotation]:
    """One answer an item, the first `agree` as suggested, by people in turn."""
    return [
        said(item, PEOPLE[place % 4], "food" if place < agree else "health", simulated=simulated)
        for place, item in enumerate(items)
    ]


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{place}" for place in range(count)]


SEEN, BLIND = names("s", 40), names("b", 20)
ASKED = [*(request(item) for item in SEEN), *(request(item, blind=True) for item in BLIND)]


def human(found: tuple[Anchoring, ...]) -> Anchoring:
    people, *others = found
    assert not others
    assert not people.simulated
    return people


def test_the_difference_and_its_interval_by_hand() -> None:
    found = human(anchoring(ASKED, [*agreeing(SEEN, 36), *agreeing(BLIND, 12)])).difference
    assert found is not None
    assert (found.seen.share, found.seen.items, found.seen.answers) == (0.9, 40, 40)
    assert (found.blind.share, found.blind.items, found.blind.answers) == (0.6, 20, 20)
    assert found.value == pytest.approx(0.3)
    # Effective numbers: 39 * (1.95996 / 2.02269)^2 = 36.619 and 19 * (1.95996 / 2.09302)^2 = 16.661. The shares q that
    # lie 1.95996 * sqrt(q * (1 - q) / n) from what was seen: 0.76209 and 0.96196, 0.36838 and 0.79415.
    assert found.low == pytest.approx(0.3 - sqrt((0.9 - 0.76209) ** 2 + (0.79415 - 0.6) ** 2), abs=1e-5)
    assert found.high == pytest.approx(0.3 + sqrt((0.96196 - 0.9) ** 2 + (0.6 - 0.36838) ** 2), abs=1e-5)


def test_it_is_said_in_a_sentence() -> None:
    says = human(anchoring(ASKED, [*agreeing(SEEN, 36), *agreeing(BLIND, 12)])).says
    assert says == (
        "People agree with the suggestion on 90 % of the items that show it and on 60 % of those that hide it: "
        "+30 points (95 % interval +6 to +54). Seeing it makes them agree with it more often."
    )
    assert human(anchoring(ASKED, [*agreeing(SEEN, 30), *agreeing(BLIND, 15)])).says.endswith("That may be chance.")
    assert "less often" in human(anchoring(ASKED, [*agreeing(SEEN, 10), *agreeing(BLIND, 19)])).says


def test_complete_agreement_has_an_interval_of_some_width() -> None:
    found = human(anchoring(ASKED, [*agreeing(SEEN, 40), *agreeing(BLIND, 20)])).difference
    assert found is not None
    assert found.value == 0
    assert found.low < -0.05 < 0.05 < found.high


def test_answers_to_one_item_that_resemble_each_other_do_not_count_twice() -> None:
    once = [*agreeing(SEEN, 30), *agreeing(BLIND, 12)]
    copied = [said(a.item_id, PEOPLE[PEOPLE.index(a.annotator) - 1], a.label, minute=1) for a in once]
    alone, twice = (human(anchoring(ASKED, answers)).difference for answers in (once, [*once, *copied]))
    assert alone is not None
    assert twice is not None
    assert twice.seen.answers == 2 * alone.seen.answers
    assert (twice.low, twice.high) == pytest.approx((alone.low, alone.high))


def test_human_and_simulated_answers_are_never_in_one_figure() -> None:
    people = [*agreeing(SEEN, 36), *agreeing(BLIND, 12)]
    machines = [*agreeing(SEEN, 40, simulated=True), *agreeing(BLIND, 5, simulated=True)]
    apart, both = anchoring(ASKED, people), anchoring(ASKED, [*machines, *people])
    assert both[:1] == apart
    assert both[1:] == anchoring(ASKED, machines)[1:]
    assert [one.simulated for one in both] == [False, True]
    assert both[1].difference is not None
    assert both[1].difference.value == 0.75
    assert both[1].says.startswith("Simulated annotators agree")
    assert "imulated" not in both[0].says


def test_simulated_answers_alone_say_nothing_of_people() -> None:
    people, machines = anchoring(ASKED, agreeing([*SEEN, *BLIND], 50, simulated=True))
    assert machines.difference is not None
    assert people.difference is None
    assert people.missing_people == 3


def test_only_first_answers_to_training_items_count() -> None:
    plain = [*agreeing(SEEN, 36), *agreeing(BLIND, 12)]
    others = [request("audit", purpose=Purpose.AUDIT, blind=True), request("gold", purpose=Purpose.GOLD, blind=True)]
    noise = [
        *(said("s0", who, "health", minute=9) for who in ("eve", "fay")),  # the second counts, the third not
        said("s1", "eve", "health", minute=1, expert=True),
        said("s2", "eve", None, minute=-1),
        *agreeing(["audit", "gold"], 0),
        said("nobody-asked", "ann", "food"),
    ]
    found = human(anchoring([*ASKED, *others], [*plain, *noise])).difference
    assert found is not None
    assert found.blind.answers == 20
    assert found.seen.answers == 41
    assert found.seen.share == pytest.approx((35 + 0.5) / 40)


def test_the_first_answer_of_a_person_counts_and_not_a_second_one() -> None:
    plain = [*agreeing(SEEN, 36), *agreeing(BLIND, 12)]
    again = [said(a.item_id, a.annotator, "other", minute=5) for a in plain]
    assert anchoring(ASKED, [*again, *plain]) == anchoring(ASKED, plain)


def test_an_item_that_was_asked_for_twice_is_left_out() -> None:
    plain = [*agreeing(SEEN, 36), *agreeing(BLIND, 12)]
    found = anchoring([*ASKED, request("s0", blind=True, cycle="c2")], plain)[0].difference
    assert found is not None
    assert found.seen.items == 39


def test_shares_are_compared_within_cycles() -> None:
    # The second cycle hides nearly all and has hard items: pooled, people would seem to follow the suggestion.
    easy, hard = names("e", 80), names("h", 80)
    asked = [request(item, blind=place < 10) for place, item in enumerate(easy)]
    asked += [request(item, blind=place >= 10, cycle="c2") for place, item in enumerate(hard)]
    answers = [said(item, PEOPLE[n % 4], "food" if n % 10 else "health") for n, item in enumerate(easy)]
    answers += [said(item, PEOPLE[n % 4], "food" if n % 10 == 0 else "health") for n, item in enumerate(hard)]
    found = anchoring(asked, answers)[0].difference
    assert found is not None
    assert found.value == pytest.approx(0)
    assert found.low < 0 < found.high


def test_too_few_answers_say_how_many_are_missing() -> None:
    few = human(anchoring(ASKED, [*agreeing(SEEN[:5], 5), *agreeing(BLIND[:19], 9)]))
    assert few.difference is None
    assert (few.missing_seen, few.missing_blind, few.missing_people) == (FEWEST_ITEMS - 5, 1, 0)
    assert few.says == (
        "Whether people follow the suggestion cannot be said yet. Needed: "
        "15 more answered items with the suggestion shown, 1 more answered item with the suggestion hidden."
    )
    none = human(anchoring([], []))
    assert none.missing_blind == none.missing_seen == FEWEST_ITEMS


def test_shares_of_different_cycles_cannot_be_compared() -> None:
    asked = [*(request(item) for item in SEEN), *(request(item, blind=True, cycle="c2") for item in BLIND)]
    found = human(anchoring(asked, [*agreeing(SEEN, 36), *agreeing(BLIND, 12)]))
    assert found.difference is None
    assert (found.missing_seen, found.missing_blind) == (20, 20)


def test_a_figure_of_one_or_two_people_is_not_given() -> None:
    two = [said(a.item_id, "ann" if n % 2 else "ben", a.label) for n, a in enumerate(agreeing([*SEEN, *BLIND], 50))]
    found = human(anchoring(ASKED, two))
    assert found.difference is None
    assert found.missing_people == 1
    assert "1 more annotator." in found.says


def test_no_person_is_named_in_the_result() -> None:
    found = human(anchoring(ASKED, [*agreeing(SEEN, 36), *agreeing(BLIND, 12)]))
    document = json.dumps(found.as_json())
    assert found.says in document
    assert not any(person in document for person in PEOPLE)


@pytest.mark.parametrize(("items", "blind_share", "ease"), [(90, 0.3, 0.75), (200, 0.25, 0.95), (120, 0.5, 0.5)])
def test_the_interval_covers_the_truth_with_clustered_items_and_people(
    items: int, blind_share: float, ease: float
) -> None:
    rng, trials, covered, confidence = np.random.default_rng(5), 200, 0, 0.95
    follows = np.array([0.0, 0.1, 0.3, 0.8])  # how often each person takes the suggestion unread
    for _ in range(trials):
        right = rng.beta(4 * ease, 4 * (1 - ease), items)  # items differ in how often people agree by themselves
        hidden = rng.random(items) < blind_share
        asked = [request(f"i{place}", blind=bool(hidden[place])) for place in range(items)]
        answers = []
        for place in range(items):
            for who in rng.permutation(4)[:2]:
                agree = rng.random() < right[place] or (not hidden[place] and rng.random() < follows[who])
                answers.append(said(f"i{place}", PEOPLE[who], "food" if agree else "health"))
        found = anchoring(asked, answers, confidence=confidence)[0].difference
        truth = follows.mean() * (1 - ease)
        covered += found is None or found.low <= truth <= found.high
    assert covered >= confidence * trials - 3 * sqrt(trials * confidence * (1 - confidence))
