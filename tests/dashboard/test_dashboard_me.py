"""A person's own page: their work and nobody else's, forms without JavaScript, and one closed door for all others."""

import csv
import io
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from cycle.database import DATABASE
from cycle.wiring import books
from dashboard.app import build_app
from dashboard.me import _cell
from dashboard.me_routes import LARGEST_FORM
from kempelen.records import Briefing
from ledger.database import open_engine
from ledger.people.corrections import Corrections
from ledger.people.credit import Credits
from ledger.people.links import Links
from ledger.people.own import PeriodPay
from ledger.people.ratings import Ratings
from ledger.people.terms import ToldTerms
from ledger.posting_rules import paid
from ledger.units import Unit

MODEL = "support-intents"
ME, OTHER = "pseudonym-1", "pseudonym-2"
NOW = datetime(2020, 3, 2, tzinfo=UTC)
CYCLE = f"{MODEL}-20200210-manual"


class Stopped:
    """A clock that stands."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


@dataclass(frozen=True)
class Own:
    """A state folder of one's own, and the page in it as a browser without JavaScript sees it."""

    state: Path
    token: str
    client: TestClient

    @property
    def links(self) -> Links:
        return Links(open_engine(self.state / DATABASE))

    def get(self, path: str = "") -> httpx.Response:
        return self.client.get(f"/me/{self.token}{path}")

    def send(self, what: str, **fields: str) -> httpx.Response:
        return self.client.post(f"/me/{self.token}/{what}", data=fields)


def told(cycle: str) -> Briefing:
    return Briefing(
        cycle_id=cycle, title="t", asker="Example Ltd", model=MODEL, use="sorting <letters> to desks",
        contact="grace@example.org", labels=("a",), answers_per_item=2, pay="An hour is paid 15 EUR.",
        data_handling="Kept for a year.",
    )  # fmt: skip


PAY = PeriodPay(
    first=date(2020, 2, 1), last=date(2020, 2, 29), currency="EUR", owed=Decimal("12.40"), received=Decimal("10.00"),
    top_up=None, payable=Decimal("2.40"), unknown=("No floor is known for XX.",),
)  # fmt: skip


@pytest.fixture
def own(tmp_path: Path, story: Path) -> Iterator[Own]:
    with closing(sqlite3.connect(story / DATABASE)) as source, closing(sqlite3.connect(tmp_path / DATABASE)) as copy:
        source.backup(copy)
    engine = open_engine(tmp_path / DATABASE)
    ToldTerms(engine).record(told(CYCLE), at=NOW - timedelta(days=20))
    _, ledger = books(tmp_path)
    ledger.book(
        [
            paid(
                source_id="p1", person=f"annotator:{ME}", payer="example", amount=Decimal("10.00"), currency="EUR",
                what="wage for February", at=NOW, paid_at=NOW,
            )
        ]
    )  # fmt: skip
    token = Links(engine).issue(ME, by="Grace", at=NOW, expires=NOW + timedelta(days=30))
    app = build_app(tmp_path, clock=Stopped(NOW), pay=lambda person: [PAY] if person == ME else [])
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
        yield Own(state=tmp_path, token=token, client=client)


