"""The JSON that others script against."""

import json
import sqlite3
import sys
from contextlib import closing
from dataclasses import fields, replace
from decimal import Decimal
from math import log10
from pathlib import Path
from subprocess import run

import httpx
import pytest

from cycle.database import DATABASE
from cycle.labour import shown
from cycle.wiring import books
from dashboard.alarms import by_chance, grouped, watching
from dashboard.effort import axis, chart
from dashboard.pages import model_page
from kempelen.records import DriftReport, Evidence, Kind, Provenance
from ledger.labour import Amounts, EffortLine, Givers, Share, VersionLabour

MODEL, STAFFED = "corona-intents", "support-intents"


def test_health_names_the_server(web: httpx.Client) -> None:
    assert web.get("/health").json() == {"status": "ok", "server": "kempelen-dashboard"}


def test_models_come_newest_first_with_their_champion(web: httpx.Client) -> None:
    assert web.get("/api/models").json() == [
        {"model": STAFFED, "champion": "3", "since": "2020-02-21T09:00:00+00:00", "at": None},
        {"model": MODEL, "champion": "2", "since": "2020-01-23T17:00:00+00:00", "at": None},
    ]


def test_labour_is_what_may_be_shown_of_the_books(web: httpx.Client, story: Path) -> None:
    store, ledger = books(story)
    expected = [statement.as_json() for statement in shown(ledger, store, STAFFED, 3)]
    assert web.get(f"/api/labour/{STAFFED}").json() == json.loads(json.dumps(expected))


def test_simulated_seconds_are_in_no_human_total(web: httpx.Client) -> None:
    second = web.get(f"/api/labour/{MODEL}").json()[1]
    assert second["totals"]["human_low_s"] is None  # the declared labels: unknown, not zero
    assert second["totals"]["human_annotations"] == 0
    assert second["totals"]["simulated_annotations"] == 216
    assert second["cost"] is None


def test_human_seconds_are_those_that_were_given(web: httpx.Client, staffed_seconds: tuple[Decimal, Decimal]) -> None:
    totals = web.get(f"/api/labour/{STAFFED}").json()[1]["totals"]
    assert (totals["human_low_s"], totals["human_high_s"]) == tuple(map(float, staffed_seconds))


def test_people_are_told_as_a_lower_bound_and_money_of_theirs_not_at_all(web: httpx.Client) -> None:
    second = web.get(f"/api/labour/{STAFFED}").json()[1]
    assert second["totals"]["human_annotators"] == 3  # there are four
    assert {line["people"] for line in second["effort"] if line["provenance"] == "measured"} == {3}
    assert second["held_back"] == []


def test_effort_of_too_few_people_is_held_back_and_said_to_be(story: Path) -> None:
    store, ledger = books(story)
    (_, second, _) = shown(ledger, store, STAFFED, 5)
    # Nothing that was published for three may be shown where five are asked for; here the sets have four people.
    assert [line.provenance for line in second.effort if line.people] == [Provenance.MEASURED, Provenance.MEASURED]
    late = shown(ledger, store, MODEL, 3)
    assert all(not line.people for one in late for line in one.effort)


def test_cycles_tell_their_events_items_and_gate(web: httpx.Client) -> None:
    audit, alarm = web.get(f"/api/cycles/{MODEL}").json()
    assert (audit["reason"], audit["state"]) == ("audit", "closed")
    assert alarm["items"] == {"asked": 108, "answered": 108, "settled": 108}
    assert alarm["annotations"] == {"given": 216, "skips": 12, "annotators": 4}
    assert [event["state"] for event in alarm["events"]] == [
        "open", "labelling", "ready", "trained", "passed", "promoted", "closed"
    ]  # fmt: skip
    assert {g["model_type"]: g["passed"] for g in alarm["gate"]} == {"embedding_bag": False, "linear": True}
    assert alarm["surging"] == ["corona", "coronavirus", "virus"]


def test_of_people_a_cycle_tells_the_answers_alone(web: httpx.Client) -> None:
    (cycle, *_) = [one for one in web.get(f"/api/cycles/{STAFFED}").json() if one["annotations"]["given"]]
    told = cycle["annotations"]
    assert (cycle["simulated"], told["skips"], told["annotators"]) == (False, None, None)


