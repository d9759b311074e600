"""Every form of the card says the same: JSON by its schema, Markdown that fits, a page and a badge that stand alone."""

import dataclasses
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ledger import card
from ledger.card import CardContent, Terms, as_json, as_markdown, figures
from ledger.card.content import Line, Seconds
from ledger.card.words import short
from ledger.labour import Amounts

CardOf = Callable[..., CardContent]
SCHEMA = Draft202012Validator(card.schema())


def invalid(document: dict[str, Any]) -> list[str]:
    return [f"{list(error.absolute_path)}: {error.message}" for error in SCHEMA.iter_errors(document)]


def test_the_card_as_people_read_it(everything: CardContent) -> None:
    assert as_markdown.markdown(everything).splitlines() == [
        "# Human labour behind intents, version 2",
        "",
        (
            "**Human effort: 1 h 18 min to 1 h 30 min, and effort of unknown length** (direct and inherited), by 3 or "
            "more people. 89.2 % direct preparation, 5.0 % inherited preparation, 3.4 % direct verification, 1.3 % "
            "direct feedback, 1.1 % direct impersonation. Time was bounded by declared/1, lead-time/1."
        ),
        "",
        "| what for | share | figures are | quantity | effort |",
        "|---|---|---|---|---|",
        "| preparation | direct | measured | 3 annotations | 1 h 12 min to 1 h 20 min |",
        "| verification | direct | measured | 3 annotations | 1 min 30 s to 3 min 3 s |",
        "| impersonation | direct | measured | 3 annotations | 1 min |",
        "| preparation | inherited from 1 | measured | 3 annotations | 3 min to 4 min 30 s |",
        "| feedback (unpaid) | direct | declared (search page) | 7 corrections | 35 s to 1 min 10 s |",
        "| feedback (unpaid) | direct | unknown (search page) | 2 corrections | unknown |",
        (
            "| preparation | inherited from 1 | declared (CLINC150) | 15,000 labels "
            "| unknown: who made these labels, and how long it took, is unknown |"
        ),
        "",
        "## Given and not used",
        "",
        "| reason | what for | figures are | quantity | effort |",
        "|---|---|---|---|---|",
        "| skipped | preparation | measured | 3 annotations | 9 s to 12 s |",
        "",
        "## Simulated effort (not human work)",
        "",
        "No person gave this; it is in none of the figures above.",
        "",
        "| what for | share | quantity | effort |",
        "|---|---|---|---|",
        "| preparation | direct | 2 annotations | 2 min 30 s to 6 min 40 s |",
        "| preparation | not used: no consensus | 1 annotation | 5 s |",
        "",
        "Cost: 19.28 to 21.77 EUR.",
        "",
        "## On what terms people were asked",
        "",
        "- Who asked: the search team of Example Ltd",
        "- What the model is for: choosing which results stand on top",
        "- Whom annotators could turn to: Jane &lt;jane@example.org>",
        "- Pay that was promised: 18 EUR an hour",
        "- What becomes of their data: Your answers are kept under a pseudonym.",
        "- What might distress: violence",
        "- How people were protected: at most 20 such items a day for one person",
        "",
        "Annotators rated the asking: clarity 4.0, pay 3.7, load 3.0 (means of 3 ratings from 1, poor, to 5, good).",
        "",
        "By people who want to be named: Ada Lovelace.",
        "",
        "## What is not known",
        "",
        "- how long 2 corrections took: feedback (unpaid), direct, unknown (search page)",
        "- how long 15,000 labels took: preparation, inherited from 1, declared (CLINC150)",
        "- how exact declared figures are: nobody measured them here",
        (
            "- not stated: how pay was chosen, instructions, how people were prepared, what a trial showed, how people "
            "were found, whose perspectives were sought, where people worked"
        ),
        "",
        "Digest of the entries behind this card (SHA-256): `not issued yet`",
    ]


