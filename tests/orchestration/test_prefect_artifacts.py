"""Alarms in a real Prefect: what is shown, what is escaped, and that each piece of news is told once."""

import json
import os
import pickle
import re
import sys
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from subprocess import run
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import httpx
import pytest
from markdown_it import MarkdownIt

from connectors.orchestration._page import alarm_page, in_cell, in_markdown, look_rows
from connectors.orchestration._plot import picture
from console.stack import Stack
from cycle.alarms import Alarm, alarms
from cycle.records import Acknowledgement, Look, SetAside
from kempelen.errors import Problem
from kempelen.records import DayCount, DriftReport, Evidence

HOSTILE = "<script>alert(1)</script> | `x` [l](http://evil.example) **b** http://evil.example <img src=//evil.example>"
ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def at(day: int) -> datetime:
    return datetime(2020, 1, day, 9, tzinfo=UTC)


def surge(subject: str = "corona", *, share: float = 0.04, **more: Any) -> Evidence:
    """Three days of the reference, and after a gap two days of which the second is in question."""
    days = (date(2020, 1, 1), date(2020, 1, 2), date(2020, 1, 3), date(2020, 1, 20), date(2020, 1, 21))
    return Evidence(
        subject=subject, reference_count=30, current_count=1000 * share, reference_share=0.01, current_share=share,
        p_value=1e-12, budget=1e-8, first=days[-1], since=days[-1], users=23, label="food_and_drink", confidence=0.93,
        daily=tuple(DayCount(day=day, count=10 * n, predictions=1000) for n, day in enumerate(days)), **more,
    )  # fmt: skip


def report(detector: str, statistic: float, *evidence: Evidence, hint: bool = False) -> DriftReport:
    return DriftReport(
        detector=detector, statistic=statistic, threshold=2.0, alpha=0.01, n_reference=3000, n_current=1000,
        summary=f"{detector} has looked.", evidence=evidence, hint=hint,
    )  # fmt: skip


def look(model: str, day: int, *reports: DriftReport, **more: Any) -> Look:
    return Look(model=model, version="1", at=at(day), reports=reports, undecided=(), **more)


def on(looks: Sequence[Look], *seen: Acknowledgement) -> list[Alarm]:
    """The alarms that are on at the last look."""
    return [alarm for alarm in alarms(looks, seen) if alarm.is_on(looks[-1].at)]


def drawing(markdown: str) -> Element:
    """The one picture of a page, read as XML."""
    (encoded,) = re.findall(r"!\[[^\]]*\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", markdown)
    return fromstring(b64decode(encoded))  # noqa: S314 - we made it


# ---------------------------------------------------------------- what is written


@pytest.mark.parametrize("text", [HOSTILE, "- a", "# a", "1. a", "a\n\n- b", "www.evil.example", "&lt;b&gt;", "\\<b>"])
def test_text_is_shown_by_markdown_as_it_is(text: str) -> None:
    document = MarkdownIt("gfm-like", {"linkify": False}).parse(f"- {in_markdown(text)}")
    inline = [token for token in document if token.type == "inline"]
    assert [child.type for child in inline[0].children or []] == ["text"]
    assert inline[0].children is not None
    assert inline[0].children[0].content == " ".join(text.split())


def test_no_address_stays_whole_for_a_reader_that_makes_links_of_addresses() -> None:
    assert not re.search(r"https?://|www\.|\w@", in_markdown("http://evil.example www.evil.example a@evil.example"))


def test_a_cell_holds_no_tag() -> None:
    assert "<" not in in_cell(HOSTILE)
    assert in_cell("a & b") == "a &amp; b"