def test_alarms_are_told_once_each_with_all_of_their_evidence_and_no_infinity(web: httpx.Client) -> None:
    told = web.get(f"/api/alarms/{MODEL}").json()
    surge, mix = told["alarms"]
    assert [a["alarm_id"] for a in (surge, mix)] == [f"{MODEL}-1-20200121-term_surge", f"{MODEL}-1-20200122-class_mix"]
    assert (surge["severity"], surge["looks"], surge["on"]) == ("warning", 3, True)
    assert (mix["severity"], mix["looks"], mix["on"]) == ("critical", 2, True)
    assert (surge["first_at"][:10], surge["last_at"][:10]) == ("2020-01-21", "2020-01-23")
    assert (surge["acknowledged"]["by"], mix["acknowledged"]) == ("Ada", None)
    words = {e["subject"]: e for e in surge["report"]["evidence"]}
    assert list(words) == ["corona", "coronavirus", "virus"]
    assert words["coronavirus"]["ratio"] is None
    assert words["virus"]["current_count"] == 76
    corona = words["corona"]
    assert (corona["users"], corona["together"], corona["budget"]) == (23, ["virus", "wuhan"], 4.4e-9)
    assert corona["daily"][-1] == {"day": "2020-01-23", "count": 80, "predictions": 1189}
    assert set(corona) == {field.name for field in fields(Evidence)} | {"ratio"}


def test_what_is_no_alarm_is_told_beside_the_alarms(web: httpx.Client) -> None:
    told = web.get(f"/api/alarms/{MODEL}").json()
    assert [one["subject"] for one in told["set_aside"]] == ["gift_card"]
    assert [one["detector"] for one in told["hints"]] == ["expected_accuracy"]
    assert [one["subject"] for one in told["undecided"]] == ["domain_classifier"]
    assert [(one["by"], one["until"]) for one in told["muted"]] == [("Grace", "2020-02-01")]
    # All answers of that model are simulated: they say nothing of a person's time.
    assert told["open_questions"] == [{"detector": "audit_risk", "labels": 80, "minutes": None}]


def test_a_model_without_looks_has_no_alarms(web: httpx.Client) -> None:
    told = web.get(f"/api/alarms/{STAFFED}").json()
    assert (told["looked_at"], told["alarms"]) == (None, [])


def test_minutes_of_more_labels_are_those_that_people_took(story: Path) -> None:
    store, _ = books(story)
    seen = watching(store, STAFFED)
    assert seen.minutes(80) == 37  # 80 labels of 2 answers of 14 s: SECONDS' median
    assert watching(store, MODEL).minutes(80) is None


def of_alpha(alpha: float, p_value: float, budget: float) -> DriftReport:
    change = Evidence(
        subject="w", reference_count=1, current_count=2, reference_share=0.1, current_share=0.2, p_value=p_value,
        budget=budget,
    )  # fmt: skip
    return DriftReport(
        detector="d", statistic=9.0, threshold=-log10(alpha), alpha=alpha, n_reference=9, n_current=9, summary="",
        evidence=(change,),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("report", "years"),
    [
        (of_alpha(0.0175, 1e-6, 1e-5), (57, 571)),  # ten times clearer than needed
        (of_alpha(0.0175, 0.0, 1e-5), (57, 1_000)),  # and never more than is known of a test so far out
        (of_alpha(0.05, 1e-5, 1e-5), (20, 20)),
        (replace(of_alpha(0.05, 1e-5, 1e-5), threshold=7.16), (None, None)),  # another scale
        (replace(of_alpha(0.05, 1e-5, 1e-5), evidence=()), (None, None)),
    ],
)
def test_years_follow_from_the_budget_and_the_p_value(
    report: DriftReport, years: tuple[int | None, int | None]
) -> None:
    assert by_chance(report) == years


def test_each_subject_of_an_alarm_is_in_one_group() -> None:
    one = of_alpha(0.05, 1e-9, 1e-5).evidence[0]
    evidence = (
        replace(one, subject="a", together=("c", "x")),
        replace(one, subject="b", together=("c", "a")),
        replace(one, subject="c", together=("a",)),
    )
    groups = grouped(replace(of_alpha(0.05, 1e-9, 1e-5), evidence=evidence))
    found = [(g.lead.evidence.subject, [m.evidence.subject for m in g.members], g.names) for g in groups]
    assert found == [("a", ["c"], ("x",)), ("b", [], ())]


