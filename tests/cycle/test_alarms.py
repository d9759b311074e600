"""When a change is an alarm, for how long it is the same one, and what sets it aside."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cycle.alarms import Severity, alarms, as_document, set_aside
from cycle.look import audited_answers
from cycle.look import look as look_at
from cycle.records import Acknowledgement, Look, Mute, SetAside
from cycle.retrain import retrain
from cycle.watch import REFERENCE, publish, watch
from kempelen.errors import BadData
from kempelen.profile import Profile
from kempelen.records import DriftReport, Evidence
from kempelen.settings import ExpectedChange

START = datetime(2019, 12, 20, tzinfo=UTC)


def at(day: int, hour: int = 23) -> datetime:
    return datetime(2020, 1, day, hour, tzinfo=UTC)


def evidence(subject: str, before: float = 0.01, after: float = 0.03) -> Evidence:
    return Evidence(
        subject=subject,
        reference_count=10,
        current_count=30,
        reference_share=before,
        current_share=after,
        p_value=1e-9,
        budget=1e-7,
    )


def report(*subjects: str, detector: str = "term_surge", **changes: Any) -> DriftReport:
    found = DriftReport(
        detector=detector,
        statistic=4.0 if subjects else 0.5,
        threshold=2.0,
        alpha=0.01,
        n_reference=1000,
        n_current=100,
        summary="it changed" if subjects else "as it was",
        evidence=tuple(evidence(subject) for subject in subjects),
    )
    return replace(found, **changes)


def look(moment: datetime, *reports: DriftReport, version: str = "1", aside: tuple[SetAside, ...] = ()) -> Look:
    return Look(model="queries", version=version, at=moment, reports=reports, undecided=(), set_aside=aside)


def muted(subject: str, until: date, *, detector: str = "term_surge") -> Mute:
    return Mute(
        model="queries", detector=detector, subject=subject, until=until, by="Ada", reason="a campaign", at=at(1)
    )


# ---------------------------------------------------------------- one alarm, however often it is seen


def test_looks_in_a_row_are_one_alarm() -> None:
    looks = [look(at(day), report("corona")) for day in (21, 22, 23)]
    (alarm,) = alarms(looks)
    assert (alarm.alarm_id, alarm.looks) == ("queries-1-20200121-term_surge", 3)
    assert (alarm.first_at, alarm.last_at) == (at(21), at(23))


@pytest.mark.parametrize(("gap", "number"), [(3, 1), (4, 2)])
def test_after_some_quiet_days_it_is_another_alarm(gap: int, number: int) -> None:
    looks = [look(at(5), report("corona")), look(at(5 + gap), report("corona"))]
    assert len(alarms(looks)) == number


def test_each_detector_and_each_version_has_its_own() -> None:
    looks = [
        look(at(5), report("corona"), report("food", detector="class_mix")),
        look(at(6), report("corona"), version="2"),
    ]
    assert [(a.detector, a.version) for a in alarms(looks)] == [
        ("class_mix", "1"),
        ("term_surge", "1"),
        ("term_surge", "2"),
    ]


def test_hourly_looks_are_still_one_alarm_and_new_words_join_it() -> None:
    looks = [look(at(5, hour), report(*(["corona"] if hour < 12 else ["wuhan", "corona"]))) for hour in range(24)]
    (alarm,) = alarms(looks)
    assert (alarm.looks, alarm.subjects) == (24, ("corona", "wuhan"))


def test_an_alarm_is_over_when_it_was_not_seen_for_some_days() -> None:
    (alarm,) = alarms([look(at(5), report("corona"))])
    assert alarm.is_on(at(8))
    assert not alarm.is_on(at(9))


@pytest.mark.parametrize(("after", "expected"), [(0.059, Severity.WARNING), (0.061, Severity.CRITICAL)])
def test_a_change_in_much_of_the_traffic_is_critical(after: float, expected: Severity) -> None:
    (alarm,) = alarms([look(at(5), report("corona", evidence=(evidence("corona", 0.01, after),)))])
    assert alarm.severity is expected


def test_an_alarm_stays_as_severe_as_it_was() -> None:
    worst = report("corona", evidence=(evidence("corona", 0.01, 0.4),))
    (alarm,) = alarms([look(at(5), worst), look(at(6), report("corona"))])
    assert alarm.severity is Severity.CRITICAL


def test_a_hint_is_never_an_alarm() -> None:
    assert alarms([look(at(5), report("food", hint=True))]) == []


def test_as_a_document_it_is_plain_and_a_rise_from_nothing_has_no_ratio() -> None:
    rise = replace(evidence("corona"), reference_share=0.0)
    document = as_document(alarms([look(at(5), report("corona", evidence=(rise, evidence("wuhan"))))])[0])
    assert document["alarm_id"] == "queries-1-20200105-term_surge"
    assert [e["ratio"] for e in document["report"]["evidence"]] == [None, pytest.approx(3.0)]


# ---------------------------------------------------------------- what sets a change aside


def test_a_season_that_is_expected_is_no_alarm_on_its_days_and_one_after_it() -> None:
    advent = ExpectedChange(name="Christmas shopping", first="11-25", last="12-24", subjects=("shopping",))
    seen = report("shopping", "travel", detector="class_mix")
    aside = set_aside([seen], date(2019, 12, 1), expected=[advent])
    assert [(one.subject, "Christmas shopping" in one.why) for one in aside] == [("shopping", True)]
    (left,) = look(at(1), seen, aside=aside).alarms
    assert [e.subject for e in left.evidence] == ["travel"]
    assert set_aside([seen], date(2019, 12, 25), expected=[advent]) == ()


def test_an_expected_change_for_one_year_is_that_year_s_alone() -> None:
    fair = ExpectedChange(name="fair", first="2020-02-01", last="2020-02-05", subjects=("fair",))
    assert fair.covers(date(2020, 2, 5))
    assert not fair.covers(date(2021, 2, 5))


def test_a_muted_word_is_no_alarm_before_the_day_and_the_reason_is_told() -> None:
    seen = report("sale")
    (one,) = set_aside([seen], date(2020, 1, 9), mutes=[muted("sale", date(2020, 1, 10))])
    assert one.why == "muted by Ada until 2020-01-10: a campaign"
    assert look(at(9), seen, aside=(one,)).alarms == ()
    assert set_aside([seen], date(2020, 1, 10), mutes=[muted("sale", date(2020, 1, 10))]) == ()


def test_a_mute_and_a_season_mean_a_word_as_the_log_writes_it() -> None:
    seen = report("sale")
    assert set_aside([seen], date(2020, 1, 5), mutes=[muted(" SALE ", date(2020, 2, 1))])
    fair = ExpectedChange(name="sales", first="01-01", last="01-31", subjects=("Sale",))
    assert set_aside([seen], date(2020, 1, 5), expected=[fair])


def test_an_alarm_that_is_set_aside_since_is_over_and_says_why() -> None:
    seen = report("sale")
    aside = set_aside([seen], date(2020, 1, 6), mutes=[muted("sale", date(2020, 2, 1))])
    (alarm,) = alarms([look(at(5), seen), look(at(6), seen, aside=aside)])
    assert alarm.set_aside == "muted by Ada until 2020-02-01: a campaign"
    assert not alarm.is_on(at(6))
    (partly,) = alarms([look(at(5), report("sale", "corona")), look(at(6), report("sale", "corona"), aside=aside)])
    assert partly.is_on(at(6))


def test_the_latest_mute_counts() -> None:
    both = [muted("sale", date(2020, 1, 30)), muted("sale", date(2020, 1, 9))]
    assert set_aside([report("sale")], date(2020, 1, 9), mutes=both) == ()


def test_a_muted_detector_raises_nothing_and_another_still_does() -> None:
    reports = [report("sale"), report("food", detector="class_mix")]
    aside = set_aside(reports, date(2020, 1, 5), mutes=[muted("", date(2020, 2, 1))])
    assert [r.detector for r in look(at(5), *reports, aside=aside).alarms] == ["class_mix"]


def test_the_summary_of_an_alarm_speaks_only_of_what_was_not_set_aside() -> None:
    words = [replace(evidence(word), says=f"{word} surges.") for word in ("sale", "corona")]
    seen = report("sale", evidence=tuple(words), summary="sale surges; also corona.")
    aside = set_aside([seen], date(2020, 1, 5), mutes=[muted("sale", date(2020, 2, 1))])
    assert [r.summary for r in look(at(5), seen, aside=aside).alarms] == ["corona surges."]
    assert [r.summary for r in look(at(5), seen).alarms] == ["sale surges; also corona."]


def test_a_report_without_evidence_is_an_alarm_until_it_is_muted() -> None:
    bare = report("x", evidence=())
    assert look(at(5), bare).alarms == (bare,)
    aside = set_aside([bare], date(2020, 1, 5), mutes=[muted("", date(2020, 2, 1))])
    assert look(at(5), bare, aside=aside).alarms == ()


# ---------------------------------------------------------------- in the loop


def begun(loop: Any) -> Any:
    retrain(loop.app, START)
    return loop


def test_a_muted_word_opens_no_cycle_and_an_acknowledged_alarm_does(loop: Any) -> None:
    begun(loop).detector.alarm = True
    loop.store.mute(muted("corona", date(2020, 1, 6)))
    assert watch(loop.app, at(5)).opened is None
    loop.store.acknowledge(
        Acknowledgement(model="queries", alarm_id="queries-1-20200106-term_surge", by="Ada", reason="seen", at=at(6))
    )
    assert watch(loop.app, at(6)).opened is not None


def test_mutes_and_acknowledgements_are_kept_in_order_and_once(loop: Any) -> None:
    notes = [muted("a", date(2020, 1, 6)), replace(muted("a", date(2020, 1, 3)), at=at(2))]
    for note in [*notes, *notes]:
        loop.store.mute(note)
    assert loop.store.mutes("queries") == notes
    assert loop.store.mutes("another") == []


def test_the_last_look_is_the_latest_of_its_model(loop: Any) -> None:
    assert loop.store.last_look("queries") is None
    looks = [look(at(day), report("corona")) for day in (6, 7, 5)]
    for one in [*looks, replace(looks[0], model="another", at=at(9))]:
        loop.store.record_look(one)
    assert loop.store.last_look("queries") == looks[1]


def test_a_reference_in_an_older_form_is_gathered_again(loop: Any) -> None:
    begun(loop)
    loop.store.record_reference("queries", "1", Profile.empty())
    with loop.store._engine.begin() as connection:  # noqa: SLF001 - what an older version left behind
        connection.exec_driver_sql("update reference_profile set document = '[]'")
    assert loop.store.reference("queries", "1") is None
    assert [r.n_reference for r in look_at(loop.app, at(5)).reports] == [500]
    assert loop.store.reference("queries", "1").predictions == 500


def test_a_row_of_a_clock_that_was_wrong_does_not_become_the_reference(loop: Any) -> None:
    served = begun(loop).log.days()
    loop.log.days = lambda: [date(1970, 1, 1), *served]
    loop.log.empty = {date(1970, 1, 1) + timedelta(days=n) for n in range(1, 5)}
    look_at(loop.app, at(5))
    reference = loop.store.reference("queries", "1")
    assert (reference.days[0], len(reference.days)) == (served[0], 5)


def test_a_trial_some_days_before_the_service_does_not_become_the_reference(loop: Any) -> None:
    trial = begun(loop).log.first_day
    loop.log.empty = {trial + timedelta(days=n) for n in range(1, 9)}
    served = [day for day in loop.log.days() if day not in loop.log.empty]
    loop.log.days = lambda: served
    look_at(loop.app, at(5))
    reference = loop.store.reference("queries", "1")
    assert (reference.days[0], len(reference.days)) == (trial + timedelta(days=9), 5)


def test_the_answers_of_rounds_that_do_not_say_their_traffic_stop_no_look(loop: Any) -> None:
    """As an older Kempelen left them behind: what they stand for is not known."""
    from cycle.collect import collect

    begun(loop).detector.alarm = True
    opened = watch(loop.app, at(21)).opened
    loop.annotators.all_say(opened.cycle_id, lambda _: "food")
    collect(loop.app, at(21))
    assert audited_answers(loop.app, "1")
    with loop.store._engine.begin() as connection:  # noqa: SLF001 - what an older version left behind
        connection.exec_driver_sql("update cycle_round set document = json_remove(document, '$.traffic')")
    assert audited_answers(loop.app, "1") == ()


def test_a_clock_that_went_back_is_an_error_and_nothing_is_recorded(loop: Any) -> None:
    watch(begun(loop).app, at(5))
    with pytest.raises(BadData, match="2020-01-04") as wrong:
        watch(loop.app, at(4))
    assert "clock" in wrong.value.hint
    assert [one.at for one in loop.store.looks("queries")] == [at(5)]


def test_without_any_traffic_a_look_is_blind(loop: Any) -> None:
    begun(loop).log.empty = {at(day).date() for day in range(1, 10)}
    assert look_at(loop.app, at(9)).blind
    assert not look_at(loop.app, at(11)).blind


def test_a_second_look_of_a_day_says_again_where_people_answer(loop: Any) -> None:
    begun(loop).detector.alarm = True
    first, second = watch(loop.app, at(21, 10)), watch(loop.app, at(21, 11))
    assert first.addresses == second.addresses != ()
    assert (first.asked > 0, second.asked) == (True, 0)


def test_a_day_without_predictions_is_named_and_not_taken_for_quiet(loop: Any) -> None:
    begun(loop).log.empty = {date(2020, 1, 8)}
    seen = look_at(loop.app, at(10))
    (problem,) = seen.undecided
    assert "2020-01-08" in problem.message
    assert seen.verdict == "no alarm, as far as can be told yet"


def test_detectors_see_the_horizon_and_that_today_is_not_over(loop: Any) -> None:
    look_at(begun(loop).app, at(20))
    (window,) = loop.detector.saw
    assert (window.current.days[0], window.today) == (date(2020, 1, 13), date(2020, 1, 20))
    assert window.seconds_per_label == 2 * loop.app.settings.selection.expected_seconds
    assert (window.predecessors, window.borrowed) == (0, False)


@pytest.fixture
def promoted(loop: Any) -> Callable[[], None]:
    """Version 2 in service from 21 January on, trained on answers to queries with `corona`."""

    def promote() -> None:
        from cycle.collect import collect

        begun(loop).detector.alarm = True
        opened = watch(loop.app, at(21)).opened
        loop.annotators.all_say(opened.cycle_id, lambda r: "health" if "corona" in r.query else "food")
        collect(loop.app, at(21))
        retrain(loop.app, at(21))
        assert loop.store.champion("queries") == "2"

    return promote


def test_a_new_version_borrows_the_reference_for_words_and_those_it_learned_are_no_alarm(
    loop: Any, promoted: Callable[[], None]
) -> None:
    promoted()
    loop.detector.words = ("corona", "lockdown")
    seen = look_at(loop.app, at(24))
    window = loop.detector.saw[-1]
    assert (window.borrowed, window.predecessors) == (True, 1)
    assert window.reference == loop.store.reference("queries", "1")
    assert [(one.subject, one.why) for one in seen.set_aside] == [("corona", "version 2 was trained on answers to it")]
    assert [e.subject for r in seen.alarms for e in r.evidence] == ["lockdown"]


def test_the_reference_of_a_version_that_is_loaded_late_begins_with_its_own_traffic(
    loop: Any, promoted: Callable[[], None]
) -> None:
    promoted()
    of_both, loaded = loop.log.profile, date(2020, 2, 10)
    loop.log.profile = lambda first, last, version=None: of_both(max(first, loaded), last, version)
    look_at(loop.app, datetime(2020, 2, 14, tzinfo=UTC))
    assert loop.detector.saw[-1].borrowed
    look_at(loop.app, datetime(2020, 2, 16, tzinfo=UTC))
    assert not loop.detector.saw[-1].borrowed
    reference = loop.store.reference("queries", "2")
    assert (reference.days[0], len(reference.days)) == (loaded, 5)


def test_once_its_own_reference_is_there_nothing_is_borrowed_or_set_aside(
    loop: Any, promoted: Callable[[], None]
) -> None:
    promoted()
    seen = look_at(loop.app, at(31))
    assert not loop.detector.saw[-1].borrowed
    assert seen.set_aside == ()


# ---------------------------------------------------------------- published beside the version


def test_every_look_leaves_its_figures_with_the_version_and_alarms_a_document(loop: Any) -> None:
    publish(loop.app, watch(begun(loop).app, at(5)).look)
    loop.detector.alarm = True
    on = publish(loop.app, watch(loop.app, at(6)).look)
    drift = [metric[:3] for metric in loop.registry.metrics if metric[1].startswith("drift.")]
    assert drift == [
        ("1", "drift.term_surge", 0.0),
        ("1", "drift.term_surge", pytest.approx(1.8)),
    ]
    assert [alarm.alarm_id for alarm in on] == ["queries-1-20200106-term_surge"]
    assert "drift/queries-1-20200106-term_surge.json" in loop.registry.cards["1"]


def test_the_reference_is_kept_with_the_version_and_holds_no_query(loop: Any) -> None:
    publish(loop.app, watch(begun(loop).app, at(5)).look)
    kept = Profile.from_json(loop.registry.cards["1"][REFERENCE])
    assert kept.sample == ()
    assert kept.predictions == 500


def test_an_alarm_that_could_not_be_published_is_made_up_for_by_the_next_look(loop: Any) -> None:
    begun(loop).detector.alarm = True
    watch(loop.app, at(5))
    loop.detector.alarm = False
    publish(loop.app, watch(loop.app, at(5) + timedelta(hours=5)).look)
    assert "drift/queries-1-20200105-term_surge.json" in loop.registry.cards["1"]