def test_tags_and_metrics_say_the_same_and_unknown_is_no_number(everything: CardContent) -> None:
    told = figures.tags(everything)
    assert told["labour.human_low_s"] == "4685.0"
    assert told["labour.human_annotators"] == "3 or more"
    assert told["labour.cost"] == "19.28 to 21.77 EUR"
    numbers = card.metrics(everything)
    assert all(isinstance(number, float) for number in numbers.values())
    assert {name: float(told[name]) for name in numbers if name.endswith("_s")} == {
        name: number for name, number in numbers.items() if name.endswith("_s")
    }
    assert (numbers["labour.human_unknown"], numbers["labour.human_held_back"]) == (1, 0)
    assert (numbers["labour.cost_EUR_low"], numbers["labour.cost_EUR_high"]) == (19.28, 21.77)


def test_labels_of_unknown_people_make_no_metric_of_human_seconds(books: Any, card_of: CardOf) -> None:
    books.opening()
    labels = card_of(books, "1")
    assert figures.tags(labels)["labour.human_high_s"] == "unknown"
    assert figures.tags(labels)["labour.human_annotators"] == "0"
    assert figures.tags(labels)["labour.cost"] == "unknown: no pay contract is on record"
    assert "labour.human_low_s" not in card.metrics(labels)
    assert card.metrics(labels)["labour.human_unknown"] == 1


def test_what_is_held_back_has_no_figure_in_any_form(books: Any, card_of: CardOf) -> None:
    books.answer("ada", "1234", "4321")
    held = card_of(books)
    forms = [
        as_markdown.markdown(held), card.html(held), card.badge(held), card.text(held), json.dumps(card.metrics(held)),
        json.dumps(figures.tags(held)),
    ]  # fmt: skip
    for form in forms:
        assert not re.search(r"1234|4321|20 min|1 h 12|annotations\W+1\b|1 annotation", form)
    assert figures.tags(held)["labour.human_low_s"] == "held back"
    assert figures.tags(held)["labour.human_annotations"] == "held back"
    assert "labour.human_annotations" not in card.metrics(held)
    assert "held back, because fewer than 3 people stand behind it: preparation, direct, measured" in forms[0]
    assert ">held back</text>" in forms[2]


def test_simulated_effort_alone_claims_no_human_second_in_any_form(books: Any, card_of: CardOf) -> None:
    books.answer("robot", "100", "200", simulated=True)
    books.answer("robot", "5", "5", simulated=True, unused="no_consensus")
    robots = card_of(books)
    before, _, after = as_markdown.markdown(robots).partition("## Simulated effort (not human work)")
    assert "**Human effort: 0 s** (direct and inherited), by nobody known by name." in before
    assert "imulated" not in before
    assert "| preparation | direct | 1 annotation | 1 min 40 s to 3 min 20 s |" in after
    assert (figures.tags(robots)["labour.human_high_s"], card.metrics(robots)["labour.human_high_s"]) == ("0.0", 0)
    assert ">none, simulated only</text>" in card.badge(robots)
    document = as_json.document(robots)
    assert (document["effort"], document["unused"], len(document["simulated"]["effort"])) == ([], [], 1)


# ---------------------------------------------------------------- JSON


def test_every_card_is_as_the_schema_has_it(everything: CardContent, books: Any, card_of: CardOf) -> None:
    Draft202012Validator.check_schema(card.schema())
    cards = [everything, card_of(books, "1"), card_of(books, "3"), card_of(books, "2", k=4, terms=Terms())]
    for content in cards:
        assert invalid(json.loads(card.text(content))) == []
    assert json.loads(card.text(everything)) == as_json.document(everything)


