"""What people are shown in Label Studio, before and while they label."""

from dataclasses import replace
from xml.etree import ElementTree as ET

from connectors.annotation import _briefing
from kempelen.records import Briefing


def choices(briefing: Briefing) -> list[dict[str, str]]:
    page = ET.fromstring(_briefing.label_config(briefing))  # noqa: S314 - our own document
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
        assert 3 <= len(_briefing.title(replace(briefing, cycle_id="c", title=title))) <= 50
    assert _briefing.title(briefing) == "Search queries, 21 January 2020"


def test_the_key_stands_alone_in_the_first_line_of_the_description(briefing: Briefing) -> None:
    first, *rest = _briefing.description(briefing).split("\n")
    assert first == f"kempelen-cycle: {briefing.cycle_id}"
    assert rest
