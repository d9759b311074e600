"""The scenes that detectors are tried on change where they should, and only there.

They are made of the demo's stream, with a stand-in for the model, whose training takes seconds.
"""

from datetime import date, timedelta

import numpy as np
import pytest

from benchmarks import _days, _ours, _scenes
from benchmarks._days import Answers
from kempelen import text


@pytest.fixture(scope="module")
def answers() -> Answers:
    rows, _ = _scenes.live_rows()
    labels = tuple(sorted({row.label for row in rows}))
    truth = np.array([labels.index(row.label) for row in rows])
    return Answers(
        queries=tuple(text.normalise(row.text) for row in rows),
        labels=labels,
        probabilities=np.eye(len(labels))[truth],
        truth=truth,
    )


def test_another_background_leaves_the_virus_on_its_days(answers: Answers) -> None:
    _, virus = _scenes.live_rows()
    about_virus = np.array([row.id in virus for row in _scenes.live_rows()[0]])
    one, other = (_scenes.corona(answers, seed) for seed in (1, 2))

    def days_of(scene: _days.Scene, wanted: np.ndarray) -> dict[date, set[int]]:  # type: ignore[type-arg]  # a mask
        every = (*scene.reference, *scene.live)
        return {day.day: {place for place in day.asked.tolist() if wanted[place]} for day in every}

    assert days_of(one, about_virus) == days_of(other, about_virus)
    assert days_of(one, ~about_virus) != days_of(other, ~about_virus)
    assert len(one.reference) == 21
    assert len(one.live) == 31


def test_no_background_moves_between_reference_and_january(answers: Answers) -> None:
    scene = _scenes.corona(answers, 1)
    rows, _ = _scenes.live_rows()
    for days, before in ((scene.reference, True), (scene.live, False)):
        assert all((rows[place].day < date(2020, 1, 1)) == before for day in days for place in day.asked)


def test_the_word_reaches_its_share_when_the_outbreak_is_reported(answers: Answers) -> None:
    assert date(2020, 1, 20) <= _scenes.reaches(_scenes.corona(answers, 1), "coronavirus", 0.01) <= date(2020, 1, 21)


def test_a_stationary_year_has_no_word_about_the_virus(answers: Answers) -> None:
    scene = _scenes.stationary(answers, 1, days=5)
    asked = np.concatenate([day.asked for day in (*scene.reference, *scene.live)])
    assert not set(answers.with_word("coronavirus")) & set(asked.tolist())


def test_only_what_is_right_changes_with_the_meaning(answers: Answers) -> None:
    scene = _scenes.meaning(answers, 1, 0.25, days=30)
    asked = np.concatenate([day.asked for day in scene.live])
    about = np.isin(asked, answers.with_word("corona"))
    queries = sum(_scenes.QUERIES_A_DAY for _ in scene.live)
    # Two to three people ask a query on average, together; that widens the binomial error of the share.
    assert abs(about.mean() - 0.25) <= 4 * (0.25 * 0.75 / queries) ** 0.5 * 1.2
    after = _scenes.truth_after(answers)
    assert (after[asked] != answers.truth[asked])[~about].sum() == 0
    assert {answers.labels[place] for place in after[asked][about]} == {"health"}


def test_the_same_seed_gives_the_same_days(answers: Answers) -> None:
    one, other = (_scenes.stationary(answers, 5, days=3) for _ in range(2))
    for left, right in zip((*one.reference, *one.live), (*other.reference, *other.live), strict=True):
        assert np.array_equal(left.asked, right.asked)
        assert np.array_equal(left.user_bits, right.user_bits)


def test_our_detectors_name_the_word_and_are_quiet_before(answers: Answers) -> None:
    scene = _scenes.corona(answers, 1)
    until = [day for day in scene.live if day.day <= date(2020, 1, 24)]
    shorter = _days.Scene(reference=scene.reference, live=tuple(until[-6:]), answers=answers)
    (alarms,) = _ours.verdicts(shorter, names={"term_surge"}).values()
    reached = _scenes.reaches(scene, "coronavirus", 0.01)
    assert any("coronavirus" in names for names in alarms.values())
    assert all(day >= reached for day in alarms)


def test_the_audit_notices_a_changed_meaning_and_counts_its_labels(answers: Answers) -> None:
    scene = _scenes.meaning(answers, 1, 0.5, days=60)
    changed = scene.live[10].day
    plan = _ours.Plan(every_days=1, items=8)
    found = _ours.audit(scene, _scenes.truth_after(answers), changed, plan, np.random.default_rng(1))
    assert found.alarm is not None
    assert found.alarm >= changed
    assert 0 < found.labels_since < found.labels


def test_an_audit_without_a_change_does_not_alarm(answers: Answers) -> None:
    scene = _scenes.meaning(answers, 2, 0.5, days=12)
    never = scene.live[-1].day + timedelta(days=1)
    plan = _ours.Plan(every_days=1, items=8)
    found = _ours.audit(scene, _scenes.truth_after(answers), never, plan, np.random.default_rng(1))
    assert found.alarm is None
    assert found.labels_since == 0
