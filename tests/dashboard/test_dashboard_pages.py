"""The pages say what the books say: human effort apart from simulated, alarms in words, nothing unescaped."""

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from math import log10
from pathlib import Path

import httpx
import pytest

from cycle.database import DATABASE
from cycle.records import Look, Version
from cycle.wiring import books
from kempelen.records import DayCount, DriftReport, Evidence

Serving = Callable[[Path], AbstractContextManager[str]]
MODEL, STAFFED = "corona-intents", "support-intents"
BANNER = "Effort shown hatched is simulated: it was drawn from published times, nobody worked for it."


class Segments(HTMLParser):
    """Every painted part of a bar, with the chart and the bar (version, share) it stands in."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.sort = self.bar = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        self.sort = facts.get("data-sort", self.sort)
        if tag == "svg":
            self.bar = f"{facts['data-version']} {facts['class'].split()[-1]}" if "data-version" in facts else ""
        if "data-kind" in facts and self.bar:
            self.found.append({"sort": self.sort, "bar": self.bar, **facts})


def visible(page: str) -> str:
    """The text of a page as a person reads it, blanks folded."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.fixture(scope="module")
def corona(web: httpx.Client) -> str:
    return web.get(f"/models/{MODEL}").raise_for_status().text


@pytest.fixture(scope="module")
def support(web: httpx.Client) -> str:
    return web.get(f"/models/{STAFFED}").raise_for_status().text


def test_the_page_names_the_version_in_service_and_since_when(corona: str) -> None:
    assert "Version 2 is in service, since 23 January 2020." in visible(corona)
    assert "1 Jan 2020, 00:00 to 23 Jan 2020, 17:00 , 22 days" in visible(corona)


def test_labels_from_elsewhere_are_a_badge_and_no_bar(corona: str) -> None:
    assert "13,412 labels from CLINC150: people and hours unknown" in visible(corona)
    assert not [s for s in Segments(corona).found if s["sort"] == "human"]


def test_a_page_with_simulated_effort_says_so_and_one_without_does_not(corona: str, support: str) -> None:
    assert BANNER in visible(corona)
    assert "Simulated effort - no human work" in visible(corona)
    assert BANNER not in visible(support)
    assert "imulated" not in visible(support)


def test_simulated_effort_is_only_in_the_simulated_chart(corona: str, support: str) -> None:
    segments = [*Segments(corona).found, *Segments(support).found]
    assert {s["sort"] for s in segments} == {"human", "simulated"}
    assert all((s["data-provenance"] == "simulated") is (s["sort"] == "simulated") for s in segments)


def test_a_bar_is_as_long_as_what_people_gave(support: str, staffed_seconds: tuple[Decimal, Decimal]) -> None:
    low_s, high_s = staffed_seconds
    bar = [s for s in Segments(support).found if s["bar"] == "2 direct"]
    certain = sum(float(s["width"].rstrip("%")) for s in bar if "certain" in s["class"])
    whole = sum(float(s["width"].rstrip("%")) for s in bar)
    axis_s = 40 * 60  # the marks are 10 minutes apart, and 35 to 41 minutes must fit
    assert certain == pytest.approx(100 * float(low_s) / axis_s, abs=0.01)
    assert whole == pytest.approx(100 * float(high_s) / axis_s, abs=0.01)


def test_inherited_effort_has_a_bar_of_its_own(support: str) -> None:
    kinds = {(s["bar"], s["data-kind"]) for s in Segments(support).found}
    assert kinds == {
        ("3 direct", "preparation"),
        ("3 direct", "verification"),
        ("3 inherited", "preparation"),
        ("2 direct", "preparation"),
        ("2 direct", "verification"),
    }
    assert "inherited from version 2" in visible(support)


def test_waste_is_shown_by_name(support: str) -> None:
    text = visible(support)
    assert "Given and not used: waste, by name" in text
    assert "skipped by the annotator preparation and verification measured 4 annotations" in text


def test_an_alarm_says_which_words_how_often_by_how_many_and_what_the_model_took_them_for(corona: str) -> None:
    text = visible(corona)
    assert "2 alarms are on" in text
    assert "critical and warning, about version 1" in text
    assert "warning Words that surge First seen 21 January 2020, at 3 looks until 23 January 2020" in text
    assert (
        "198 of 3,567 predictions since 21 January 2020, 176 of 11,046 before. By at least 23 people . "
        "The model took them for food and drink with 93 % confidence." in text
    )
    assert "148 of 3,567 predictions since 21 January 2020, 0 of 11,046 before. By at least 19 people ." in text


