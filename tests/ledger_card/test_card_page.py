"""The page about the card names what is there, and nothing that is not."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ledger import card
from ledger.card.terms import TITLES, Terms

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "labour_card.md").read_text(encoding="utf-8")
SCHEMA: dict[str, Any] = card.schema()


def test_every_property_of_the_document_is_described() -> None:
    (table,) = re.findall(r"\| property \| what it says \|\n(.*?)\n\n", PAGE, re.DOTALL)
    named = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == set(SCHEMA["properties"])


def test_every_property_of_a_line_is_described() -> None:
    (sentence,) = re.findall(r"A line has (.*?)\n\n", PAGE, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", sentence)) == set(SCHEMA["$defs"]["line"]["properties"])


@pytest.mark.parametrize("term", [field.name for field in fields(Terms)])
def test_every_term_answers_a_point_that_others_ask_for(term: str) -> None:
    assert term in SCHEMA["$defs"]["term"]["enum"]
    assert term in TITLES
    assert f"`terms.{term}`" in PAGE or term == "asker"  # told to annotators, and asked for by nobody else


def test_the_points_of_others_name_only_what_there_is() -> None:
    asked = PAGE.partition("## What others ask of such a card")[2].partition("## Limits")[0]
    rows = [row.split("|")[2] for row in asked.splitlines() if row.startswith("| ") and "| where |" not in row]
    assert len(rows) == 5 + 20
    known = {*SCHEMA["properties"], *SCHEMA["$defs"]["line"]["properties"], "no_consensus", "withdrawn", "ratings.pay"}
    known |= {f"terms.{term}" for term in SCHEMA["$defs"]["term"]["enum"]}
    for row in rows:
        names = re.findall(r"`([\w.]+)`", row)
        assert set(names) <= known
        assert names or "not covered, because" in row