def test_the_document_holds_every_line_and_sum(everything: CardContent) -> None:
    document = as_json.document(everything)
    assert document["card"] == card.FORMAT == "kempelen-labour-card/2"
    assert document["totals"]["human"] == {
        "low_s": 4685.0, "high_s": 5382.0, "unknown": True, "held_back": False, "annotations": 12,
    }  # fmt: skip
    assert document["effort"][0] == {
        "shares": ["direct"], "kinds": ["preparation"], "provenances": ["measured"], "low_s": 4320.0, "high_s": 4799.0,
        "annotations": 3, "charged_to": ["2"],
    }  # fmt: skip
    assert [line["events"] for line in document["effort"] if line.get("unpaid")] == [7, 2]
    assert sum(part["tenths_of_percent"] for part in document["parts"]) == 1000
    assert document["people"] == {"min_people": 3, "at_least": 3, "held_back": []}
    assert document["ratings"] == {"ratings": 3, "clarity": 4.0, "pay": 3.67, "load": 3.0}


def test_a_name_that_may_be_withdrawn_is_not_in_what_stays_for_ever(everything: CardContent) -> None:
    assert "Lovelace" not in card.text(everything)


@pytest.mark.parametrize(
    ("path", "value", "wrong"),
    [
        (("effort", 0, "provenances"), ["simulated"], "simulated effort among human effort"),
        (("simulated", "effort", 0, "provenances"), ["measured"], "human effort among simulated"),
        (("effort", 0, "low_s"), -1, "less than nothing"),
        (("effort", 0, "kinds"), [], "effort for nothing"),
        (("effort", 0, "reasons"), ["skipped"], "waste among what was used"),
        (("effort", 0, "unpaid"), True, "an annotator called unpaid"),
        (("effort", 0, "people"), 1, "a number of people"),
        (("people", "min_people"), 1, "no protection"),
        (("digest",), "abc", "no digest"),
        (("credits",), ["Ada"], "a name"),
        (("card",), "kempelen-labour-card/1", "another format"),
        (("costs", 0, "total", "low"), "12,50", "no number"),
    ],
)
def test_the_schema_refuses(everything: CardContent, path: tuple[Any, ...], value: object, wrong: str) -> None:
    document = as_json.document(everything)
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert invalid(document), wrong


def test_the_schema_wants_feedback_to_be_called_unpaid(everything: CardContent) -> None:
    document = as_json.document(everything)
    next(line for line in document["effort"] if line["kinds"] == ["feedback"]).pop("unpaid")
    assert invalid(document)


# ---------------------------------------------------------------- Markdown


def test_markup_in_a_name_stays_text(books: Any, card_of: CardOf) -> None:
    books.opening("<script>alert(1)</script> | a & b ![x](http://e)")
    written = as_markdown.markdown(card_of(books, "1"))
    assert "(&lt;script>alert(1)&lt;/script> \\| a &amp; b !\\[x\\](http://e)) |" in written


@pytest.mark.parametrize("sources", [21, 400])
def test_a_card_with_many_lines_fits_the_registry_and_says_how_many_it_leaves_out(
    books: Any, card_of: CardOf, sources: int
) -> None:
    for n in range(sources):
        books.opening(f"{n:03} " + "<&|" * 60, 1, note="<" * 300)
    written = as_markdown.markdown(card_of(books, "1"))
    assert len(written) < card.LONGEST_MARKDOWN
    shown = written.count("| declared (")
    assert shown >= 1
    assert f"And {sources - shown} lines more in the card's JSON document." in written


def test_the_longest_card_of_the_widest_names_still_fits(everything: CardContent) -> None:
    def widened(lines: tuple[Line, ...]) -> tuple[Line, ...]:
        return tuple(dataclasses.replace(line, note="<" * 500, sources=("&" * 500,)) for line in lines) * 20

    wide = dataclasses.replace(
        everything,
        model="<" * 500,
        version="&" * 500,
        effort=widened(everything.effort),
        unused=widened(everything.unused),
        undivided=widened(tuple(dataclasses.replace(line, reasons=("", "skipped")) for line in everything.unused)),
        simulated=widened(everything.simulated),
        credits=("[" * 500,) * 50,
        costs=everything.costs * 50,
        policies=("*" * 500,) * 50,
        held_back=("|" * 500,) * 50,
        terms=Terms(**dict.fromkeys(everything.terms.said(), "`" * 5000)),
    )
    assert len(as_markdown.markdown(wide)) < card.LONGEST_MARKDOWN
    assert invalid(as_json.document(wide)) == []