def test_words_that_change_together_stand_together(corona: str) -> None:
    text = visible(corona)
    assert text.count("“virus”") + corona.count("<q>virus</q>") == 1  # under corona, and not a second time
    assert text.index("Changed with it: wuhan virus") < text.index("coronavirus symptoms")


def test_example_queries_stand_with_their_word(corona: str) -> None:
    examples = re.findall(r'<ul class="examples".*?</ul>', corona, re.DOTALL)
    assert [re.findall(r"<q>(.*?)</q>", one)[0] for one in examples] == ["corona virus", "coronavirus symptoms"]


def test_an_alarm_says_how_often_chance_raises_one(corona: str) -> None:
    text = visible(corona)
    assert "term_surge raise an alarm at most once in 57 years, however often it looks" in text  # 1 / 0.0175
    assert "class_mix raise an alarm at most once in 200 years" in text  # 1 / 0.005
    assert text.count("one as clear as this, at most once in 1,000 years") == 2


def test_who_has_seen_an_alarm_and_who_has_not_is_said(corona: str) -> None:
    text = visible(corona)
    assert "Ada has seen it, 21 Jan 2020: a virus &lt;b&gt;in Wuhan&lt;/b&gt;" in text
    assert "kempelen alarms acknowledge corona-intents-1-20200122-class_mix" in text
    assert "acknowledge corona-intents-1-20200121-term_surge" not in text


def test_hints_what_was_set_aside_and_silence_stand_apart_from_the_alarms(corona: str) -> None:
    where, aside, silent, last = (
        visible(corona).index(head) for head in ("Where to look", "Set aside", "Could not answer", "The last look")
    )
    text = visible(corona)
    assert "expected_accuracy health is probably right less often." in text[where:aside]
    assert "audit_risk About 80 more labels of people would decide." in text[where:aside]
    assert "class_mix gift card : expected from 11-25 to 01-06: Christmas shopping" in text[aside:silent]
    assert "vocabulary megxit raises no alarm before 1 February 2020. Grace: royal news, passes" in text[aside:silent]
    assert "domain_classifier The sample holds 40 queries" in text[silent:last]
    assert "domain_classifier could not answer" in text[last:]
    assert "expected_accuracy look there" in text[last:]


def test_a_words_columns_are_its_days_pale_before_and_strong_in_question(corona: str) -> None:
    chart = re.search(r'<svg class="columns-chart".*?</svg>', corona, re.DOTALL)
    assert chart is not None
    assert chart[0].count('class="then"') == 21 + 6
    assert chart[0].count('class="now"') == 3
    assert "21 Jan: 47 of 1,189 (4.0 %)" in chart[0]
    left = [float(x) for x in re.findall(r'<rect [^>]*x="([\d.]+)%"', chart[0])]
    step = 100 / (30 + 2)  # thirty days, and two columns left empty where days lie between
    assert left[20] == pytest.approx(20 * step, abs=0.001)
    assert left[21] == pytest.approx(23 * step, abs=0.001)
    assert "11 to 31 Dec, 15 to 20 Jan" in visible(corona)


def test_the_cycle_shows_its_steps_and_why_items_were_chosen(corona: str) -> None:
    text = visible(corona)
    assert "108 items in 3 rounds of 3; 108 have an answer, 108 are settled." in text
    assert "term surge contains a word that surges 54 0" in text
    assert "audit drawn at random, whatever the model thinks 0 27" in text
    assert [text.index(step) for step in ("People are asked", "Answers settled", "Gate passed", "Promoted")] == sorted(
        text.index(step) for step in ("People are asked", "Answers settled", "Gate passed", "Promoted")
    )


def test_the_gate_shows_each_challenger_with_its_figures(corona: str) -> None:
    text = visible(corona)
    assert "58.1 % → to 81.4 % right".replace("→", "&rarr;") in text
    assert "embedding bag rejected" in text
    assert "linear passed" in text


def test_a_cycle_that_is_labelling_shows_what_is_to_come_and_no_answers(support: str) -> None:
    text = visible(support)
    assert "The cycle under way" in text
    assert "Promoted to come" in text
    assert "10 have an answer, 0 are settled" in text
    assert "People say" not in text  # what others answered would lead those who still label


def test_no_pseudonym_of_an_annotator_reaches_a_page_or_the_json(web: httpx.Client) -> None:
    pages = [f"/models/{m}" for m in (MODEL, STAFFED)]
    pages += [f"/api/{what}/{m}" for what in ("labour", "cycles", "alarms") for m in (MODEL, STAFFED)]
    assert not [page for page in pages if "pseudonym-" in web.get(page).text]


