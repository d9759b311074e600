"""A story in the books: January 2020 for one model with simulated annotators, and a second model with people."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import log10
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from cycle.records import (
    Acknowledgement,
    Cycle,
    CycleEvent,
    Judgement,
    Look,
    Mute,
    Promotion,
    Reason,
    Round,
    SetAside,
    Version,
)
from cycle.store import Store
from cycle.wiring import books
from dashboard.app import build_app
from kempelen.errors import Problem
from kempelen.profile import CONFIDENCE_BINS, Profile
from kempelen.records import (
    Annotation,
    ConsensusLabel,
    DayCount,
    DriftReport,
    Evidence,
    GateCheck,
    GateReport,
    LabelRequest,
    Purpose,
)
from kempelen.states import State
from ledger import accounts, card, posting_rules
from ledger.accounts import Unused
from ledger.effort import bounds
from ledger.entries import Entry
from ledger.people.releases import Releases
from ledger.store import Ledger

MODEL = "corona-intents"
STAFFED = "support-intents"
HOSTILE = '<script>alert("corona")</script> & "virus"'
CORONA_BY_DAY = (4, 8, 11, 8, 5, 8, 6, 8, 6, 13, 5, 12, 4, 13, 9, 8, 6, 10, 13, 7, 12)
REFERENCE_FROM = date(2019, 12, 11)
PREDICTIONS_A_DAY = 526
SECONDS = (8.2, 11.5, 14.0, 19.3, 75.0)


def at(day: int, hour: int = 9, month: int = 1) -> datetime:
    """A moment of the replayed month."""
    return datetime(2020, month, day, hour, tzinfo=UTC)


def version(model: str, number: str, when: datetime, cycle_id: str | None, trained_on: Sequence[str] = ()) -> Version:
    return Version(
        model=model,
        version=number,
        model_type="linear",
        mlflow_run_id=f"run-{model}-{number}",
        trained_at=when,
        training_digest="d" * 64,
        examples=13_412 if cycle_id is None else 13_468,
        cycle_id=cycle_id,
        trained_on_cycles=tuple(trained_on),
    )


def promote(store: Store, v: Version, when: datetime, note: str) -> None:
    """Put a version into service, over whichever is there."""
    store.record_version(v)
    sequence = len(store.promotions(v.model)) + 1
    promotion = Promotion(model=v.model, sequence=sequence, version=v.version, at=when, cycle_id=v.cycle_id, note=note)
    store.promote(promotion, over=store.champion(v.model))


def reference() -> Profile:
    """21 quiet days in which corona is a beer."""
    days = [REFERENCE_FROM + timedelta(days=i) for i in range(21)]
    return Profile.of_tables(
        days=days,
        confidence={
            (day, label, CONFIDENCE_BINS - 1): n
            for day in days
            for label, n in (("food_and_drink", 100), ("travel", PREDICTIONS_A_DAY - 100))
        },
        fold={},
        folded={},
        rows=[(day, "corona", "food_and_drink", n, 0.9 * n, 1) for day, n in zip(days, CORONA_BY_DAY, strict=True)],
    )


def daily(before: Sequence[int], now: Sequence[int]) -> tuple[DayCount, ...]:
    """Counts on the days of the reference, and on those from the 15th of January on."""
    reference_days = ((REFERENCE_FROM + timedelta(days=i), n, PREDICTIONS_A_DAY) for i, n in enumerate(before))
    current_days = ((date(2020, 1, 15 + i), n, 1189) for i, n in enumerate(now))
    return tuple(DayCount(day=d, count=n, predictions=of) for d, n, of in (*reference_days, *current_days))


def surge(subject: str, before: Sequence[int], now: Sequence[int], **more: Any) -> Evidence:
    """A change on the 21st; `before` are the counts of the reference days, `now` those from the 15th on."""
    return Evidence(
        subject=subject,
        reference_count=sum(before),
        current_count=sum(now[6:]),
        reference_share=sum(before) / (21 * PREDICTIONS_A_DAY),
        current_share=sum(now[6:]) / (1189 * len(now[6:])),
        p_value=1e-12,
        budget=4.4e-9,
        first=date(2020, 1, 21),
        since=date(2020, 1, 21),
        daily=daily(before, now),
        **more,
    )


def report(
    detector: str,
    statistic: float,
    summary: str,
    evidence: Sequence[Evidence] = (),
    *,
    alpha: float = 0.0175,
    hint: bool = False,
    labels_to_decide: int | None = None,
) -> DriftReport:
    return DriftReport(
        detector=detector,
        statistic=statistic,
        threshold=-log10(alpha),
        alpha=alpha,
        n_reference=21 * PREDICTIONS_A_DAY,
        n_current=1189,
        summary=summary,
        evidence=tuple(evidence),
        hint=hint,
        labels_to_decide=labels_to_decide,
    )


def words_of(days: int) -> list[Evidence]:
    """What term_surge names after so many days: corona with virus and wuhan, and apart from them coronavirus."""
    corona, coronavirus, virus = ([47, 71, 80][:days], [35, 53, 60][:days], [18, 27, 31][:days])
    return [
        surge(
            "corona", CORONA_BY_DAY, [9, 7, 12, 10, 11, 14, *corona], label="food_and_drink", confidence=0.93,
            users=23, together=("virus", "wuhan"), examples=("corona virus", "corona in china", HOSTILE),
        ),
        surge(
            "coronavirus", [0] * 21, [0, 0, 0, 0, 1, 3, *coronavirus], label="health", confidence=0.56,
            users=19, examples=("coronavirus symptoms",),
        ),
        surge(
            "virus", [4, *[0] * 20], [0, 1, 0, 0, 2, 1, *virus], label="food_and_drink", confidence=0.70, users=12,
        ),
    ]  # fmt: skip


def mix_of(days: int) -> list[Evidence]:
    """A label that the model gives more often, and one whose name is an attack."""
    return [
        surge("food_and_drink", [100] * 21, [231, 226, 240, 229, 236, 255, *[321, 345, 391][:days]]),
        surge(HOSTILE, [30] * 21, [61, 66, 59, 70, 62, 68, *[48, 44, 40][:days]]),
    ]


SILENT = Problem(
    stage="drift",
    subject="audit_risk",
    message="No prediction of this model version has been audited yet.",
    hint="Let an audit cycle collect answers first.",
)
CHRISTMAS = SetAside(detector="class_mix", subject="gift_card", why="expected from 11-25 to 01-06: Christmas shopping")


def looks(model: str) -> list[Look]:
    """Quiet looks from the 1st to the 20th; then words that surge for three days, and on the last two another mix."""
    quiet = (report("term_surge", 0.3, "No word surges."), report("class_mix", 0.5, "The same answers.", alpha=0.005))
    found = [
        Look(model=model, version="1", at=at(day), reports=quiet, undecided=(SILENT,) if day < 4 else ())
        for day in range(1, 21)
    ]
    for day in (21, 22, 23):
        reports = [report("term_surge", 5.4, "corona and two more words surge.", words_of(day - 20))]
        reports += [
            report("class_mix", 3.1, "food_and_drink is answered more often.", mix_of(day - 20), alpha=0.005)
            if day > 21
            else quiet[1],
            report("expected_accuracy", 2.2, "health is probably right less often.", hint=True, alpha=0.01),
            report("audit_risk", 0.8, "People disagree with 9 of 60 answers.", alpha=0.0125, labels_to_decide=80),
        ]
        aside = (CHRISTMAS,) if day > 21 else ()
        found.append(
            Look(
                model=model, version="1", at=at(day), reports=tuple(reports), undecided=(TOO_FEW,), set_aside=aside,
            )
        )  # fmt: skip
    return found


TOO_FEW = Problem(
    stage="drift",
    subject="domain_classifier",
    message="The sample holds 40 queries, and 200 are needed.",
    hint="It answers once there is more traffic.",
)


def watched(store: Store) -> None:
    """What `watch` saw in January, and what people said of it."""
    for look in looks(MODEL):
        store.record_look(look)
    seen = Acknowledgement(
        model=MODEL,
        alarm_id=f"{MODEL}-1-20200121-term_surge",
        by="Ada",
        reason="a virus <b>in Wuhan</b>",
        at=at(21, 10),
    )
    store.acknowledge(seen)
    store.mute(
        Mute(
            model=MODEL, detector="vocabulary", subject="megxit", until=date(2020, 2, 1), by="Grace",
            reason="royal news, passes", at=at(20),
        )
    )  # fmt: skip


def ask(store: Store, cycle: Cycle, items: int, queries: Callable[[int], str]) -> list[LabelRequest]:
    """Record a round a day; of four items one is a random audit, one a wavering one, two have a surging word."""
    strategies = ("audit", "margin", "term_surge", "term_surge") if cycle.trains else ("audit",)
    requests = []
    for number in range(1, cycle.rounds + 1):
        new = [
            LabelRequest(
                cycle_id=cycle.cycle_id,
                round=number,
                item_id=f"{cycle.cycle_id}-{number}-{i}",
                query=queries(len(requests) + i),
                predictions=40 - i,
                users=5,
                model_version=cycle.champion,
                suggestion="food_and_drink",
                confidence=0.93,
                strategy=strategies[i % len(strategies)],
                reason="suddenly many people use the word 'corona'",
                purpose=Purpose.AUDIT if i % 4 == 0 or not cycle.trains else Purpose.TRAINING,
                inclusion_probability=0.5,
                audit_probability=0.25,
            )
            for i in range(items)
        ]
        when = cycle.opened_at + timedelta(days=number - 1)
        surging = ("corona", "coronavirus", "virus") if cycle.reason is Reason.ALARM else ()
        store.record_round(
            Round(
                cycle_id=cycle.cycle_id,
                number=number,
                at=when,
                surging=surging,
                candidates=180,
                held_back=412,
                traffic=2400,
            ),
            new,
        )
        requests += new
    return requests


def answer(
    store: Store, ledger: Ledger, cycle: Cycle, requests: Sequence[LabelRequest], *, simulated: bool, charge: str | None
) -> None:
    """Two answers an item, every ninth item skipped by one; with `charge` the effort goes to that version."""
    answers, entries = [], []
    for n, request in enumerate(requests):
        for who in range(2):
            skipped = n % 9 == 8 and who == 1
            when = request_time(cycle, request) + timedelta(hours=1)
            given = Annotation(
                source_id=f"{request.item_id}/{who}",
                item_id=request.item_id,
                annotator=f"pseudonym-{(n + who + n // 4) % 4}",
                label=None if skipped else "health",
                lead_time_s=SECONDS[(n + who) % len(SECONDS)],
                started_at=None,
                submitted_at=when,
                simulated=simulated,
            )
            answers.append(given)
            entries += booked(cycle, request, given, when, charge)
    store.record_answers(cycle.cycle_id, answers)
    ledger.book(entries)


def booked(cycle: Cycle, request: LabelRequest, given: Annotation, when: datetime, charge: str | None) -> list[Entry]:
    """What the loop books for an answer: given to the pool and, once the cycle is closed, charged."""
    kind = posting_rules.kind_of(request.purpose)
    entry = posting_rules.annotation_given(
        given,
        pseudonym=given.annotator,
        effort=bounds(given, 60),
        kind=kind,
        cycle=cycle.cycle_id,
        model=cycle.model,
        at=when,
    )
    if charge is None:
        return [entry]
    to = accounts.unused(Unused.SKIPPED) if given.skipped else accounts.model_version(cycle.model, charge)
    return [
        entry,
        posting_rules.effort_assigned(entry, to=to, kind=kind, version=charge, at=when, reason="charged"),
    ]


def request_time(cycle: Cycle, request: LabelRequest) -> datetime:
    return cycle.opened_at + timedelta(days=request.round - 1)


def settle(store: Store, cycle: Cycle, requests: Sequence[LabelRequest]) -> None:
    store.record_consensus(
        cycle.cycle_id,
        [
            ConsensusLabel(item_id=r.item_id, label="health", confidence=1.0, votes=2, method="majority")
            for r in requests
        ],
    )


def moved(store: Store, cycle: Cycle, *steps: tuple[State, datetime, str]) -> None:
    for state, when, note in steps:
        store.record_event(CycleEvent(cycle_id=cycle.cycle_id, state=state, at=when, note=note))


def judged(cycle: Cycle, model_type: str, *, passed: bool) -> Judgement:
    today = GateCheck(
        name="today",
        passed=passed,
        n=43,
        champion_accuracy=0.581,
        challenger_accuracy=0.814 if passed else 0.60,
        statistic=0.0054 if passed else 0.31,
        threshold=0.025,
        summary="corrects 11 audited answers and spoils 1 of 43 (p = 0.0032)" if passed else "corrects 3 and spoils 2",
    )
    before = replace(today, name="before the shift", passed=True, n=1480, champion_accuracy=0.871)
    return Judgement(
        cycle_id=cycle.cycle_id,
        model_type=model_type,
        report=GateReport(gate="paired", checks=(today, replace(before, challenger_accuracy=0.868))),
    )


def january(store: Store, ledger: Ledger) -> None:
    """Version 1 with declared labels, an audit, the alarm of the 21st, a cycle, version 2: all answers simulated."""
    promote(
        store, version(MODEL, "1", at(10, month=1).replace(year=2019, month=12), None), at(1, 0), "the first version"
    )
    ledger.book(
        [
            posting_rules.opening_balance(
                model=MODEL,
                version="1",
                source="CLINC150",
                labels=13_412,
                at=at(1, 0),
                note="who, and how long, is unknown",
            )
        ]
    )
    store.record_reference(MODEL, "1", reference())
    watched(store)
    audit = Cycle(
        cycle_id=f"{MODEL}-20200108-audit", model=MODEL, reason=Reason.AUDIT, champion="1", opened_at=at(8), rounds=1
    )
    store.open_cycle(audit)
    requests = ask(store, audit, 8, lambda i: f"weather in town {i}")
    answer(store, ledger, audit, requests, simulated=True, charge="1")
    settle(store, audit, requests)
    moved(
        store, audit, (State.LABELLING, at(8), "8 items asked"), (State.READY, at(9), "8 items settled"),
        (State.CLOSED, at(9), "accounted for"),
    )  # fmt: skip
    alarm = Cycle(
        cycle_id=f"{MODEL}-20200121-alarm", model=MODEL, reason=Reason.ALARM, champion="1", opened_at=at(21), rounds=3
    )
    store.open_cycle(alarm)
    queries = (HOSTILE, "corona in wuhan", "is corona contagious", "virus from china", "corona symptoms")
    requests = ask(store, alarm, 36, lambda i: queries[i] if i < len(queries) else f"corona question {i}")
    answer(store, ledger, alarm, requests, simulated=True, charge="2")
    settle(store, alarm, requests)
    moved(
        store, alarm, (State.LABELLING, at(21), "108 items asked"),
        (State.READY, at(23, 15), "108 items settled, 0 without a clear answer"),
        (State.TRAINED, at(23, 16), "trained linear and embedding_bag"),
        (State.PASSED, at(23, 16), "version 2 (linear)"),
    )  # fmt: skip
    store.record_judgement(judged(alarm, "linear", passed=True))
    store.record_judgement(judged(alarm, "embedding_bag", passed=False))
    promote(store, version(MODEL, "2", at(23, 16), alarm.cycle_id, [alarm.cycle_id]), at(23, 17), "passed the gate")
    moved(store, alarm, (State.PROMOTED, at(23, 17), "version 2"), (State.CLOSED, at(23, 17), "accounted for"))


def staffed(store: Store, ledger: Ledger) -> None:
    """A model that people work for: measured effort behind version 2, an unknown one, and a cycle that is labelling."""
    promote(store, version(STAFFED, "1", at(2, month=2), None), at(2, month=2), "the first version")
    ledger.book(
        [posting_rules.opening_balance(model=STAFFED, version="1", source="old tickets", labels=900, at=at(2, month=2))]
    )
    manual = Cycle(cycle_id="", model=STAFFED, reason=Reason.MANUAL, champion="1", opened_at=at(10, month=2), rounds=1)
    first = replace(manual, cycle_id=f"{STAFFED}-20200210-manual")
    made(store, ledger, first, items=40, number="2", trained_on=[first.cycle_id])
    second = replace(manual, cycle_id=f"{STAFFED}-20200220-manual", champion="2", opened_at=at(20, month=2))
    made(store, ledger, second, items=20, number="3", trained_on=[first.cycle_id, second.cycle_id])
    third = replace(manual, cycle_id=f"{STAFFED}-20200301-manual", champion="3", opened_at=at(1, month=3), rounds=2)
    store.open_cycle(third)
    requests = ask(store, third, 12, lambda i: f"cancel order {i}")
    answer(store, ledger, third, requests[:10], simulated=False, charge=None)
    moved(store, third, (State.LABELLING, at(1, month=3), "24 items asked"))


def made(store: Store, ledger: Ledger, cycle: Cycle, *, items: int, number: str, trained_on: Sequence[str]) -> None:
    """A whole cycle of people that ends in a version in service a day later."""
    store.open_cycle(cycle)
    requests = ask(store, cycle, items, lambda i: f"reset my password {i}")
    answer(store, ledger, cycle, requests, simulated=False, charge=number)
    settle(store, cycle, requests)
    end = cycle.opened_at + timedelta(days=1)
    moved(store, cycle, (State.LABELLING, cycle.opened_at, f"{items} items asked"))
    moved(store, cycle, *((state, end, "") for state in (State.READY, State.TRAINED, State.PASSED)))
    promote(store, version(STAFFED, number, end, cycle.cycle_id, trained_on), end, "passed the gate")
    moved(store, cycle, (State.PROMOTED, end, ""), (State.CLOSED, end, ""))
    Releases(ledger.engine).advance(STAFFED, card.parts(ledger.engine, STAFFED), 3, at=end)


def human_seconds() -> tuple[Decimal, Decimal]:
    """What people gave for version 2 of the staffed model, by hand: 40 items, two answers, 4 of them skips."""
    low = high = Decimal(0)
    for n in range(40):
        for who in range(2):
            if not (n % 9 == 8 and who == 1):
                seconds = Decimal(str(SECONDS[(n + who) % len(SECONDS)]))
                low, high = low + (seconds if seconds <= 60 else 0), high + seconds
    return low, high


@contextmanager
def serving(state: Path) -> Iterator[str]:
    """The dashboard on a free port, in a thread; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(build_app(state), log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the dashboard ended while starting"
        assert time.monotonic() < deadline, "the dashboard did not start within 20 s"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


def open_books(state: Path) -> tuple[Store, Ledger]:
    state.mkdir(parents=True, exist_ok=True)
    return books(state)


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with both models."""
    state = tmp_path_factory.mktemp("story")
    store, ledger = open_books(state)
    january(store, ledger)
    staffed(store, ledger)
    return state


@pytest.fixture(scope="session")
def address(story: Path) -> Iterator[str]:
    with serving(story) as url:
        yield url


@pytest.fixture(scope="session")
def web(address: str) -> Iterator[httpx.Client]:
    """A browser without JavaScript, for the story."""
    with httpx.Client(base_url=address, trust_env=False) as client:
        yield client


@pytest.fixture
def dashboard_of() -> Callable[[Path], AbstractContextManager[str]]:
    """The dashboard over any state folder."""
    return serving


@pytest.fixture(scope="session")
def staffed_seconds() -> tuple[Decimal, Decimal]:
    return human_seconds()
