"""The pages say what the books say: human effort apart from simulated, alarms in words, nothing unescaped."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from cycle.wiring import DATABASE, books

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
    assert "skipped by the annotator preparation measured 3 annotations" in text


def test_the_alarm_says_which_words_how_often_and_what_the_model_took_them_for(corona: str) -> None:
    text = visible(corona)
    assert "Alarm on 21 January 2020" in text
    assert (
        "176 of 11,046 predictions before, 47 of 1,189 then; the model took them for food and drink with 93 %" in text
    )
    assert "0 of 11,046 predictions before, 35 of 1,189 then; the model took them for health with 56 %" in text
    assert "Seen at 3 looks in a row, until 23 January 2020." in text


def test_a_words_columns_are_its_reference_days_and_its_alarms(corona: str) -> None:
    chart = re.search(r'<svg class="columns-chart".*?</svg>', corona, re.DOTALL)
    assert chart is not None
    assert chart[0].count('class="then"') == 21
    assert chart[0].count('class="now"') == 3
    assert "21 Jan: 4.0 %" in chart[0]


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
    assert "<script" not in corona
    assert "&lt;script&gt;alert(&#34;corona&#34;)&lt;/script&gt; &amp; &#34;virus&#34;" in corona


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