def test_what_strangers_typed_is_shown_as_text(corona: str) -> None:
    hostile = "&lt;script&gt;alert(&#34;corona&#34;)&lt;/script&gt; &amp; &#34;virus&#34;"
    assert "<script" not in corona
    assert f"<q>{hostile}</q>" in corona  # an example, and an item that was asked
    assert f'<span class="word">{hostile}</span>' in corona  # a label
    assert f"<title>{hostile}: 5.7 % to 3.7 %</title>" in corona  # its chart
    assert "<b>in Wuhan</b>" not in corona  # a reason


def test_a_hostile_model_name_in_the_address_is_shown_as_text(web: httpx.Client) -> None:
    answer = web.get("/models/<script>alert(1)<%2Fscript>")
    assert answer.status_code == 404
    assert "<script" not in answer.text


def test_two_models_are_listed_newest_first(web: httpx.Client) -> None:
    text = web.get("/").text
    assert text.index(f'href="/models/{STAFFED}"') < text.index(f'href="/models/{MODEL}"')


def test_a_model_that_nobody_watches_is_not_said_to_be_quiet(web: httpx.Client) -> None:
    text = visible(web.get("/").text)
    assert "traffic not looked at yet" in text
    assert "alarm on 23 January 2020 about version 1" in text
    assert "no alarm" not in text


def test_charts_can_be_read_without_seeing_them(corona: str) -> None:
    charts = re.findall(r'<svg[^>]*role="img".*?</svg>', corona, re.DOTALL)
    assert charts
    assert all("<title>" in chart for chart in charts)
    assert corona.count("<table") == corona.count("<caption>")


def test_when_an_alarm_is_over_the_page_says_so_and_still_shows_it(tmp_path: Path, dashboard_of: Serving) -> None:
    store, _ = books(tmp_path)
    change = Evidence(
        subject="corona", reference_count=10, current_count=30, reference_share=0.01, current_share=0.03,
        p_value=1e-9, budget=1e-6,
    )  # fmt: skip
    quiet = DriftReport(
        detector="term_surge", statistic=1.0, threshold=2.0, alpha=0.01, n_reference=1000, n_current=1000, summary="No."
    )
    loud = replace(quiet, statistic=5.0, summary="corona surges.", evidence=(change,))
    store.record_version(first_version())
    for day, report in ((1, loud), (2, quiet), (4, quiet), (5, quiet)):
        look = Look(model="m", version="1", at=datetime(2020, 3, day, tzinfo=UTC), reports=(report,), undecided=())
        store.record_look(look)
    with dashboard_of(tmp_path) as url:
        text = visible(httpx.get(f"{url}/models/m", trust_env=False).text)
    assert "No alarm is on" in text
    assert "over Words that surge First seen 1 March 2020, about version 1." in text
    assert "30 of 1,000 predictions then, 10 of 1,000 before." in text
    assert "alarms acknowledge" not in text  # it needs nobody any more


def test_an_alarm_of_the_audit_speaks_of_answers_and_of_what_is_tolerated(
    tmp_path: Path, dashboard_of: Serving
) -> None:
    store, _ = books(tmp_path)
    risk = Evidence(
        subject="risk where food_and_drink is predicted", reference_count=9.0, current_count=19, reference_share=0.15,
        current_share=0.347, p_value=1e-6, budget=1e-3, first=date(2020, 1, 20), since=date(2020, 1, 20),
        label="food_and_drink", daily=(DayCount(day=date(2020, 1, 20), count=19, predictions=60),),
    )  # fmt: skip
    audit = DriftReport(
        detector="audit_risk", statistic=4.9, threshold=-log10(0.0125), alpha=0.0125, n_reference=0, n_current=60,
        summary="Too high.", evidence=(risk,),
    )  # fmt: skip
    store.record_version(first_version())
    seen = Look(model="m", version="1", at=datetime(2020, 1, 21, tzinfo=UTC), reports=(audit,), undecided=())
    store.record_look(seen)
    with dashboard_of(tmp_path) as url:
        text = visible(httpx.get(f"{url}/models/m", trust_env=False).raise_for_status().text)
    assert "critical People who disagree with the model First seen 21 January 2020, about version 1." in text
    assert "19 of 60 audited answers disagree with the model since 20 January 2020; 15.0 % is tolerated." in text
    assert "34.7 % wrong" in text
    assert "audit_risk raise an alarm at most once in 80 years" in text


