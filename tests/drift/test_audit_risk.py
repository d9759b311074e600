"""The always-on audit: bets on a risk that rose, overall and in segments, and bounds that hold at every look."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import log, log10, sqrt
from typing import Any

import numpy as np
import pytest

from drift import audit_risk
from drift._audit import read
from drift._betting import (
    ALTERNATIVES,
    MOST_FOR_ONE,
    Bools,
    Floats,
    answers_until_below,
    likeliest_start,
    log_growth,
    log_wealth,
    risk_interval,
    stakes_after,
)
from kempelen.errors import BadData, ConfigError, NotEnoughData
from kempelen.profile import Profile
from kempelen.records import AuditedAnswer, DriftReport, Window
from selection._sampling import inclusion_probabilities

MakeAudit = Callable[..., tuple[AuditedAnswer, ...]]

BEGIN = datetime(2020, 2, 1, tzinfo=UTC)
LABELS = tuple("abcdefghi")


def wealth(wrong: Sequence[bool] | Bools, tolerated: float) -> Floats:
    """The course of the wealth when each answer is a draw."""
    lost = np.array(wrong, dtype=bool)
    return np.exp(log_wealth(stakes_after(log_growth(lost, np.ones(len(lost)), tolerated))))


def answer(n: int, **changes: Any) -> AuditedAnswer:
    """One of eight answers of the week's draw; of items that are a hundredth of the draw's traffic each."""
    usual = AuditedAnswer(
        item_id=f"{n:05}",
        query=f"query {n}",
        label="a",
        prediction="a",
        probability=0.08,
        predictions=1,
        traffic=100,
        draw=f"week-{n // 8:03}",
        at=BEGIN + timedelta(weeks=n // 8),
    )
    return replace(usual, **changes)


def audited(wrong: Sequence[bool] | Bools, **changes: Any) -> tuple[AuditedAnswer, ...]:
    return tuple(answer(n, label="b" if lost else "a", **changes) for n, lost in enumerate(wrong))


def detect(
    answers: Sequence[AuditedAnswer], alpha: float = 0.0125, params: Any = None, **of_window: Any
) -> DriftReport:
    window = Window(reference=Profile.empty(), current=Profile.empty(), audited=tuple(answers), **of_window)
    return audit_risk.build(alpha=alpha, **(params or {})).detect(window)


def limit(alpha: float, trials: int) -> float:
    return alpha * trials + 3 * sqrt(trials * alpha * (1 - alpha))


# ---------------------------------------------------------------- bets


def test_the_first_bet_is_worked_out_by_hand() -> None:
    # Half of the capital enters; risks are spread evenly above 0.5, so a loss pays 1.5-fold on average, a hit half.
    assert wealth([True], 0.5)[0] == pytest.approx(0.5 + 0.5 * 1.5)
    assert wealth([False], 0.5)[0] == pytest.approx(0.5 + 0.5 * 0.5)


@pytest.mark.parametrize("tolerated", [0.05, 0.15, 0.5])
def test_at_the_tolerated_risk_every_bet_is_fair(tolerated: float) -> None:
    for past in ([], [True], [False] * 30, [True, False] * 20):
        start = wealth(past, tolerated)[-1] if past else 1.0
        expected = tolerated * wealth([*past, True], tolerated)[-1]
        expected += (1 - tolerated) * wealth([*past, False], tolerated)[-1]
        assert expected == pytest.approx(start)


def test_an_answer_of_half_the_weight_is_half_a_step_and_fair_too() -> None:
    wrong, right = np.exp(log_growth(np.array([True, False]), np.array([0.5, 0.5]), 0.2))
    full = np.exp(log_growth(np.array([True, False]), np.ones(2), 0.2))
    assert wrong == pytest.approx((1 + full[0]) / 2)
    assert right == pytest.approx((1 + full[1]) / 2)
    assert 0.2 * wrong + 0.8 * right == pytest.approx(np.ones(ALTERNATIVES))


def test_one_item_that_many_ask_about_is_no_alarm_by_itself() -> None:
    grown = log_growth(np.array([True, False]), np.array([40.0, 40.0]), 0.2)
    single = log_growth(np.array([True, False]), np.ones(2), 0.2)
    assert grown[0] == pytest.approx(MOST_FOR_ONE * single[0])
    assert grown[1] == pytest.approx(40 * single[1])


def pool(rng: np.random.Generator, candidates: int, risk: float, order: str) -> tuple[Floats, Bools]:
    """Shares of the traffic, heavy-tailed, and which candidates are wrong: a share just below `risk` of the traffic."""
    shares = rng.zipf(1.6, candidates).clip(1, 300).astype(np.float64)
    shares /= shares.sum()
    places = {"any": rng.permutation(candidates), "heads": np.argsort(-shares), "tails": np.argsort(shares)}[order]
    wrong, taken = np.zeros(candidates, dtype=bool), 0.0
    for place in places:
        if taken + shares[place] <= risk:
            wrong[place], taken = True, taken + shares[place]
    return shares, wrong


def systematic(chances: Floats, rng: np.random.Generator) -> Bools:
    """As many items as the chances sum to, or one more, in random order: draws of an older Kempelen are like that."""
    order = rng.permutation(len(chances))
    edges = np.floor(np.concatenate([[0.0], np.cumsum(chances[order])]) + rng.random())
    chosen = np.zeros(len(chances), dtype=bool)
    chosen[order] = np.diff(edges) > 0
    return chosen


def drawn(rng: np.random.Generator, design: str, shares: Floats, items: int, aimed_at: Bools) -> tuple[Bools, Floats]:
    """Which candidates are audited, and the chance that each had, in the designs that there are."""
    audit = inclusion_probabilities(shares, items)
    if design == "independent":
        return rng.random(len(shares)) < audit, audit
    if design == "systematic":
        return systematic(audit, rng), audit
    aimed = inclusion_probabilities(aimed_at.astype(np.float64), 3 * items)
    kept = systematic(aimed, rng) & (rng.random(len(shares)) < 1 / 3)
    return systematic(audit, rng) | kept, audit + (1 - audit) * aimed / 3


def counted(chosen: Bools, chances: Floats, shares: Floats, *, kept: bool = False) -> Floats:
    """What the answers of a draw count, as `read` has it; `kept`: the heaviest weight was kept with the draw."""
    weights = (shares / chances)[chances < 1]
    answers = [
        answer(
            n,
            probability=float(chances[i]),
            predictions=round(1e9 * shares[i]),
            traffic=10**9,
            draw="one",
            at=BEGIN,
            heaviest=float(weights.max()) if kept else None,
        )
        for n, i in enumerate(np.flatnonzero(chosen))
    ]
    return read(answers).counts if answers else np.zeros(0)


@pytest.mark.parametrize("design", ["independent", "systematic", "mixture"])
@pytest.mark.parametrize(("candidates", "order"), [(150, "any"), (150, "heads"), (150, "tails"), (25, "any")])
def test_no_design_of_a_draw_wins_at_the_tolerated_risk(design: str, candidates: int, order: str) -> None:
    rng, draws = np.random.default_rng(3), 300
    shares, wrong = pool(rng, candidates, 0.15, order)
    aimed_at = rng.random(candidates) < 0.2
    aimed_at[0] = True
    grown = []
    for _ in range(draws):
        chosen, chances = drawn(rng, design, shares, 8, aimed_at)
        grown.append(log_growth(wrong[chosen], counted(chosen, chances, shares), 0.15).sum(axis=0))
    factors = np.exp(np.array(grown))
    assert (factors.mean(axis=0) <= 1 + 3 * factors.std(axis=0) / draws**0.5).all()


def test_light_items_alone_are_not_taken_for_the_heavy_ones() -> None:
    """Of a mixture, two items came that other strategies made surer: they stand for 6 % of the traffic, not for all."""
    light = [answer(n, probability=0.5, predictions=n + 1, draw="one") for n in range(2)]
    assert read(light).counts == pytest.approx([0.02 / 0.5, 0.04 / 0.5])
    heavy = answer(2, probability=0.01, draw="one")
    assert read([*light, heavy]).counts == pytest.approx([0.02, 0.04, 1.0])


def test_items_drawn_in_proportion_to_traffic_count_one_each_however_few_have_answers() -> None:
    some = [answer(n, probability=0.08 * (n + 1), predictions=n + 1, draw="one") for n in range(3)]
    assert read(some).counts == pytest.approx([1.0, 1.0, 1.0])
    assert read([*some, answer(9, probability=1.0, predictions=20, draw="one")]).counts[:3] == pytest.approx([1.0] * 3)


def test_one_answer_alone_does_not_tell_what_a_draw_could_have_had() -> None:
    (alone,) = read([answer(0, probability=0.08)]).counts
    assert alone == pytest.approx(0.125)


def test_a_bound_that_was_kept_with_the_draw_is_the_bound() -> None:
    light = [answer(n, probability=0.5, predictions=n + 1, draw="one", heaviest=2.0) for n in range(2)]
    assert read(light).counts == pytest.approx([0.01 / 0.5 / 2.0, 0.02 / 0.5 / 2.0])


@pytest.mark.parametrize(("items", "kept"), [(9, False), (2, True)])
def test_false_alarms_of_mixtures_stay_within_alpha_where_the_other_strategies_look_at_all_mistakes(
    items: int, *, kept: bool
) -> None:
    rng, alpha, trials = np.random.default_rng(18), 0.1, 60
    alarms = 0
    for _ in range(trials):
        growth = []
        shares, _ = pool(rng, 300, 0.15, "any")
        aimed_at = rng.random(300) < 0.3
        wrong = aimed_at & (np.cumsum(np.where(aimed_at, shares, 0.0)) <= 0.15)
        for _ in range(26):
            audit = inclusion_probabilities(shares, items)
            aimed = inclusion_probabilities(aimed_at.astype(np.float64), 3 * items)
            chances = audit + (1 - audit) * aimed / 3
            chosen = rng.random(300) < chances
            counts = counted(chosen, chances, shares, kept=kept)
            growth.append(log_growth(wrong[chosen], counts, 0.15).sum(axis=0))
        alarms += log_wealth(stakes_after(np.array(growth))).max() > -log(alpha)
    assert alarms <= limit(alpha, trials)


def test_false_alarms_at_the_tolerated_risk_stay_within_alpha_at_all_times_together() -> None:
    rng, alpha, trials = np.random.default_rng(5), 0.05, 300
    alarms = sum(wealth(rng.random(300) < 0.15, 0.15).max() > 1 / alpha for _ in range(trials))
    assert alarms <= limit(alpha, trials)


def test_false_alarms_of_a_year_of_systematic_draws_stay_within_alpha() -> None:
    rng, alpha, trials = np.random.default_rng(12), 0.2, 60
    alarms = 0
    for _ in range(trials):
        growth = []
        for _ in range(40):
            shares, wrong = pool(rng, 60, 0.15, "any")
            chosen, chances = drawn(rng, "systematic", shares, 8, wrong)
            growth.append(log_growth(wrong[chosen], counted(chosen, chances, shares), 0.15).sum(axis=0))
        alarms += log_wealth(stakes_after(np.array(growth))).max() > -log(alpha)
    assert alarms <= limit(alpha, trials)


def test_a_long_good_time_is_not_held_against_the_alarm() -> None:
    rng = np.random.default_rng(6)
    delays = []
    for _ in range(40):
        course = wealth(np.concatenate([rng.random(400) < 0.05, rng.random(300) < 0.4]), 0.15)
        delays.append(np.argmax(course > 80) - 400)
    assert 0 < np.median(delays) < 100


def test_the_likeliest_start_is_where_the_mistakes_begin() -> None:
    wrong = np.array([False] * 5 + [True] + [False] * 20 + [True, True, False, True, True])
    assert likeliest_start(log_growth(wrong, np.ones(len(wrong)), 0.15)) == 26


# ---------------------------------------------------------------- bounds


def test_the_bounds_cover_a_changing_risk_at_all_times_together() -> None:
    rng, alpha, trials = np.random.default_rng(7), 0.2, 60
    risks = np.where(np.arange(200) < 100, 0.05, 0.4)
    truth = np.cumsum(risks) / np.arange(1, 201)
    missed = 0
    for _ in range(trials):
        wrong = np.cumsum(rng.random(200) < risks)
        bounds = [risk_interval(int(wrong[n]), n + 1, alpha) for n in range(9, 200, 20)]
        missed += any(not low <= truth[n] <= high for n, (low, high) in zip(range(9, 200, 20), bounds, strict=True))
    assert missed <= limit(alpha, trials)


def test_the_bounds_cover_with_unequal_weights() -> None:
    rng, alpha, trials = np.random.default_rng(17), 0.2, 60
    shares, wrong = pool(rng, 400, 0.2, "any")
    truth, aimed_at = float(shares @ wrong), rng.random(400) < 0.3
    missed = 0
    for _ in range(trials):
        n = lost = 0.0
        outside = False
        for _ in range(6):
            chosen, chances = drawn(rng, "mixture", shares, 10, aimed_at)
            counts = counted(chosen, chances, shares)
            n, lost = n + float(counts.sum()), lost + float(counts @ wrong[chosen])
            low, high = risk_interval(lost, n, alpha)
            outside |= not low <= truth <= high
        missed += outside
    assert missed <= limit(alpha, trials)


def test_the_bounds_narrow_with_answers() -> None:
    widths = [high - low for low, high in (risk_interval(n // 10, n, 0.05) for n in (10, 100, 1000))]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.07


def test_the_question_is_settled_when_the_upper_bound_is_below() -> None:
    more = answers_until_below(4, 40, 0.2, 0.05)
    assert more is not None
    share = 4.5 / 41
    assert risk_interval(4 + share * more, 40 + more, 0.05)[1] <= 0.201
    assert risk_interval(4 + share * (more - 5), 40 + more - 5, 0.05)[1] > 0.2


# ---------------------------------------------------------------- reports


def test_nobody_asked_is_an_error() -> None:
    with pytest.raises(NotEnoughData, match="audited"):
        detect(())


@pytest.mark.parametrize(
    "impossible",
    [{"probability": 0.0}, {"probability": 1.5}, {"probability": float("nan")}, {"predictions": 0}, {"traffic": 0}],
)
def test_an_answer_with_an_impossible_weight_is_named(impossible: dict[str, Any]) -> None:
    with pytest.raises(BadData, match="00003 of draw week-000") as caught:
        detect([answer(2), answer(3, **impossible)])
    assert caught.value.hint


@pytest.mark.parametrize("params", [{"accepted_risk": 0.0, "tolerance": 0.0}, {"segment_tolerance": 0.9}])
def test_a_tolerated_risk_that_is_none_is_refused(params: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="tolerate"):
        audit_risk.build(alpha=0.01, **params)


def test_the_report_says_the_risk_its_bounds_and_what_is_tolerated(audit: MakeAudit) -> None:
    report = detect(audit(np.random.default_rng(8), 80, 0.5))
    wrong = round(report.evidence[0].current_share * 80)
    overall = next(e for e in report.evidence if e.subject == "live risk")
    low, high = risk_interval(int(overall.current_count), 80, 0.05)
    assert report.drifted
    assert (report.n_reference, report.n_current) == (0, 80)
    assert overall.reference_share == pytest.approx(0.15)
    assert f"disagree with {wrong} of 80" in report.summary
    assert f"{100 * low:.0f} % to {100 * high:.0f} %" in report.summary
    assert "tolerated is 15 %" in report.summary


def test_the_statistic_is_the_wealth_after_its_share_of_the_budget() -> None:
    report = detect(audited([True] * 16))
    overall = next(e for e in report.evidence if e.subject == "live risk")
    # Two draws of eight wrong answers each: half of the capital enters before the first, a sixth before the second.
    risks = 0.15 + 0.85 * (np.arange(8) + 0.5) / 8
    by_hand = np.mean((risks / 0.15) ** 16 / 2 + (risks / 0.15) ** 8 / 6) + 1 / 3
    assert 1 / overall.p_value == pytest.approx(by_hand)
    assert overall.budget == pytest.approx(0.0125 / 2 / 2)
    assert report.threshold == pytest.approx(-log10(0.0125))
    assert report.statistic == pytest.approx(max(-log10(e.p_value / e.budget) for e in report.evidence) - log10(0.0125))


def test_later_versions_of_a_year_have_smaller_parts_of_its_budget() -> None:
    answers = audited([True] * 40)
    budgets = [detect(answers, predecessors=k).evidence[0].budget for k in range(50)]
    assert budgets[1] / budgets[0] == pytest.approx(2 / 6)
    assert sum(2 * b for b in budgets) < 0.0125


def test_parts_of_a_versions_budget_add_up_to_it() -> None:
    asked = [
        answer(
            n, label="z", prediction=LABELS[n % 9], query=f"w{n % 9} w{n % 9 + 1} w{n % 9 + 2}", draw="one", at=BEGIN
        )
        for n in range(900)
    ]
    report = detect(asked, surging=tuple(f"w{n}" for n in range(11)))
    budget = {e.subject: e.budget for e in report.evidence}
    of_labels = [b for subject, b in budget.items() if "predicted" in subject]
    assert budget["live risk"] == pytest.approx(0.0125 / 4)
    assert of_labels == pytest.approx([0.0125 / 8 / 9] * 9)
    assert len(budget) == 1 + 9 + 11
    assert budget["risk of queries with w1"] == pytest.approx(budget["risk of queries with w0"] / 3)
    assert sum(budget.values()) < 0.0125 / 2


def test_the_first_day_of_a_raised_risk_and_what_people_corrected_are_shown() -> None:
    wrong = [False] * 80 + [True] * 24
    answers = [replace(a, predictions=1 + n % 7, probability=0.08 * (1 + n % 7)) for n, a in enumerate(audited(wrong))]
    evidence = next(e for e in detect(answers).evidence if e.subject == "live risk")
    assert evidence.since == evidence.first == (BEGIN + timedelta(weeks=10)).date()
    assert (evidence.current_count, evidence.current_share) == (24, 1.0)
    assert len(evidence.daily) == 13
    assert [day.count for day in evidence.daily] == [0] * 10 + [8] * 3
    assert evidence.examples == ("query 83", "query 90", "query 97", "query 103", "query 82")


def test_an_alarm_once_raised_stays_raised(audit: MakeAudit) -> None:
    bad = audit(np.random.default_rng(9), 60, 0.6)
    good = tuple(
        replace(a, at=a.at + timedelta(days=30), draw=f"later {a.draw}")
        for a in audit(np.random.default_rng(10), 300, 0.0)
    )
    assert detect(bad + good).statistic >= detect(bad).statistic > detect(bad).threshold
    assert detect(bad + good).evidence[0].current_share == detect(bad).evidence[0].current_share


def test_a_higher_tolerance_needs_more(audit: MakeAudit) -> None:
    answers = audit(np.random.default_rng(11), 60, 0.4)
    assert detect(answers, params={"tolerance": 0.2}).statistic < detect(answers).statistic


def test_a_doubled_answer_counts_once_and_a_corrected_one_as_corrected() -> None:
    answers = audited([True] * 6 + [False] * 30)
    assert detect((*answers, *answers[:6])) == detect(answers)
    corrected = replace(answers[0], label="a", at=answers[0].at + timedelta(hours=3))
    assert detect((*answers, corrected)).summary.startswith("People disagree with 5 of 36")


def test_a_label_that_the_model_does_not_know_is_simply_wrong() -> None:
    assert detect(audited([True] * 30)) == detect([replace(a, label="unheard of") for a in audited([True] * 30)])


# ---------------------------------------------------------------- segments


def flipped(rng: np.random.Generator, n: int, quiet: int) -> tuple[AuditedAnswer, ...]:
    """A tenth of the traffic is about one word, taken for `a`; after `quiet` answers it means something else."""
    answers = []
    for k in range(n):
        about = rng.random() < 0.1
        prediction = "a" if about else LABELS[rng.integers(1, 9)]
        wrong = (about and k >= quiet) or rng.random() < 0.05
        query = f"corona {k}" if about else f"other {k}"
        answers.append(answer(k, query=query, prediction=prediction, label="z" if wrong else prediction))
    return tuple(answers)


def labels_needed(answers: tuple[AuditedAnswer, ...], quiet: int, subject: str, **of_window: Any) -> int | None:
    for n in range(quiet + 8, len(answers) + 1, 8):
        if subject in {e.subject for e in detect(answers[:n], **of_window).evidence}:
            return n - quiet
    return None


def test_a_word_that_changes_its_meaning_is_found_in_its_segment_long_before_it_shows_overall() -> None:
    in_segment, overall = [], []
    for seed in range(5):
        answers = flipped(np.random.default_rng(seed), 304, 104)
        in_segment.append(labels_needed(answers, 104, "risk of queries with corona", surging=("corona",)))
        overall.append(labels_needed(answers, 104, "live risk"))
    assert np.median(np.array(in_segment, dtype=float)) <= 120
    assert overall == [None] * 5  # the overall risk has become 14.5 %


def test_a_label_that_is_wrong_more_often_is_found_in_its_segment() -> None:
    report = detect(flipped(np.random.default_rng(3), 304, 104))
    assert [e.subject for e in report.evidence] == ["risk where a is predicted"]
    assert report.evidence[0].label == "a"
    assert all("corona" in query for query in report.evidence[0].examples)


def test_a_word_counts_only_where_it_is_a_word_of_the_query() -> None:
    answers = [replace(a, query="coronation of a king") for a in audited([True] * 40)]
    assert "risk of queries with corona" not in {e.subject for e in detect(answers, surging=("corona",)).evidence}


def aimed(rounds: int) -> tuple[AuditedAnswer, ...]:
    """Nine random items a round, all right, and four with the word, all wrong, ten times as surely asked about."""
    answers = []
    for n in range(13 * rounds):
        about = n % 13 >= 9
        answers.append(
            answer(
                n,
                query=f"corona {n}" if about else f"other {n}",
                label="b" if about else "a",
                probability=0.9 if about else 0.09,
                draw=f"round {n // 13}",
                at=BEGIN + timedelta(days=n // 13),
            )
        )
    return tuple(answers)


def test_answers_about_a_word_that_was_aimed_at_are_full_answers_about_it() -> None:
    report = detect(aimed(3), surging=("corona",))
    assert [e.subject for e in report.evidence] == ["risk of queries with corona"]
    assert report.evidence[0].current_count == 12
    assert not detect(aimed(3)).drifted


def test_what_is_aimed_at_speaks_for_a_word_only_if_it_is_most_of_it() -> None:
    common = tuple(replace(a, query=f"corona {a.query}") if a.query.startswith("other") else a for a in aimed(3))
    assert not detect(common, surging=("corona",)).drifted


# ---------------------------------------------------------------- how many more


def test_a_decided_question_needs_no_more_labels() -> None:
    assert detect(audited([True] * 40)).labels_to_decide == 0
    settled = detect(audited([False] * 200))
    assert settled.labels_to_decide == 0
    assert "within what is tolerated" in settled.summary


def test_a_risk_at_the_tolerated_one_has_no_answer_in_sight() -> None:
    report = detect(audited(([True] + [False] * 5) * 40), params={"tolerance": 1 / 6 - 0.1})
    assert report.labels_to_decide is None
    assert "too near" in report.summary


def test_human_minutes_are_said_when_the_time_of_a_label_is_known() -> None:
    answers = audited([False] * 16)
    more = detect(answers).labels_to_decide
    assert more is not None
    assert (
        f"About {more} more labels, {more * 30 / 60:.0f} human minutes, would decide."
        in detect(answers, seconds_per_label=30.0).summary
    )
    assert "minutes" not in detect(answers).summary


@pytest.mark.parametrize(("risk", "asked"), [(0.02, 24), (0.35, 32)])
def test_about_as_many_labels_decide_as_were_foretold(risk: float, asked: int) -> None:
    rng = np.random.default_rng(21)
    foretold, needed = [], []
    for _ in range(15):
        answers = audited(rng.random(200) < risk)
        foretold.append(detect(answers[:asked]).labels_to_decide or 0)
        decided = (n for n in range(asked, 201, 8) if detect(answers[:n]).labels_to_decide == 0)
        needed.append(next(decided, 200) - asked)
    assert np.median(needed) / 2 <= np.median(foretold) <= 2 * np.median(needed)
