"""An issued card can be checked against the books, whatever is booked later; what was tampered with is named."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from ledger import card
from ledger.card import compare_copy, verify_cards
from ledger.cards import Card
from ledger.people.privacy import publishable
from ledger.people.releases import cells
from ledger.store import Ledger

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)
LINEAGE = {"1": [], "2": ["1"]}


@pytest.fixture
def issue(ledger: Ledger, engine: Engine) -> Callable[[str], Card]:
    def make(version: str) -> Card:
        publication = publishable(cells(card.parts(engine, "intents")), 3)
        issued, _ = ledger.issue_card(
            "intents", version, LINEAGE, at=NOON,
            document=lambda labour: card.text(card.card_of(labour, publication, earlier=LINEAGE[version])),
        )  # fmt: skip
        return issued

    return make


@pytest.fixture
def issued(books: Any, ledger: Ledger, issue: Callable[[str], Card]) -> Card:
    books.opening()
    for who in ("ada", "ben", "cy"):
        books.answer(who, "10", "11")
        books.answer(who, "10", "11", version="1")
    ledger.book(books.entries)
    return issue("2")


def tampered(engine: Engine, statement: str) -> None:
    """As somebody would who can write to the file, past the triggers that refuse it."""
    with engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
        for name in names:
            connection.execute(text(f'DROP TRIGGER "{name}"'))
        connection.execute(text(statement))
        connection.commit()


def test_a_card_holds_after_later_entries_and_a_newer_card(
    books: Any, ledger: Ledger, issued: Card, issue: Callable[[str], Card]
) -> None:
    assert json.loads(issued.document)["digest"] == issued.digest
    books.answer("dee", "10", "11")
    ledger.book(books.entries)
    newer = issue("2")
    assert newer.digest != issued.digest
    assert [one.sequence for one in ledger.cards("intents")] == [1, 2]
    assert verify_cards(ledger) == []


def test_a_changed_entry_of_an_inherited_version_is_found(engine: Engine, ledger: Ledger, issued: Card) -> None:
    tampered(
        engine,
        "UPDATE ledger_entries SET fingerprint = zeroblob(32) WHERE version = '1' AND kind = 'preparation' AND id > 1",
    )
    (problem,) = verify_cards(ledger, "intents", "2")
    assert problem.subject == "card 1 of intents/2"
    assert problem.message.startswith(f"Its digest is {issued.digest}, and that of the entries behind it is ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('document = replace(document, \'"version": "2"\', \'"version": "9"\')', "Its document says version = '9'."),
        ("document = replace(document, 'kempelen-labour-card', 'a-card')", "Its document is no labour card."),
        ("document = substr(document, 1, 100)", "Its document is no labour card."),
        ("document = '[]'", "Its document is no labour card."),
        (
            "document = replace(document, '\"high_s\": 66.0', '\"high_s\": 6.0')",
            "In its document totals.human.high_s: not the sum of the lines.",
        ),
    ],
)
def test_a_changed_document_is_found(engine: Engine, ledger: Ledger, issued: Card, change: str, said: str) -> None:
    assert issued.sequence == 1
    tampered(engine, f"UPDATE ledger_cards SET {change}")  # noqa: S608 - the test's own words
    assert [problem.message for problem in verify_cards(ledger)] == [said]


def test_a_copy_is_compared_by_what_it_says_and_not_by_its_blanks(issued: Card) -> None:
    copy = json.dumps(json.loads(issued.document))
    assert compare_copy(issued, document=copy, tag=issued.digest) == []
    assert compare_copy(issued, document=issued.document, tag=issued.digest) == []


def test_a_copy_that_says_otherwise_is_named(issued: Card) -> None:
    other = issued.document.replace('"high_s": 33.0', '"high_s": 3.0')
    assert other != issued.document
    messages = [problem.message for problem in compare_copy(issued, document=other, tag=None)]
    assert messages == ["In the registry its document is another.", "In the registry its tag labour.digest is missing."]
    assert len(compare_copy(issued, document=None, tag="0" * 64)) == 2


def test_nothing_is_wrong_where_no_card_was_issued(ledger: Ledger) -> None:
    assert verify_cards(ledger) == []