def test_a_look_that_an_earlier_kempelen_recorded_can_still_be_read(tmp_path: Path, dashboard_of: Serving) -> None:
    store, _ = books(tmp_path)
    store.record_version(first_version())
    evidence = {
        "subject": "corona", "reference_count": 176.0, "current_count": 47.0, "reference_share": 176 / 11046,
        "current_share": 47 / 1189, "p_value": 1e-12, "label": "food_and_drink", "confidence": 0.93,
    }  # fmt: skip
    report = {
        "detector": "term_surge", "statistic": 12.1, "threshold": 7.16, "alpha": 3.4e-5, "n_reference": 11046,
        "n_current": 1189, "summary": "corona surges.", "evidence": [evidence], "suspects": ["corona"], "hint": False,
    }  # fmt: skip
    look = {"model": "m", "version": "1", "at": "2020-01-21T09:00:00Z", "reports": [report], "undecided": []}
    with closing(sqlite3.connect(tmp_path / DATABASE)) as file:
        file.execute(
            "INSERT INTO look (model, at, document) VALUES ('m', '2020-01-21T09:00:00.000000+00:00', ?)",
            [json.dumps(look)],
        )
        file.commit()
    with dashboard_of(tmp_path) as url:
        text = visible(httpx.get(f"{url}/models/m", trust_env=False).raise_for_status().text)
    assert "An alarm is on" in text
    assert "47 of 1,189 predictions then, 176 of 11,046 before. The model took them for food and drink" in text
    assert "Found by term_surge : 12.1 against an alarm threshold of 7.2." in text
    assert "Chance alone" not in text  # its budget was another


def first_version() -> Version:
    return Version(
        model="m", version="1", model_type="linear", mlflow_run_id="r", trained_at=datetime(2020, 1, 1, tzinfo=UTC),
        training_digest="d", examples=1, cycle_id=None, trained_on_cycles=(),
    )  # fmt: skip


def test_without_books_the_page_says_what_to_run(tmp_path: Path, dashboard_of: Serving) -> None:
    with dashboard_of(tmp_path / "nothing") as url, httpx.Client(base_url=url, trust_env=False) as client:
        answer = client.get("/")
        assert answer.status_code == 200
        assert "<code>kempelen demo</code>" in answer.text
        assert "<code>kempelen init</code>" in answer.text
        assert client.get("/api/models").json() == []
        assert client.get("/api/labour/corona-intents").status_code == 404
        assert not (tmp_path / "nothing").exists()  # looking makes nothing
        (tmp_path / "nothing").mkdir()
        books(tmp_path / "nothing")
        assert "<code>kempelen demo</code>" in client.get("/").text


@pytest.mark.parametrize("path", ["/", "/models/corona-intents", "/api/models", "/api/labour/corona-intents"])
def test_damaged_books_are_said_to_be_damaged(tmp_path: Path, dashboard_of: Serving, path: str) -> None:
    (tmp_path / DATABASE).write_bytes(b"this was a database once" * 400)
    with dashboard_of(tmp_path) as url:
        answer = httpx.get(url + path, trust_env=False)
        assert answer.status_code == 503
        assert "damaged" in answer.text
        assert "Traceback" not in answer.text
        assert httpx.get(url + "/health", trust_env=False).status_code == 200


def test_a_record_that_cannot_be_read_is_said_to_be_damaged(tmp_path: Path, dashboard_of: Serving, story: Path) -> None:
    with closing(sqlite3.connect(story / DATABASE)) as source, closing(sqlite3.connect(tmp_path / DATABASE)) as copy:
        source.backup(copy)
        copy.execute("UPDATE look SET document = '{'")
        copy.commit()
    with dashboard_of(tmp_path) as url:
        answer = httpx.get(f"{url}/models/{MODEL}", trust_env=False)
    assert answer.status_code == 503
    assert "Restore a backup" in answer.text


def test_books_that_are_replaced_are_opened_again(tmp_path: Path, dashboard_of: Serving) -> None:
    file = tmp_path / DATABASE
    file.write_bytes(b"no database" * 400)
    with dashboard_of(tmp_path) as url:
        assert httpx.get(url, trust_env=False).status_code == 503
        file.unlink()
        books(tmp_path)
        assert httpx.get(url, trust_env=False).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost.evil"])
def test_a_foreign_host_header_is_refused(web: httpx.Client, host: str) -> None:
    answer = web.get("/api/models", headers={"Host": host})
    assert answer.status_code == 403
    assert "127.0.0.1" in answer.text
    assert MODEL not in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "127.0.0.1:1", "[::1]:5000"])
def test_a_loopback_host_header_is_answered(web: httpx.Client, host: str) -> None:
    assert web.get("/health", headers={"Host": host}).status_code == 200


def test_pages_may_load_nothing_from_elsewhere(web: httpx.Client) -> None:
    policy = web.get("/").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
