"""People answer in the model's place while a client waits; every second of theirs is booked once, for what it was."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cycle.fallback import FallbackQueue
from cycle.human_answers import LAPSED, HumanAnswers
from kempelen.clock import WallClock
from kempelen.errors import BadData, ConnectorUnavailable
from kempelen.plugins import build
from kempelen.records import Kind, Provenance
from kempelen.settings import FallbackSettings, Settings
from ledger.database import open_engine
from ledger.entries import Entry
from ledger.store import Ledger
from ledger.units import Unit

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)


@dataclass
class Hands:
    """A clock that is moved by hand."""

    time: datetime = NOON

    def now(self) -> datetime:
        return self.time

    def later(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class Desk:
    """A fallback whose clients ask without blocking: `wait` is what a client would do."""

    answers: HumanAnswers
    clock: Hands
    asked: list[str] = field(default_factory=list)

    def ask(self, query: str = "corona symptoms", wait_s: float = 60) -> str:
        """A client asks; its ticket."""
        client = replace(self.answers, clock=_Impatient(self.clock.now(), wait_s))
        before = set(_tickets(self.answers.queue))
        client.serve(query, suggestion="food", confidence=0.4, wait_s=wait_s)
        (ticket,) = set(_tickets(self.answers.queue)) - before
        return ticket

    def entries(self) -> list[Entry]:
        return self.answers.ledger.entries(model="queries")


@dataclass
class _Impatient:
    """The clock of a client that never looks twice: its call ends at once, its item goes on waiting."""

    start: datetime
    wait_s: float
    calls: int = 0

    def now(self) -> datetime:
        self.calls += 1
        return self.start if self.calls == 1 else self.start + timedelta(seconds=self.wait_s)


def _tickets(queue: FallbackQueue) -> list[str]:
    from sqlalchemy import text

    with queue._engine.connect() as connection:  # noqa: SLF001 - the tests look behind the scenes
        return [row[0] for row in connection.execute(text("SELECT ticket FROM fallback_item"))]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {
            "model": {"name": "queries", "labels": ("food", "health")},
            "training": {"base": tmp_path / "base.csv"},
            "state": tmp_path,
        }
    )


@pytest.fixture
def desk(settings: Settings, tmp_path: Path) -> Iterator[Desk]:
    engine = open_engine(tmp_path / "books.db")
    clock = Hands()
    yield Desk(
        answers=HumanAnswers(
            settings=settings,
            queue=FallbackQueue(engine),
            ledger=Ledger(engine),
            scrubber=build("connectors/scrubbing", "none", {}),
            pseudonym=lambda identity: f"p-{identity}",
            version=lambda: "1",
            clock=clock,
        ),
        clock=clock,
    )
    engine.dispose()


def test_a_served_answer_is_impersonation_charged_to_the_version_in_service(desk: Desk) -> None:
    ticket = desk.ask()
    turn, item = desk.answers.next("ada") or pytest.fail("nothing waits")
    assert (item.query, item.suggestion, item.version) == ("corona symptoms", "food", "1")
    desk.clock.later(7.25)
    assert desk.answers.answer(turn, "health") is True
    assert desk.entries() == []  # the client has not been given it yet
    assert desk.answers.queue.take(ticket, desk.clock.now()) == "health"
    assert desk.answers.book() == 1
    assert desk.answers.book() == 0
    (entry,) = desk.entries()
    assert (entry.kind, entry.provenance, entry.giver, entry.receiver) == (
        Kind.IMPERSONATION,
        Provenance.MEASURED,
        "annotator:p-ada",
        "model_version:queries/1",
    )
    assert entry.amounts == {Unit.ANNOTATIONS: 1, Unit.S_LOW: Decimal("7.25"), Unit.S_HIGH: Decimal("7.25")}
    assert entry.worked_at == NOON


def test_an_answer_that_no_client_was_given_is_waste_by_name(desk: Desk) -> None:
    ticket = desk.ask(wait_s=10)
    turn, _ = desk.answers.next("ada") or pytest.fail("nothing waits")
    desk.clock.later(5)
    assert desk.answers.answer(turn, "health") is True  # in time, but the client is gone before it looks
    desk.clock.later(6)
    assert desk.answers.queue.take(ticket, desk.clock.now()) is None
    desk.answers.book()
    (entry,) = desk.entries()
    assert (entry.receiver, entry.version) == ("unused:not_served", "1")


def test_an_answer_after_the_deadline_says_so_and_is_booked_all_the_same(desk: Desk) -> None:
    desk.ask(wait_s=10)
    turn, _ = desk.answers.next("ada") or pytest.fail("nothing waits")
    desk.clock.later(90)
    assert desk.answers.answer(turn, "health") is False
    (entry,) = desk.entries()
    assert entry.receiver == "unused:not_served"
    assert entry.amounts[Unit.S_LOW] == 0  # above the idle cap nobody knows
    assert entry.amounts[Unit.S_HIGH] == 90


def test_a_skip_is_booked_and_the_item_goes_to_somebody_else_never_back(desk: Desk) -> None:
    desk.ask()
    turn, _ = desk.answers.next("ada") or pytest.fail("nothing waits")
    desk.clock.later(2)
    assert desk.answers.answer(turn, None) is False
    assert desk.answers.next("ada") is None
    assert desk.answers.next("ben") is not None
    (entry,) = desk.entries()
    assert (entry.receiver, entry.amounts[Unit.S_HIGH]) == ("unused:skipped", 2)


def test_nobody_is_shown_what_somebody_else_has_before_them_until_that_lapses(desk: Desk) -> None:
    desk.ask(wait_s=600)
    desk.answers.next("ada")
    assert desk.answers.next("ben") is None
    desk.clock.later(121)
    assert desk.answers.next("ben") is not None
    assert desk.answers.book() == 1
    (entry,) = desk.entries()
    assert (entry.receiver, entry.policy, entry.amounts[Unit.S_LOW], entry.amounts[Unit.S_HIGH]) == (
        "unused:withdrawn",
        LAPSED,
        0,
        120,
    )


def test_of_two_answers_to_one_item_the_first_is_served_and_the_other_is_waste(desk: Desk) -> None:
    ticket = desk.ask(wait_s=600)
    first, _ = desk.answers.next("ada") or pytest.fail("nothing waits")
    desk.clock.later(130)
    second, _ = desk.answers.next("ben") or pytest.fail("nothing waits")
    assert desk.answers.answer(second, "health") is True
    assert desk.answers.answer(first, "health") is False
    desk.answers.queue.take(ticket, desk.clock.now())
    desk.answers.book()
    seconds = {(e.person, e.receiver): e.amounts[Unit.S_HIGH] for e in desk.entries()}
    assert seconds == {
        ("annotator:p-ben", "model_version:queries/1"): 0,
        # Ada's turn had lapsed and was booked so; the rest of her time is booked when she answers all the same.
        ("annotator:p-ada", "unused:withdrawn"): 120,
        ("annotator:p-ada", "unused:not_served"): 10,
    }


def test_a_simulated_answer_never_reaches_a_human_account(desk: Desk) -> None:
    desk.ask()
    turn, _ = desk.answers.next("ada", simulated=True) or pytest.fail("nothing waits")
    desk.answers.answer(turn, None)
    (entry,) = desk.entries()
    assert entry.provenance is Provenance.SIMULATED
    assert (entry.giver, entry.receiver) == ("simulated:annotator:p-ada", "simulated:unused:skipped")


def test_a_model_that_is_sure_asks_nobody_and_an_empty_query_neither(desk: Desk) -> None:
    assert desk.answers.serve("corona", confidence=0.5, wait_s=0.1) is None
    assert desk.answers.serve("  ", confidence=0.1, wait_s=0.1) is None
    assert _tickets(desk.answers.queue) == []


def test_a_label_that_the_model_does_not_have_is_refused_and_the_turn_stays_open(desk: Desk) -> None:
    desk.ask()
    turn, _ = desk.answers.next("ada") or pytest.fail("nothing waits")
    with pytest.raises(BadData, match="none of the model's labels"):
        desk.answers.answer(turn, "beer")
    with pytest.raises(BadData, match="Nobody was given the turn"):
        desk.answers.answer("made-up", "health")
    assert desk.answers.answer(turn, "health") is True


def test_a_second_answer_in_one_turn_changes_nothing(desk: Desk) -> None:
    ticket = desk.ask()
    turn, _ = desk.answers.next("ada") or pytest.fail("nothing waits")
    assert desk.answers.answer(turn, "health") is True
    assert desk.answers.answer(turn, "food") is False
    assert desk.answers.queue.take(ticket, desk.clock.now()) == "health"


def test_a_kill_between_booking_and_remembering_books_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ask()
    turn, _ = desk.answers.next("ada") or pytest.fail("nothing waits")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FallbackQueue, "booked", killed)
        with pytest.raises(KeyboardInterrupt):
            desk.answers.answer(turn, None)
    assert len(desk.entries()) == 1
    desk.clock.later(30)
    desk.answers.book()
    assert len(desk.entries()) == 1


def test_the_query_is_wiped_when_nobody_waits_for_it_any_more(desk: Desk) -> None:
    from sqlalchemy import text

    desk.ask("my neighbour's illness", wait_s=10)
    desk.clock.later(11)
    desk.answers.book()
    with desk.answers.queue._engine.connect() as connection:  # noqa: SLF001 - the tests look behind the scenes
        assert connection.execute(text("SELECT query FROM fallback_item")).scalars().all() == [""]


def test_a_waiting_client_is_given_the_answer_of_a_person(desk: Desk) -> None:
    answers = replace(desk.answers, clock=WallClock())
    answers = replace(
        answers,
        settings=answers.settings.model_copy(update={"fallback": FallbackSettings(below=0.5, wait_s=30, hold_s=30)}),
    )
    served: list[str | None] = []
    client = threading.Thread(target=lambda: served.append(answers.serve("corona", confidence=0.3)))
    client.start()
    turn = None
    while turn is None and client.is_alive():
        turn = answers.next("ada")
    assert turn is not None
    answers.answer(turn[0], "health")
    client.join(timeout=30)
    assert served == ["health"]
    (entry,) = desk.entries()
    assert entry.receiver == "model_version:queries/1"


def test_an_answer_that_came_after_its_turn_had_lapsed_was_served_all_the_same(desk: Desk) -> None:
    ticket = desk.ask(wait_s=600)
    turn, _ = desk.answers.next("ada") or pytest.fail("nothing waits")
    desk.clock.later(121)
    desk.answers.book()  # the turn is booked as left
    desk.clock.later(9)
    assert desk.answers.answer(turn, "health") is True
    assert desk.answers.queue.take(ticket, desk.clock.now()) == "health"
    desk.answers.book()
    assert {(e.receiver, e.amounts[Unit.S_HIGH]) for e in desk.entries()} == {
        ("unused:withdrawn", Decimal(120)),
        ("model_version:queries/1", Decimal(10)),
    }


def test_a_kill_between_booking_and_remembering_it_stops_nothing_that_comes_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = desk.ask(wait_s=600)
    turn, _ = desk.answers.next("ada") or pytest.fail("nothing waits")
    desk.clock.later(121)
    with monkeypatch.context() as patch:
        patch.setattr(FallbackQueue, "booked", _killed)
        with pytest.raises(KeyboardInterrupt):
            desk.answers.book()
    desk.clock.later(9)
    assert desk.answers.answer(turn, "health") is True  # in the books, it had been left
    desk.answers.queue.take(ticket, desk.clock.now())
    assert desk.answers.book() == 1
    assert desk.answers.book() == 0
    assert {(e.receiver, e.amounts[Unit.S_HIGH]) for e in desk.entries()} == {
        ("unused:withdrawn", Decimal(120)),
        ("model_version:queries/1", Decimal(10)),
    }


def test_a_kill_and_another_idle_cap_leave_what_is_booked_as_it_was(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ask()
    turn, _ = desk.answers.next("ada") or pytest.fail("nothing waits")
    desk.clock.later(7)
    with monkeypatch.context() as patch:
        patch.setattr(FallbackQueue, "booked", _killed)
        with pytest.raises(KeyboardInterrupt):
            desk.answers.answer(turn, None)
    annotation = settings.annotation.model_copy(update={"idle_cap_s": 5})
    after = replace(desk.answers, settings=settings.model_copy(update={"annotation": annotation}))
    assert after.book() == 1
    assert after.book() == 0
    assert [entry.amounts[Unit.S_LOW] for entry in desk.entries()] == [7]


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("wait_s", [-1, float("nan"), float("inf"), 1e300])
def test_a_wait_that_is_none_is_refused_before_anybody_is_asked(desk: Desk, wait_s: float) -> None:
    with pytest.raises(BadData, match="no time to wait"):
        desk.answers.serve("corona", confidence=0.1, wait_s=wait_s)
    assert _tickets(desk.answers.queue) == []


def test_a_client_is_given_its_answer_though_the_books_cannot_be_written_just_then(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise ConnectorUnavailable("it is locked.", system="books", hint="Try again.")

    monkeypatch.setattr(FallbackQueue, "take", lambda *_: "health")
    monkeypatch.setattr(Ledger, "unbooked", locked)
    assert desk.answers.serve("corona", confidence=0.1, wait_s=60) == "health"
