"""What people are shown in Label Studio, before and while they label."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from connectors.annotation import _briefing, _page
from kempelen.records import Briefing, Queue


def choices(briefing: Briefing) -> list[dict[str, str]]:
    page = ET.fromstring(_page.label_config(briefing))  # noqa: S314 - our own document
    return [choice.attrib for choice in page.iter("Choice")]


def test_labels_are_shown_in_words_and_stored_as_they_are(briefing: Briefing) -> None:
    assert choices(briefing)[0] == {"value": "food and drink", "alias": "food_and_drink", "hotkey": "1"}


def test_labels_that_read_the_same_in_words_are_shown_as_they_are(briefing: Briefing) -> None:
    shown = [choice["value"] for choice in choices(replace(briefing, labels=("small talk", "small_talk", "news")))]
    assert shown == ["small talk", "small_talk", "news"]


def test_any_label_survives_the_page(briefing: Briefing) -> None:
    labels = ("a\"b'c", "<b>", "x & y", "ü", "$query", "food, drink")
    assert tuple(choice["alias"] for choice in choices(replace(briefing, labels=labels))) == labels


def test_the_first_ten_labels_have_a_key(briefing: Briefing) -> None:
    found = choices(replace(briefing, labels=tuple(f"label {number}" for number in range(12))))
    assert [choice.get("hotkey") for choice in found] == [*"1234567890", None, None]


def test_the_instruction_says_who_asks_for_what_what_is_recorded_and_that_skipping_is_fine(briefing: Briefing) -> None:
    told = _briefing.instruction(briefing)
    for part in (briefing.asker, briefing.model, briefing.use, "You may skip", "Your time is recorded", "2 people"):
        assert part in told
    assert "Jane &lt;jane@example.org&gt;" in told


def test_nothing_from_the_settings_is_html(briefing: Briefing) -> None:
    told = _briefing.instruction(replace(briefing, asker="<script>x</script>", use="<img src=x>", title="<h1>"))
    assert not any(tag in told for tag in ("<script", "<img", "<h1"))


def test_a_title_has_the_length_that_label_studio_takes(briefing: Briefing) -> None:
    for title in ("", "x", "A title  with\nlines", "long " * 30):
        assert 3 <= len(_briefing.title(title, "c")) <= 50
        assert 3 <= len(_briefing.closed(title, "")["title"]) <= 50
    assert _briefing.title(briefing.title) == "Search queries, 21 January 2020"
    closed = _briefing.closed(briefing.title, "")["title"]
    assert closed == "Closed: Search queries, 21 January 2020" == _briefing.closed(closed, "")["title"]


def test_the_key_stands_alone_in_the_first_line_of_the_description(briefing: Briefing) -> None:
    first, *rest = _briefing.told(briefing)["description"].split("\n")
    assert first == f"kempelen-cycle: {briefing.cycle_id}"
    assert rest


@pytest.mark.parametrize("queue", Queue)
def test_a_project_is_known_by_its_key_also_after_it_was_archived(briefing: Briefing, queue: Queue) -> None:
    description = _briefing.told(replace(briefing, queue=queue))["description"]
    archived = _briefing.archived(_briefing.archived(description, "old.json.gz"), "new.json.gz")
    assert _briefing.queue_of(archived, briefing.cycle_id) is queue
    assert archived.split("\n")[-1] == "kempelen-archived: new.json.gz"
    assert "old" not in archived
    assert _briefing.queue_of(description, f"{briefing.cycle_id}-b") is None
    assert _briefing.queue_of(None, briefing.cycle_id) is None


def test_instruction_and_footer_tell_the_terms(briefing: Briefing) -> None:
    told, below = _briefing.instruction(briefing), " ".join(_page.footer(briefing))
    for part in (briefing.pay, briefing.data_handling, "violence, self harm", "answer is known", "after 25 minutes"):
        assert part in told
        assert part in below
    for part in (briefing.asker, briefing.model, briefing.use, briefing.contact):
        assert part in below


def test_experts_are_told_why_they_are_asked_and_of_no_guess(briefing: Briefing) -> None:
    asked = replace(briefing, queue=Queue.EXPERTS)
    told, page = _briefing.instruction(asked), _page.label_config(asked)
    assert "What you choose decides" in told
    assert "chosen already" not in told
    assert "Others could not settle it." in page
    assert "Others could not settle it." not in _page.label_config(briefing)
    assert "Asked of experts, who decide, by The search team of Example Ltd" in _page.footer(asked)[0]


def test_what_there_is_not_is_not_told(briefing: Briefing) -> None:
    bare = replace(briefing, pay="", data_handling=" ", hazards=(), known_answers=False, use="")
    assert [heading for heading, _ in _page.terms(bare)] == ["Take your time"]
    assert len(_page.footer(bare)) == 2


@pytest.mark.parametrize("queue", Queue)
def test_nothing_that_people_read_hurries_or_ranks_them(briefing: Briefing, queue: Queue) -> None:
    asked = replace(briefing, queue=queue)
    told = (_briefing.instruction(asked) + _page.label_config(asked)).lower()
    for word in ("leaderboard", "rank", "fast", "quick", "speed", "best annotator", "score", "accura", "target"):
        assert word not in told


def test_an_amount_of_money_is_not_taken_for_a_field_of_the_item(briefing: Briefing) -> None:
    page = ET.fromstring(_page.label_config(briefing))  # noqa: S314 - our own document
    shown = [header.attrib["value"] for header in page.iter("Header")]
    assert [value for value in shown if re.search(r"\$\w", value)] == ["$note"]
    assert any("An hour is paid $\u206018.50." in value for value in shown)
