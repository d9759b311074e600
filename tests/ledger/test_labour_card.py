"""The labour card says intervals with where they come from, and keeps simulated effort apart."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import pytest

from kempelen.records import Kind
from ledger import posting_rules
from ledger.card import LONGEST_MARKDOWN, document, markdown, tags
from ledger.entries import Entry
from ledger.labour import VersionLabour
from ledger.statement import Books, labour

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)
Make = Callable[..., Entry]
CardOf = Callable[..., VersionLabour]


@pytest.fixture(scope="session")
def card_of(shelf: Callable[[list[Entry]], Books]) -> CardOf:
    """The labour of a version, over books that hold these entries."""

    def make(*booked: Entry, version: str = "2", lineage: Mapping[str, Sequence[str]] | None = None) -> VersionLabour:
        (found,) = labour(shelf(list(booked)), "intents", lineage or {}, version=version)
        return dataclasses.replace(found, digest="d" * 64)

    return make


@pytest.fixture
def mixed(given: Make, assigned: Make, card_of: CardOf) -> VersionLabour:
    people = [given("a", low="4320", high="4799"), given("b", low="30", high="61", who="ben", kind=Kind.VERIFICATION)]
    skip = given("c", low="3", high="4", skipped=True)
    robot = given("d", low="100", high="200", who="robot", simulated=True)
    opening = posting_rules.opening_balance(model="intents", version="1", source="CLINC150", labels=15_000, at=NOON)
    ends = [*(assigned(one) for one in (*people, robot)), assigned(skip, unused="skipped")]
    return card_of(opening, *people, skip, robot, *ends, lineage={"2": ["1"]})


def test_the_card_of_a_version_as_people_read_it(mixed: VersionLabour) -> None:
    assert markdown(mixed).splitlines() == [
        "# Human labour behind intents, version 2",
        "",
        (
            "**Human effort: 1 h 12 min to 1 h 21 min, and effort of unknown length** (direct and inherited). "
            "3 annotations by 2 annotators for this version, skips included."
        ),
        "",
        "| what for | share | figures are | quantity | effort |",
        "|---|---|---|---|---|",
        "| preparation | direct | measured | 1 annotation | 1 h 12 min to 1 h 20 min |",
        "| verification | direct | measured | 1 annotation | 30 s to 1 min 1 s |",
        (
            "| preparation | inherited from 1 | declared (CLINC150) | 15,000 labels "
            "| unknown: who made these labels, and how long it took, is unknown |"
        ),
        "",
        "## Given and not used",
        "",
        "| reason | what for | figures are | quantity | effort |",
        "|---|---|---|---|---|",
        "| skipped | preparation | measured | 1 annotation | 3 s to 4 s |",
        "",
        "## Simulated effort (not human work)",
        "",
        "No person gave this; it is in none of the figures above.",
        "",
        "| what for | share | quantity | effort |",
        "|---|---|---|---|",
        "| preparation | direct | 1 annotation | 1 min 40 s to 3 min 20 s |",
        "",
        "Cost: unknown (no pay contract is on record).",
        "",
        f"Digest of the entries behind this card (SHA-256): `{mixed.digest}`",
    ]


def test_the_tags_of_a_version(mixed: VersionLabour) -> None:
    assert tags(mixed) == {
        "labour.human_low_s": "4350.0",
        "labour.human_high_s": "4860.0",
        "labour.unused_human_low_s": "3.0",
        "labour.unused_human_high_s": "4.0",
        "labour.simulated_low_s": "100.0",
        "labour.simulated_high_s": "200.0",
        "labour.human_unknown": "true",
        "labour.human_annotations": "3",
        "labour.human_annotators": "2",
        "labour.simulated_annotations": "1",
        "labour.simulated_annotators": "1",
        "labour.cost": "unknown",
        "labour.digest": mixed.digest,
    }


def test_the_document_is_the_statement_under_its_format(mixed: VersionLabour) -> None:
    read = json.loads(json.dumps(document(mixed)))
    assert read.pop("card") == "kempelen-labour-card/1"
    assert read == mixed.as_json()


def test_a_version_of_simulated_effort_alone_claims_no_human_second(
    given: Make, assigned: Make, card_of: CardOf
) -> None:
    robot = given("d", low="100", high="200", who="robot", simulated=True)
    wasted = given("e", low="5", high="5", who="robot", simulated=True)
    card = card_of(robot, assigned(robot), wasted, assigned(wasted, unused="no_consensus"))
    before, _, after = markdown(card).partition("## Simulated effort (not human work)")
    assert "**Human effort: 0 s** (direct and inherited). 0 annotations by 0 annotators" in before
    assert "simulated" not in before
    assert "not used: no consensus | 1 annotation | 5 s |" in after
    assert tags(card)["labour.human_high_s"] == "0.0"


def test_declared_labels_alone_make_human_effort_unknown_and_not_zero(card_of: CardOf) -> None:
    opening = posting_rules.opening_balance(model="intents", version="1", source="CLINC150", labels=15_000, at=NOON)
    card = card_of(opening, version="1")
    assert "**Human effort: unknown** (direct and inherited)" in markdown(card)
    assert tags(card)["labour.human_low_s"] == "unknown"
    assert "Simulated" not in markdown(card)


def test_markup_in_a_name_stays_text(card_of: CardOf) -> None:
    source = "<script>alert(1)</script> | a & b"
    opening = posting_rules.opening_balance(model="intents", version="1", source=source, labels=1, at=NOON)
    assert "declared (&lt;script>alert(1)&lt;/script> \\| a &amp; b) | 1 label |" in markdown(
        card_of(opening, version="1")
    )


@pytest.mark.parametrize("sources", [21, 400])
def test_a_card_with_many_lines_fits_the_registry_and_says_how_many_it_leaves_out(
    card_of: CardOf, sources: int
) -> None:
    booked = [
        posting_rules.opening_balance(
            model="intents", version="1", source=f"{n:03} " + "<&|" * 60, labels=1, at=NOON, note="<" * 300
        )
        for n in range(sources)
    ]
    written = markdown(card_of(*booked, version="1"))
    assert len(written) < LONGEST_MARKDOWN
    shown = written.count("| declared (")
    assert shown >= 1
    assert f"And {sources - shown} lines more in the card's JSON document." in written


def test_the_longest_card_of_the_widest_names_still_fits(mixed: VersionLabour) -> None:
    wide = dataclasses.replace(
        mixed,
        model="<" * 500,
        version="&" * 500,
        effort=tuple(dataclasses.replace(line, note="<" * 500, source="&" * 500) for line in mixed.effort) * 20,
        unused=tuple(dataclasses.replace(line, reason="&" * 500) for line in mixed.unused) * 20,
    )
    assert len(markdown(wide)) < LONGEST_MARKDOWN