# ---------------------------------------------------------------- page and badge


def test_the_page_says_all_that_the_markdown_says(everything: CardContent) -> None:
    page = " ".join(unescape(re.sub("<[^>]+>", " ", card.html(everything).partition("</style>")[2])).split())
    for row in re.findall(r"^\| (.*) \|$", as_markdown.markdown(everything), re.MULTILINE):
        for cell in row.split(" | "):
            assert unescape(cell) in page or cell == "reason"
    for text in (*everything.terms.said().values(), "Ada Lovelace", "19.28 to 21.77 EUR", "89.2 %"):
        assert text in page


def test_the_page_has_no_script_and_names_no_other_place(everything: CardContent) -> None:
    page = card.html(dataclasses.replace(everything, model='</title><script>alert("1")</script>'))
    assert "<script" not in page
    assert re.findall(r"""(?:src|href)\s*=\s*["']?([^"'> ]*)""", page) == ["data:,"]
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_a_bar_is_as_long_as_the_high_bound(everything: CardContent) -> None:
    widths = [float(width) for width in re.findall(r'class="segment[^>]* width="([\d.]+)"', card.html(everything))]
    certain = [
        float(w)
        for w in re.findall(r'class="segment k-\w+(?: inherited)?" [^>]* width="([\d.]+)"', card.html(everything))
    ]
    assert sum(widths) == pytest.approx(1000, abs=0.005 * len(widths))
    assert sum(certain) == pytest.approx(1000 * 4685 / 5382, abs=0.005 * len(certain))


def test_the_badge_is_an_image_with_a_name(everything: CardContent) -> None:
    image = ET.fromstring(card.badge(everything))  # noqa: S314 - our own image
    spoken = "Human labour behind intents, version 2: 1 h 18 min \u2013 1 h 30 min + unknown"
    assert (image.get("role"), image.get("aria-label")) == ("img", spoken)
    assert [text.text for text in image.iter("{http://www.w3.org/2000/svg}text")] == [
        "human labour", "1 h 18 min \u2013 1 h 30 min + unknown",
    ]  # fmt: skip
    assert "http" not in card.badge(everything).replace('xmlns="http://www.w3.org/2000/svg"', "")


def seconds(low: str | None, high: str | None, *, unknown: bool = False, held_back: bool = False) -> Seconds:
    bounds = (None if bound is None else Decimal(bound) for bound in (low, high))
    return Seconds(low_s=next(bounds), high_s=next(bounds), unknown=unknown, held_back=held_back)


@pytest.mark.parametrize(
    ("sum_", "simulated", "said"),
    [
        (seconds("4320", "4799"), False, "1 h 12 min \u2013 1 h 20 min"),
        (seconds("60", "60"), False, "1 min"),
        (seconds("0", "0"), False, "none on record"),
        (seconds("0", "0"), True, "none, simulated only"),
        (seconds("60", "60"), True, "1 min"),
        (seconds(None, None, unknown=True), True, "unknown"),
        (seconds(None, None, held_back=True), False, "held back"),
        (seconds("60", "60", held_back=True), False, "1 min + held back"),
        (seconds("0", "0", unknown=True), False, "unknown"),
    ],
)
def test_a_badge_never_calls_what_is_missing_nothing(sum_: Seconds, simulated: bool, said: str) -> None:  # noqa: FBT001 - parametrised
    assert short(sum_, simulated=simulated) == said


def test_amounts_of_zero_are_said(everything: CardContent) -> None:
    nothing = Amounts(annotations=1, labels=0, low_s=Decimal(0), high_s=Decimal(0))
    line = dataclasses.replace(everything.effort[0], amounts=nothing)
    quick = dataclasses.replace(everything, effort=(line,))
    assert quick.parts() == {}
    assert "| 1 annotation | 0 s |" in as_markdown.markdown(quick)
    assert 'class="bar"' not in card.html(quick)
