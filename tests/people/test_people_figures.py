"""What may be published of the books: every person in their cells, and only what rests on enough of them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Engine

from kempelen.records import DeclaredWork, Effort, Kind, Provenance
from ledger import accounts, posting_rules
from ledger.entries import Entry
from ledger.people.corrections import Corrections
from ledger.people.figures import About, about, is_inherited, is_of, parts_of
from ledger.people.releases import Releases
from ledger.store import Ledger
from ledger.units import Unit

Maker = Callable[..., Entry]


def charged(ledger: Ledger, given: Maker, assigned: Maker, who: str, number: int, **more: str) -> Entry:
    """One answer of 10 s, charged to a version."""
    one = given(f"ls/{number}", who)
    ledger.book([one, assigned(one, **more)])
    return one


def test_the_parts_of_a_model_are_all_of_its_effort_by_person(
    ledger: Ledger, engine: Engine, given: Maker, assigned: Maker
) -> None:
    for number, who in enumerate(("ada", "ada", "ben")):
        charged(ledger, given, assigned, who, number)
    charged(ledger, given, assigned, "ben", 9, unused="skipped")
    parts = {
        (about(part.key).end, part.person): (part.high_s, part.annotations) for part in parts_of(engine, "intents")
    }
    assert parts == {
        ("used", "ada"): (Decimal(20), 2),
        ("used", "ben"): (Decimal(10), 1),
        ("skipped", "ben"): (Decimal(10), 1),
    }
    key = parts_of(engine, "intents")[0].key
    assert key[:3] == ("2", "c1", "preparation")
    assert parts_of(engine, "another") == []


def test_a_person_in_two_roles_is_one_and_behind_users_and_simulated_answers_is_nobody(
    ledger: Ledger, engine: Engine, given: Maker, assigned: Maker, noon: datetime
) -> None:
    charged(ledger, given, assigned, "ada", 1)
    effort = Effort(low_s=Decimal(60), high_s=Decimal(60), policy="stated/1")
    at_work = {"model": "intents", "version": "2", "at": noon, "worked_at": noon}
    ledger.book(
        [
            posting_rules.reviewed(
                source_id="r",
                pseudonym="ada",
                effort=effort,
                provenance=Provenance.DECLARED,
                what="approved",
                **at_work,
            ),
            posting_rules.feedback_given(source_id="f", source="app", events=1, effort=effort, **at_work),
            posting_rules.answer_served(
                source_id="s", pseudonym="bot", effort=effort, item_id="i", simulated=True, **at_work
            ),
        ]
    )
    people = {(about(part.key).kind, part.person) for part in parts_of(engine, "intents")}
    assert people == {
        ("preparation", "ada"),
        ("verification", "ada"),
        ("feedback", None),
        ("impersonation", None),
    }


def test_money_is_no_part_of_it(ledger: Ledger, engine: Engine, noon: datetime) -> None:
    work = DeclaredWork(
        source="toloka", source_id="1", annotator="w", item="q", label="a", submitted_at=noon, effort=None,
        accepted=True, reward=Decimal("0.05"), currency="USD",
    )  # fmt: skip
    of = {"kind": Kind.PREPARATION, "model": "intents", "version": "2", "at": noon}
    ledger.book([posting_rules.declared_work(work, pseudonym="w", item_id="i", **of)])
    ledger.book(posting_rules.rewards(work, pseudonym="w", payer="us", **of))
    assert [(part.high_s, part.annotations) for part in parts_of(engine, "intents")] == [(None, 1)]


def test_two_peoples_version_is_held_back_until_a_third_has_added_to_it(
    ledger: Ledger, engine: Engine, given: Maker, assigned: Maker, noon: datetime
) -> None:
    releases = Releases(engine)
    for number, who in enumerate(("ada", "ben")):
        charged(ledger, given, assigned, who, number)
    assert releases.advance("intents", parts_of(engine, "intents"), 3, at=noon).sets == ()
    charged(ledger, given, assigned, "cy", 7)
    shown = releases.advance("intents", parts_of(engine, "intents"), 3, at=noon)
    lines = shown.lines(lambda key: is_of(key, "2"), lambda key: (about(key).kind, about(key).end))
    assert [(line.keys, line.high_s, line.annotations) for line in lines] == [
        ((("preparation", "used"),), Decimal(30), 3)
    ]


def test_one_persons_accepted_correction_waits_and_their_own_page_does_not(
    ledger: Ledger, engine: Engine, given: Maker, assigned: Maker, noon: datetime
) -> None:
    releases, corrections = Releases(engine), Corrections(engine)
    for number, who in enumerate(("ada", "ben", "cy")):
        charged(ledger, given, assigned, who, number)
    before = releases.advance("intents", parts_of(engine, "intents"), 3, at=noon)
    request = corrections.ask("ada", "given:ls/0", Decimal(600), "interrupted", at=noon)
    corrections.decide(request.number, accepted=True, by="Grace", reason="yes", at=noon)
    corrections.book_accepted(ledger)
    after = releases.advance("intents", parts_of(engine, "intents"), 3, at=noon + timedelta(days=1))
    assert ledger.balance(accounts.model_version("intents", "2"))[Unit.S_HIGH] == 620
    assert after.total(lambda _: True).high_s == before.total(lambda _: True).high_s == 30
    assert not after.total(lambda _: True).complete


def test_only_labels_that_a_model_learned_from_are_inherited() -> None:
    cell = About("2", "c1", "preparation", "used", "measured", "")
    assert is_inherited(cell, {"1", "2"})
    assert is_inherited(cell._replace(end="rejected_challenger"), {"2"})
    assert not is_inherited(cell, {"1"})
    assert not is_inherited(cell._replace(end="skipped"), {"2"})
    assert not is_inherited(cell._replace(kind="verification"), {"2"})
