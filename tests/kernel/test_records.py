"""Profiles add up, and records refuse to contradict themselves."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kempelen.records import CONFIDENCE_BINS, DayProfile, Example, Profile, TermCounts, TrainingSet

LABELS = st.dictionaries(st.sampled_from(["health", "food"]), st.integers(1, 50))


@st.composite
def profiles(draw: st.DrawFn, first: date = date(2020, 1, 1)) -> Profile:
    days = []
    for n in range(draw(st.integers(1, 4))):
        labels = draw(LABELS)
        terms = draw(st.dictionaries(st.sampled_from(["corona", "beer", "virus"]), LABELS))
        total = sum(labels.values())
        confidence = (0,) * (CONFIDENCE_BINS - 1) + (total,)
        days.append(
            DayProfile(
                day=first + timedelta(days=n),
                predictions=total,
                labels=labels,
                confidence=confidence,
                terms={t: TermCounts(labels=c, confidence_sum=0.5 * sum(c.values())) for t, c in terms.items()},
            )
        )
    return Profile(days=tuple(days))


@given(profiles())
def test_a_profile_survives_its_json(profile: Profile) -> None:
    assert Profile.from_json(profile.to_json()) == profile


@given(profiles(), profiles(first=date(2020, 2, 1)))
def test_merged_profiles_add_up(one: Profile, other: Profile) -> None:
    merged = one.merge(other)
    assert merged == other.merge(one)
    assert merged.predictions == one.predictions + other.predictions
    assert merged.terms == one.terms + other.terms
    assert merged.term_labels("corona") == one.term_labels("corona") + other.term_labels("corona")


@given(profiles())
def test_a_day_is_never_counted_twice(profile: Profile) -> None:
    with pytest.raises(ValueError, match="counted twice"):
        profile.merge(profile)


def test_a_day_whose_counts_disagree_cannot_exist() -> None:
    with pytest.raises(ValueError, match="do not sum to 3"):
        DayProfile(
            day=date(2020, 1, 1),
            predictions=3,
            labels={"a": 2},
            confidence=(0,) * (CONFIDENCE_BINS - 1) + (3,),
            terms={},
        )


def test_a_training_set_is_named_by_its_content_in_any_order() -> None:
    one = Example(query="corona", label="health", weight=1.0, source="base")
    two = Example(query="beer", label="food", weight=1.0, source="base")
    assert TrainingSet(examples=(one, two)).digest == TrainingSet(examples=(two, one)).digest
    assert TrainingSet(examples=(one,)).digest != TrainingSet(examples=(two,)).digest