@pytest.mark.parametrize(
    ("at", "champion"),
    [("2020-01-22", "1"), ("2020-01-24", "2"), ("2020-01-23T16:59:59Z", "1"), ("2020-01-23T18:00:00+01:00", "2"),
     ("2019-12-31", None)],
)  # fmt: skip
def test_champion_at_a_moment(web: httpx.Client, at: str, champion: str | None) -> None:
    assert web.get(f"/api/champion/{MODEL}?at={at}").json()["champion"] == champion


def test_a_moment_that_is_none_gets_a_hint(web: httpx.Client) -> None:
    answer = web.get(f"/api/champion/{MODEL}?at=yesterday")
    assert answer.status_code == 400
    assert "2020-01-24" in answer.json()["hint"]


@pytest.mark.parametrize("what", ["labour", "cycles", "alarms", "champion"])
def test_an_unknown_model_is_not_found(web: httpx.Client, what: str) -> None:
    answer = web.get(f"/api/{what}/nobody")
    assert answer.status_code == 404
    assert MODEL in answer.json()["hint"]


def test_an_unknown_address_is_json_under_api(web: httpx.Client) -> None:
    assert web.get("/api/nothing").json()["hint"]


@pytest.mark.parametrize(
    ("seconds", "marks"),
    [("0", []), ("4", ["0", "5 s"]), ("60", ["0", "30 s", "1 min"]),
     ("4000", ["0", "15 min", "30 min", "45 min", "1 h", "1 h 15 min"]),
     ("5170", ["0", "30 min", "1 h", "1 h 30 min"])],
)  # fmt: skip
def test_an_axis_ends_at_a_mark_beyond_the_longest_bar(seconds: str, marks: list[str]) -> None:
    end, found = axis(Decimal(seconds))
    assert [mark.text for mark in found] == marks
    assert end >= Decimal(seconds)


def test_declared_seconds_are_drawn_apart_from_measured_ones() -> None:
    lines = [
        EffortLine(
            share=Share.DIRECT, kind=Kind.PREPARATION, provenance=provenance, source=None, note=None, policies=(),
            charged_to=("1",),
            amounts=Amounts(annotations=1, labels=0, low_s=Decimal(30), high_s=Decimal(30)),
        )
        for provenance in (Provenance.DECLARED, Provenance.MEASURED)
    ]  # fmt: skip
    nobody = Givers(annotations=0, annotators=0)
    statement = VersionLabour(
        model="m", version="1", effort=tuple(lines), unused=(), human=nobody, simulated=nobody, digest=""
    )
    drawn = chart([statement], simulated=False)
    assert [(s.provenance, s.x, s.width) for s in drawn.rows[0].bars[0].segments] == [
        ("measured", 0, 50),
        ("declared", 50, 50),
    ]
    assert drawn.declared
    assert chart([statement], simulated=True).rows == ()


def test_reading_the_story_changes_no_row(story: Path) -> None:
    store, ledger = books(story)
    before = (ledger.balances(), len(store.looks(MODEL)))
    model_page(store, ledger, MODEL, 3)
    assert (ledger.balances(), len(store.looks(MODEL))) == before


def test_a_page_is_answered_while_somebody_is_writing(web: httpx.Client, story: Path) -> None:
    with closing(sqlite3.connect(story / DATABASE, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert web.get(f"/models/{MODEL}", timeout=10).status_code == 200
        writer.execute("ROLLBACK")


def test_the_program_refuses_to_listen_for_other_machines(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dashboard", "--state", str(tmp_path), "--port", "0", "--host", "0.0.0.0"]  # noqa: S104 - it must refuse
    ended = run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert ended.returncode == 2
    assert "127.0.0.1" in ended.stderr


def test_the_program_starts_without_the_heavy_libraries() -> None:
    heavy = "{'mlflow', 'prefect', 'torch', 'sklearn', 'ibis', 'pyarrow', 'label_studio_sdk', 'pandas'}"
    code = f"import sys, dashboard.__main__; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    ended = run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    assert ended.returncode == 0, ended.stderr