def test_a_picture_has_a_column_a_day_strong_from_the_first_day_in_question() -> None:
    columns = [rect for rect in drawing(picture(surge())).iter(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]
    assert len(columns) == 5
    assert len({rect.get("fill") for rect in columns[:4]}) == 1
    assert columns[4].get("fill") != columns[3].get("fill")
    heights = [float(rect.get("height", "0")) for rect in columns]
    assert heights[1:] == pytest.approx([heights[4] * n / 4 for n in (1, 2, 3, 4)], abs=0.1)
    left = [float(rect.get("x", "0")) for rect in columns]
    assert left[3] - left[2] == pytest.approx(3 * (left[1] - left[0]), abs=0.2)  # two empty columns: days lie between


def test_a_picture_shows_a_hostile_name_as_text() -> None:
    root = drawing(picture(surge("<script>x</script>\x00")))
    assert next(text.text for text in root.iter(f"{SVG}text")) == "<script>x</script>\ufffd"
    assert not list(root.iter(f"{SVG}script"))


def test_a_page_tells_what_changed_who_has_seen_it_and_what_was_set_aside() -> None:
    aside = SetAside(detector="term_surge", subject="gift", why="expected: Christmas | shopping")
    seen = look("m", 21, report("term_surge", 5.0, surge(together=("virus",), examples=("corona virus", HOSTILE))))
    told = Acknowledgement(model="m", alarm_id="m-1-20200121-term_surge", by="Ada", reason="a virus", at=at(21))
    other = replace(aside, detector="class_mix", subject="other")
    page = alarm_page(on([seen], told)[0], (aside, other))
    assert r"1.00% → **4.00%**, since 2020-01-21, by at least 23 people, together with virus" in page
    assert "Seen by Ada: a virus" in page
    assert r"- gift: expected\: Christmas \| shopping" in page
    assert "other" not in page
    assert "at most 1.00% of the years" in page
    tags = re.findall(r"<[a-z]+", MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(page))
    assert set(tags) <= {"<h", "<p", "<ul", "<li", "<strong", "<img"}
    assert "<img src=//" not in page


def test_a_look_names_hints_as_hints_and_silence_as_silence() -> None:
    aside = SetAside(detector="class_mix", subject="", why="muted by Ada until 2020-02-01: known")
    silent = Problem(stage="drift", subject="audit_risk", message="No answers yet.", hint="Wait.")
    seen = look(
        "m", 21, report("confidence", 0.5), report("expected_accuracy", 3.0, hint=True), report("vocabulary", 4.0),
        report("class_mix", 9.0, surge("health")), report("term_surge", 5.0, surge()), set_aside=(aside,),
    )  # fmt: skip
    seen = replace(seen, undecided=(silent,))
    rows = {row["detector"]: row for row in look_rows(seen, on([seen]))}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "term_surge": "alarm",
        "vocabulary": "alarm",
        "class_mix": "changed, set aside",
        "confidence": "no alarm",
        "expected_accuracy": "hint: look here",
        "audit_risk": "could not answer",
    }
    assert list(rows)[:2] == ["vocabulary", "term_surge"]  # alarms first
    assert "Set aside: everything it reports, muted by Ada" in rows["class_mix"]["what it says"]
    assert rows["audit_risk"]["what it says"] == "No answers yet. Wait."
    assert (rows["term_surge"]["statistic"], rows["term_surge"]["threshold"]) == ("5.00", "2.00")


def test_an_alarm_that_is_on_but_not_seen_at_this_look_stays_in_the_table() -> None:
    looks = [look("m", 21, report("term_surge", 5.0, surge())), look("m", 22)]
    (row,) = look_rows(looks[-1], on(looks))
    assert (row["alarm"], row["verdict"]) == ("m-1-20200121-term_surge", "on, not seen at this look")


# ---------------------------------------------------------------- in a real Prefect


