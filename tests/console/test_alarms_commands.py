"""`kempelen alarms`: what is on, who has seen it, what was muted, by whom and why."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cycle.records import Look, Promotion, SetAside, Version
from cycle.store import Store
from kempelen.records import DriftReport, Evidence
from ledger.database import open_engine

Kempelen = Callable[..., "subprocess.CompletedProcess[str]"]

NEEDS_A_PERSON = 3
ALARM = "queries-1-20200121-term_surge"


def moment(day: int) -> datetime:
    return datetime(2020, 1, day, 23, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A model in service with an alarm on 21 January, and a change that was set aside."""
    (tmp_path / ".kempelen").mkdir()
    store = Store(open_engine(tmp_path / ".kempelen" / "kempelen.db"))
    store.record_version(
        Version(
            model="queries",
            version="1",
            model_type="linear",
            mlflow_run_id="r",
            trained_at=moment(1),
            training_digest="d",
            examples=1,
            cycle_id=None,
            trained_on_cycles=(),
        )
    )
    store.promote(
        Promotion(model="queries", sequence=1, version="1", at=moment(1), cycle_id=None, note="first"), over=None
    )
    evidence = Evidence(
        subject="corona",
        reference_count=0,
        current_count=40,
        reference_share=0,
        current_share=0.03,
        p_value=1e-9,
        budget=1e-7,
        since=date(2020, 1, 20),
    )
    report = DriftReport(
        detector="term_surge",
        statistic=4,
        threshold=2,
        alpha=0.01,
        n_reference=1000,
        n_current=900,
        summary="corona: 0 -> 40 predictions a day.",
        evidence=(evidence,),
    )
    aside = SetAside(detector="term_surge", subject="sale", why="expected from 01-01 to 01-31: winter sale")
    store.record_look(
        Look(model="queries", version="1", at=moment(21), reports=(report,), undecided=(), set_aside=(aside,))
    )
    return store


@pytest.mark.usefixtures("store")
def test_an_alarm_that_nobody_has_seen_needs_a_person(kempelen: Kempelen) -> None:
    ran = kempelen("alarms")
    assert ran.returncode == NEEDS_A_PERSON
    for words in (ALARM, "warning", "nobody yet", "corona: 0 -> 40", "sale: changed, no alarm: expected from 01-01"):
        assert words in ran.stdout


@pytest.mark.usefixtures("store")
def test_as_json_it_is_one_document_with_all_the_figures(kempelen: Kempelen) -> None:
    document = json.loads(kempelen("alarms", "queries", "--json").stdout)
    (alarm,) = document["alarms"]
    (evidence,) = alarm["report"]["evidence"]
    assert (alarm["alarm_id"], alarm["severity"], alarm["acknowledged"]) == (ALARM, "warning", None)
    assert (evidence["since"], evidence["budget"], evidence["ratio"]) == ("2020-01-20", 1e-7, None)
    assert document["set_aside"][0]["subject"] == "sale"


def test_once_acknowledged_it_says_by_whom_and_waits_for_nobody(kempelen: Kempelen, store: Store) -> None:
    assert kempelen("alarms", "acknowledge", ALARM, "--by", "Ada", "--reason", "a virus, see the news").returncode == 0
    ran = kempelen("alarms")
    assert ran.returncode == 0
    assert "seen by Ada: a virus, see the news" in ran.stdout
    assert [one.by for one in store.acknowledgements("queries")] == ["Ada"]


def test_a_mute_is_kept_with_its_name_and_reason_and_today_ends_it(kempelen: Kempelen, store: Store) -> None:
    mute = ("alarms", "mute", "term_surge", "corona", "--by", "Ada", "--reason", "a campaign")
    muted = json.loads(kempelen(*mute, "--until", "2020-02-01", "--json").stdout)
    assert (muted["subject"], muted["until"], muted["by"]) == ("corona", "2020-02-01", "Ada")
    assert "corona: muted by Ada until 2020-02-01: a campaign" in kempelen("alarms").stdout
    assert "may alarm again" in kempelen(*mute, "--until", "2020-01-21").stdout
    assert json.loads(kempelen("alarms", "--json").stdout)["muted"] == []
    assert [one.subject for one in store.mutes("queries")] == ["corona", "corona"]


@pytest.mark.parametrize(
    ("words", "found", "hint"),
    [
        (("acknowledge", "nothing", "--by", "Ada", "--reason", "x"), "no alarm nothing", ALARM),
        (("acknowledge", ALARM, "--by", " ", "--reason", "x"), "--by is empty", "name and a reason"),
        (("mute", "term_surge", "--until", "2020-02-01", "--by", "Ada", "--reason", ""), "--reason is empty", "reason"),
        (
            ("mute", "term_surge", "x", "--until", "2020-01-02", "--by", "Ada", "--reason", "x"),
            "2020-01-02 is over",
            "later day",
        ),
        (("mute", "surge", "--until", "2020-02-01", "--by", "Ada", "--reason", "x"), "No detector surge", "term_surge"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_recorded(
    kempelen: Kempelen, store: Store, words: tuple[str, ...], found: str, hint: str
) -> None:
    ran = kempelen("alarms", *words)
    assert ran.returncode == 1
    assert found in ran.stderr
    assert hint in ran.stderr
    assert store.acknowledgements("queries") == store.mutes("queries") == []


def test_without_books_it_says_what_to_do(kempelen: Kempelen) -> None:
    ran = kempelen("alarms")
    assert ran.returncode == 1
    assert "kempelen demo" in ran.stderr
