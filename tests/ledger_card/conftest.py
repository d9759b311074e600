"""Books of one model with people, robots, labels from elsewhere and waste, and the cards of its versions."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kempelen.records import Annotation, DeclaredWork, Effort, Kind, Provenance
from ledger import accounts, card, posting_rules
from ledger.card import CardContent, Terms
from ledger.database import open_engine
from ledger.entries import Entry
from ledger.pay.contracts import Basis, Contract
from ledger.pay.cost import PublicPay
from ledger.people.privacy import publishable
from ledger.people.ratings import Summary
from ledger.people.releases import cells
from ledger.statement import labour
from ledger.store import Ledger

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)
LINEAGE = {"1": [], "2": ["1"], "3": ["1", "2"]}

TERMS = Terms(
    asker="the search team of Example Ltd",
    use="choosing which results stand on top",
    contact="Jane <jane@example.org>",
    pay="18 EUR an hour",
    data_handling="Your answers are kept under a pseudonym.",
    hazards="violence",
    protection="at most 20 such items a day for one person",
)


def effort(low: str, high: str, policy: str = "lead-time/1") -> Effort:
    return Effort(low_s=Decimal(low), high_s=Decimal(high), policy=policy)


class Books:
    """Entries made by the posting rules, each event in one line."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def answer(
        self, who: str, low: str | None, high: str = "0", *, version: str = "2", kind: Kind = Kind.PREPARATION,
        unused: str | None = None, simulated: bool = False,
    ) -> None:  # fmt: skip
        """An answer of a person (or a robot), and where its effort went."""
        given = posting_rules.annotation_given(
            Annotation(
                source_id=f"ls/{len(self.entries)}", item_id="i", annotator=who, label="health", lead_time_s=None,
                started_at=None, submitted_at=NOON, simulated=simulated,
            ),
            pseudonym=who, effort=None if low is None else effort(low, high), kind=kind, cycle="c1", model="intents",
            at=NOON,
        )  # fmt: skip
        to = accounts.unused(unused) if unused else accounts.model_version("intents", version)
        moved = posting_rules.effort_assigned(
            given, to=to, kind=kind, version=version, at=NOON + timedelta(days=1), reason="trained on"
        )
        self.entries += [given, moved]

    def opening(self, source: str = "CLINC150", labels: int = 15_000, **said: str) -> None:
        self.entries.append(
            posting_rules.opening_balance(model="intents", version="1", source=source, labels=labels, at=NOON, **said)
        )

    def review(self, who: str, seconds: str, version: str = "2") -> None:
        self.entries.append(
            posting_rules.reviewed(
                source_id=f"r{len(self.entries)}", pseudonym=who, effort=effort(seconds, seconds, "declared/1"),
                provenance=Provenance.DECLARED, what="looked into an alarm", model="intents", version=version, at=NOON,
                worked_at=NOON,
            )
        )  # fmt: skip

    def served(self, who: str, seconds: str, version: str = "2") -> None:
        self.entries.append(
            posting_rules.answer_served(
                source_id=f"s{len(self.entries)}", pseudonym=who, effort=effort(seconds, seconds), model="intents",
                version=version, item_id="i", at=NOON, worked_at=NOON,
            )
        )  # fmt: skip

    def feedback(self, events: int, low: str | None = None, high: str = "0", version: str = "2") -> None:
        self.entries.append(
            posting_rules.feedback_given(
                source_id=f"f{len(self.entries)}", source="search page", events=events,
                effort=None if low is None else effort(low, high, "declared/1"), model="intents", version=version,
                at=NOON, worked_at=NOON,
            )
        )  # fmt: skip

    def elsewhere(self, who: str, low: str, high: str, version: str = "2") -> None:
        work = DeclaredWork(
            source="mechanical-turk", source_id=f"a{len(self.entries)}", annotator=who, item="i", label="health",
            submitted_at=NOON, effort=effort(low, high, "accept-to-submit/1"), accepted=True,
        )  # fmt: skip
        self.entries.append(
            posting_rules.declared_work(
                work, pseudonym=who, kind=Kind.PREPARATION, model="intents", version=version, item_id="i", at=NOON
            )
        )


def offered(amount: str, *, certain: bool = True) -> PublicPay:
    """An hourly offer to everybody."""
    agreed = Contract(
        person="annotator:*", basis=Basis.HOURLY, amount=Decimal(amount), currency="EUR", region="DE",
        first=NOON.date(), last=None, recorded_at=NOON, recorded_by="Jo",
    )  # fmt: skip
    return PublicPay(offer=agreed, certain=certain)


@pytest.fixture(name="offered")
def offer_maker() -> Callable[..., PublicPay]:
    return offered


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(tmp_path / "kempelen.db")
    yield made
    made.dispose()


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine)


@pytest.fixture(name="card_of")
def card_maker(ledger: Ledger, engine: Engine) -> Callable[..., CardContent]:
    """The card of a version over these books."""

    def make(books: Books, version: str = "2", *, k: int = 3, terms: Terms = TERMS, **more: object) -> CardContent:
        ledger.book(books.entries)
        (found,) = labour(ledger, "intents", LINEAGE, version)
        publication = publishable(cells(card.parts(engine, "intents")), k)
        return card.card_of(found, publication, earlier=LINEAGE[version], terms=terms, **more)  # type: ignore[arg-type]  # each test names what it adds

    return make


@pytest.fixture
def everything(books: Books, card_of: Callable[..., CardContent]) -> CardContent:
    """A card with a line of every sort: three people and more behind each figure, robots apart."""
    books.opening()
    for who, low, high in (("ada", "1440", "1600"), ("ben", "1440", "1600"), ("cy", "1440", "1599")):
        books.answer(who, low, high)
        books.answer(who, "60", "90", version="1")
        books.answer(who, "30", "61", kind=Kind.VERIFICATION)
        books.answer(who, "3", "4", unused="skipped")
        books.served(who, "20")
    books.feedback(7, "35", "70")
    books.feedback(2)
    for low in ("100", "50"):
        books.answer("robot", low, "200", simulated=True)
    books.answer("robot", "5", "5", simulated=True, unused="no_consensus")
    return card_of(
        books, pay=offered("15.50"), ratings=Summary(ratings=3, clarity=4.0, pay=11 / 3, load=3.0),
        credits=["Ada Lovelace"],
    )  # fmt: skip