@dataclass(frozen=True, kw_only=True)
class Prefect:
    """A real Prefect, and a way to show it looks from within a flow."""

    api: httpx.Client
    environment: Mapping[str, str]
    folder: Path

    def show(self, *pairs: tuple[Look, Sequence[Alarm]], fault: str | None = None) -> int:
        """Show looks with the alarms that are on in one flow run; the exit status of its process."""
        file = self.folder / "looks.pickle"
        file.write_bytes(pickle.dumps(pairs))
        command = [
            sys.executable,
            str(Path(__file__).with_name("show_looks.py")),
            str(file),
            *([fault] if fault else []),
        ]
        environment = {**os.environ, **self.environment, "PREFECT_HOME": str(self.folder), "PYTHONPATH": str(ROOT)}
        ended = run(command, env=environment, cwd=self.folder, capture_output=True, text=True, check=False, timeout=120)
        assert fault or ended.returncode == 0, ended.stderr
        return ended.returncode

    def artifacts(self, key: str) -> list[Any]:
        """All artifacts of a key, oldest first."""
        query = {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC"}
        return list(reversed(self.api.post("/artifacts/filter", json=query).raise_for_status().json()))

    def table(self, key: str) -> list[dict[str, str]]:
        """The newest table of a key."""
        rows: list[dict[str, str]] = json.loads(self.artifacts(key)[-1]["data"])
        return rows

    def events(self, model: str, at_least: int) -> list[tuple[str, dict[str, Any]]]:
        """Our events about a model, oldest first, once there are so many."""
        about = {"event": {"prefix": ["kempelen."]}, "resource": {"id": [f"kempelen.model.{model}"]}, "order": "ASC"}
        deadline = time.monotonic() + 60
        while True:
            found = self.api.post("/events/filter", json={"filter": about}).raise_for_status().json()["events"]
            if len(found) >= at_least:
                return [(one["event"], one["payload"]) for one in found]
            assert time.monotonic() < deadline, f"only {len(found)} of {at_least} events arrived"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def prefect(real_stack: tuple[Stack, float], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    environment = real_stack[0].client_environment()
    user, _, password = environment["PREFECT_API_AUTH_STRING"].partition(":")
    address = environment["PREFECT_API_URL"]
    with httpx.Client(base_url=address, auth=(user, password), trust_env=False, timeout=60) as api:
        yield Prefect(api=api, environment=environment, folder=tmp_path_factory.mktemp("prefect"))


def raised(model: str) -> tuple[Look, list[Alarm]]:
    """The look that sees an alarm for the first time."""
    seen = look(model, 21, report("term_surge", float("inf"), surge(), surge(HOSTILE)))
    return seen, on([seen])


def told() -> Iterator[tuple[Look, list[Alarm]]]:
    """An alarm that begins, grows and ends; each look twice, as a flow that is tried again shows it."""
    small, large = report("term_surge", 5.0, surge()), report("term_surge", 6.0, surge(share=0.08))
    days = (21, small), (22, small), (23, large), (24, small), (27, None), (28, None), (29, None)
    looks = [look("told", day, *([found] if found else [])) for day, found in days]
    for n, seen in enumerate(looks):
        yield from [(seen, on(looks[: n + 1]))] * 2


@pytest.fixture(scope="module")
def shown(prefect: Prefect) -> Prefect:
    """After a quiet model, one that raises an alarm, and one whose alarm begins, grows and ends."""
    prefect.show((look("quiet", 21, report("term_surge", 0.4)), []), raised("raised"), *told())
    return prefect


def test_a_quiet_look_leaves_a_table_and_no_event(shown: Prefect) -> None:
    (row,) = shown.table("look-quiet")
    assert row["detector"] == "term_surge"
    assert row["verdict"] == "no alarm"
    assert row["what it says"] == "term_surge has looked."
    shown.events("raised", 1)  # that came later: had there been an event of the quiet model, it would be here
    assert shown.events("quiet", 0) == []


def test_an_alarm_leaves_a_table_a_page_and_an_event(shown: Prefect) -> None:
    rows = shown.table("alarm-raised-1-20200121-term-surge")
    assert rows[0] == {
        "severity": "warning", "what": "corona", "together with": "", "before": "30 (1.00%)", "now": "40 (4.00%)",
        "since": "2020-01-21", "people": "at least 23", "taken for": "food_and_drink", "confidence": "93%",
        "p": "1.0e-12", "budget": "1.0e-08", "acknowledged by": "nobody yet",
    }  # fmt: skip
    assert "<" not in rows[1]["what"]
    (page,) = shown.artifacts("alarm-raised-1-20200121-term-surge-days")
    assert page["data"].count("data:image/svg+xml;base64,") == 2
    assert "<script" not in page["data"].replace("\\<", "")
    ((event, payload),) = shown.events("raised", 1)
    assert event == "kempelen.drift"
    assert payload == {
        "alarm": "raised-1-20200121-term_surge", "model": "raised", "version": "1", "detector": "term_surge",
        "severity": "warning", "subjects": ["corona", HOSTILE], "statistic": None, "threshold": 2.0, "alpha": 0.01,
        "first_at": "2020-01-21T09:00:00+00:00", "at": "2020-01-21T09:00:00+00:00",
    }  # fmt: skip


def test_news_is_told_once_when_an_alarm_begins_when_it_grows_and_when_it_ends(shown: Prefect) -> None:
    events = [(event, one["severity"], one["at"][:10]) for event, one in shown.events("told", 3)]
    assert events == [
        ("kempelen.drift", "warning", "2020-01-21"),
        ("kempelen.drift", "critical", "2020-01-23"),
        ("kempelen.drift.ended", "critical", "2020-01-28"),  # three quiet days after the 24th
    ]


def test_an_event_of_a_run_that_was_killed_counts_once(prefect: Prefect) -> None:
    assert prefect.show(raised("killed"), fault="killed") != 0
    prefect.events("killed", 1)  # it was sent
    assert prefect.artifacts("look-killed") == []  # and nothing says so
    prefect.show(raised("killed"), raised("after-killed"))
    prefect.events("after-killed", 1)
    assert len(prefect.events("killed", 1)) == 1