def visible(page: str) -> str:
    """The text of a page as a person reads it, blanks folded."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def entry(own: Own, number: int = 0) -> str:
    return str(own.get(".json").json()["work"][number]["entry"])


# --- what it shows ---------------------------------------------------------------------------------------------------


def test_the_page_says_what_was_given_for_whom_on_what_terms_and_what_was_paid(own: Own) -> None:
    answer = own.get()
    assert answer.status_code == 200
    text = visible(answer.text)
    assert "The books know you as pseudonym-1 , not by your name." in text
    assert "Used for sorting &lt;letters&gt; to desks" in text
    assert "Who asked Example Ltd; turn to grace@example.org" in text
    assert "What you were told of pay An hour is paid 15 EUR." in text
    assert "1 February 2020 to 29 February 2020 No floor is known for XX. 12.40 EUR unknown 10.00 EUR 2.40 EUR" in text
    assert "10.00 EUR wage for February, 2 March 2020" in text
    assert "reset my password" in text
    assert "you said: health" in text
    assert "you skipped it" in text
    assert "not used: you skipped the item" in text
    assert "version 2 was trained on it; so was version 3" in text
    assert "it helped to check version 2" in text
    assert "not decided yet: its cycle is under way" in text
    assert "as the page reported it; above 60 s nobody knows what was work and what a break" in text


def test_its_totals_are_those_of_the_books(own: Own) -> None:
    _, ledger = books(own.state)
    mine = ledger.balance(f"annotator:{ME}")
    document = own.get(".json").json()
    assert Decimal(document["seconds_low"]) == -mine[Unit.S_LOW]
    assert Decimal(document["seconds_high"]) == -mine[Unit.S_HIGH]
    assert len(document["work"]) == -mine[Unit.ANNOTATIONS]
    assert sum(Decimal(work["seconds_high"]) for work in document["work"]) == -mine[Unit.S_HIGH]


def test_it_holds_nothing_of_anybody_else(own: Own) -> None:
    store, ledger = books(own.state)
    foreign = {e.source_id for e in ledger.entries() if e.person not in {None, f"annotator:{ME}"}}
    everything = own.get().text + own.get(".json").text + own.get(".csv").text
    assert OTHER not in everything
    assert not [one for one in foreign if f'"{one}"' in everything or f",{one}\r" in everything]
    given = [answer for cycle in store.cycles(MODEL) for answer in store.given(cycle.cycle_id)]
    mine = {f"given:{answer.source_id}" for answer in given if answer.annotator == ME}
    assert {work["entry"] for work in own.get(".json").json()["work"]} == mine


def test_the_table_has_a_row_for_each_entry_and_no_formula(own: Own) -> None:
    answer = own.get(".csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == len(own.get(".json").json()["work"])
    assert {row["model"] for row in rows} == {MODEL}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize(
    ("said", "cell"),
    [
        ("=1+1", "'=1+1"),
        (" @SUM(A1)", "' @SUM(A1)"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("hello;=1+1", "hello;'=1+1"),  # a cell of its own where ";" stands between cells
        ("hello\n=1+1", "hello\n'=1+1"),  # and a row of its own there
        ("a - b; c, 1+1", "a - b; c, 1+1"),
    ],
)
def test_no_words_of_others_become_a_formula_in_any_spreadsheet(said: str, cell: str) -> None:
    assert _cell(said) == cell


def test_many_entries_are_shown_a_page_at_a_time(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.me.ROWS_A_PAGE", 10)
    first, second = own.get().text, own.get("?page=2").text
    assert "Page 1 of" in first
    assert first.count('data-label="When"') == 10
    assert "Newer" not in first
    assert "Newer" in second
    assert own.get("?page=999").status_code == 200
    for odd in ("-1", "abc", "9" * 50, "1.5", ""):
        assert own.get(f"?page={odd}").status_code == 200


def test_the_page_is_neither_kept_nor_found_nor_told_to_others(own: Own) -> None:
    for path in ("", ".json", ".csv"):
        headers = own.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-robots-tag"] == "noindex, nofollow, noarchive"
        assert "form-action 'self'" in headers["content-security-policy"]
    assert "<script" not in own.get().text
    assert "form-action 'none'" in own.client.get("/").headers["content-security-policy"]


# --- who may see it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", ".json", ".csv"])
def test_unknown_expired_and_revoked_links_are_answered_alike(own: Own, ending: str) -> None:
    links = own.links
    gone = links.issue(ME, by="Grace", at=NOW - timedelta(days=9), expires=NOW)
    revoked = links.issue(ME, by="Grace", at=NOW, expires=NOW + timedelta(days=1))
    links.revoke(revoked, at=NOW)
    answers = [own.client.get(f"/me/{token}{ending}") for token in ("unknown", gone, revoked, "x" * 3000, "%00", "é")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert "pseudonym" not in answers[0].text


def test_without_books_a_link_opens_nothing_and_makes_nothing(tmp_path: Path) -> None:
    with TestClient(build_app(tmp_path / "none"), base_url="http://127.0.0.1") as client:
        assert client.get("/me/token").status_code == 404
        assert client.post("/me/token/rating", data={"cycle": "c"}).status_code == 404
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("what", ["correction", "rating", "credit", "forget"])
def test_a_form_without_a_link_is_refused(own: Own, what: str) -> None:
    assert own.client.post(f"/me/unknown/{what}", data={"entry": "x"}).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_form_that_another_page_sends_is_refused(own: Own, headers: dict[str, str]) -> None:
    path = f"/me/{own.token}/credit"
    answer = own.client.post(path, data={"model": MODEL, "name": "Mallory", "act": "give"}, headers=headers)
    assert answer.status_code == 403
    assert Credits(open_engine(own.state / DATABASE)).of(ME) == {}


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin", "Origin": "null"}, {"Origin": "http://127.0.0.1"}, {}]
)
def test_a_form_of_the_page_itself_is_taken(own: Own, headers: dict[str, str]) -> None:
    path = f"/me/{own.token}/credit"
    answer = own.client.post(path, data={"model": MODEL, "name": "Ada", "act": "give"}, headers=headers)
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"reason=" + b"x" * LARGEST_FORM, "application/x-www-form-urlencoded"),
        (b"reason=%ff%fe", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(50)), "application/x-www-form-urlencoded"),
        (b'{"reason": "x"}', "application/json"),
        (b"", ""),
    ],
)
def test_a_form_that_is_none_is_refused_and_nothing_is_kept(own: Own, body: bytes, kind: str) -> None:
    answer = own.client.post(f"/me/{own.token}/correction", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert "Traceback" not in answer.text
    assert own.get(".json").json()["correction_requests"] == []


def test_a_zero_character_reaches_no_database(own: Own) -> None:
    """PostgreSQL would answer it with an error of its own."""
    answer = own.send("correction", entry="given:\0", minutes="1", reason="x")
    assert (answer.status_code, "zero character" in answer.text) == (400, True)
    assert own.get("?correct=%00").status_code == 200


# --- what a person can do --------------------------------------------------------------------------------------------


def test_a_correction_is_asked_for_and_its_decision_is_shown(own: Own) -> None:
    name = entry(own)
    assert "Say how long it took" in own.get(f"?correct={name}").text
    sent = own.send("correction", entry=name, minutes="1", seconds="30,5", reason="I was <b>interrupted</b>")
    assert sent.status_code == 303
    page = visible(own.client.get(sent.headers["location"]).text)
    assert "Your request is on record." in page
    assert "took 1 min 30 s waiting for a decision" in page
    assert "I was &lt;b&gt;interrupted&lt;/b&gt;" in page
    corrections = Corrections(open_engine(own.state / DATABASE))
    assert corrections.of(ME)[0].seconds == Decimal("90.5")
    corrections.decide(1, accepted=False, by="Grace", reason="the clock was right", at=NOW)
    page = visible(own.get().text)
    assert "refused" in page
    assert "Grace, 2 Mar 2020, 00:00: the clock was right" in page


def test_an_accepted_correction_is_shown_beside_what_was_recorded_first(own: Own) -> None:
    work = own.get(".json").json()["work"]
    name = next(one["entry"] for one in work if one["version"] == "2" and not one["not_used"])
    own.send("correction", entry=name, minutes="5", reason="a long one")
    corrections = Corrections(open_engine(own.state / DATABASE))
    corrections.decide(1, accepted=True, by="Grace", reason="yes", at=NOW)
    _, ledger = books(own.state)
    corrections.book_accepted(ledger)
    after = next(one for one in own.get(".json").json()["work"] if one["entry"] == name)
    assert (after["seconds_low"], after["provenance"], after["corrected"]) == ("300", "declared", True)
    page = visible(own.get().text)
    assert "accepted, and booked" in page
    assert "recorded first:" in page
    assert "declared, not measured, rule" in page
    assert "as you said, and as it was accepted." in page


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"minutes": "", "seconds": "", "reason": "why"}, "The time is missing."),
        ({"minutes": "x", "reason": "why"}, "is no time."),
        ({"minutes": "-5", "reason": "why"}, "is no time."),
        ({"minutes": "1e99", "reason": "why"}, "is no time."),
        ({"minutes": "99999", "reason": "why"}, "cannot be the time of one entry"),
        ({"minutes": "1", "reason": " "}, "The reason is missing."),
    ],
)
def test_a_request_that_says_too_little_is_explained_and_keeps_what_was_written(
    own: Own, fields: dict[str, str], found: str
) -> None:
    answer = own.send("correction", entry=entry(own), **fields)
    assert answer.status_code == 400
    assert found in visible(answer.text)
    assert f'value="{fields["minutes"]}"' in answer.text
    assert own.get(".json").json()["correction_requests"] == []


def test_somebody_elses_work_cannot_be_asked_about_or_looked_at(own: Own) -> None:
    _, ledger = books(own.state)
    foreign = next(e.source_id for e in ledger.entries() if e.person == f"annotator:{OTHER}")
    assert "Say how long it took" not in own.get(f"?correct={foreign}").text
    assert own.send("correction", entry=foreign, minutes="1", reason="why").status_code == 400


def test_a_cycle_is_rated_and_the_rating_changed(own: Own) -> None:
    assert own.send("rating", cycle=CYCLE, clarity="4", pay="1", load="3", comment="more breaks").status_code == 303
    assert own.send("rating", cycle=CYCLE, clarity="5", pay="1", load="3").status_code == 303
    found = Ratings(open_engine(own.state / DATABASE)).of(ME)
    assert [(one.clarity, one.pay, one.load, one.comment, one.model) for one in found] == [(5, 1, 3, None, MODEL)]
    assert 'name="clarity" value="5" required checked' in own.get().text


@pytest.mark.parametrize(
    "fields", [{"cycle": CYCLE, "clarity": "6", "pay": "1", "load": "1"}, {"cycle": CYCLE}, {"cycle": "another"}]
)
def test_a_rating_that_is_none_is_explained(own: Own, fields: dict[str, str]) -> None:
    assert own.send("rating", **fields).status_code == 400
    assert Ratings(open_engine(own.state / DATABASE)).of(ME) == []


def test_a_name_is_given_and_withdrawn(own: Own) -> None:
    credits_ = Credits(open_engine(own.state / DATABASE))
    assert "Name me no longer" not in own.get().text
    own.send("credit", model=MODEL, name='Ada "<i>', act="give")
    assert credits_.names(MODEL, [ME]) == ['Ada "<i>']
    assert "Ada &#34;&lt;i&gt;" in own.get().text
    own.send("credit", model=MODEL, act="withdraw")
    assert credits_.names(MODEL, [ME]) == []
    assert own.send("credit", model="another", name="Ada", act="give").status_code == 400
    assert own.send("credit", model=MODEL, name=" ", act="give").status_code == 400


def test_who_has_not_worked_yet_sees_that_in_words(own: Own) -> None:
    token = own.links.issue("newcomer", by="Grace", at=NOW, expires=NOW + timedelta(days=1))
    text = visible(own.client.get(f"/me/{token}").text)
    assert "No work of yours is in the books yet." in text
    assert "Nobody has asked you yet." in text
    assert own.client.get(f"/me/{token}.csv").text.count("\n") == 1
