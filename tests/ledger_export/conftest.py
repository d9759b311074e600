"""Books with everything that can happen in them, and the judge of their arithmetic."""

import random
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks import _peers
from kempelen.records import Kind, Provenance
from ledger import accounts
from ledger.entries import Entry
from ledger.units import Currency, Measure, Unit

START = datetime(2020, 1, 1, tzinfo=UTC)
PLACES = [
    *(accounts.annotator(name) for name in ("k7qx", "K7qx", "zo\u00eb", "a-b", "-", "x--2d")),
    *(accounts.pool(name) for name in ("queries/2020-01-21", "c1")),
    *(accounts.model_version("intents", version) for version in ("1", "2", "2/b")),
    *(accounts.unused(reason) for reason in accounts.Unused),
    accounts.declared("CLINC150"),
    accounts.payer("Example Ltd."),
    accounts.platform("mechanical-turk"),
    accounts.reviewer("eve"),
]
TEXTS = [
    "",
    'said "yes"',
    "back\\slash",
    "two\nlines\r\n",
    "a tab\there",
    "=1+1",
    "\u65e5\u672c\u8a9e",
    "; no comment",
    "\\n",
]


def _amounts(rng: random.Random) -> dict[Measure, Decimal]:
    if rng.random() < 0.2:
        return {Currency(rng.choice(["EUR", "USD", "JPY"])): Decimal(rng.randrange(10**9)).scaleb(-6)}
    low = rng.randrange(10**6)
    seconds: dict[Measure, Decimal] = {
        Unit.S_LOW: Decimal(low).scaleb(-3),
        Unit.S_HIGH: Decimal(low + rng.randrange(10**6)).scaleb(-3),
    }
    count = rng.choice([Unit.ANNOTATIONS, Unit.LABELS, Unit.EVENTS])
    return {count: Decimal(rng.randrange(3))} | (seconds if rng.random() < 0.8 else {})


def _entry(number: int, rng: random.Random) -> Entry:
    amounts = _amounts(rng)
    of_effort = any(isinstance(unit, Unit) for unit in amounts)
    simulated = rng.random() < 0.2
    giver, receiver = rng.sample(PLACES, 2)
    back = rng.random() < 0.1
    return Entry(
        at=START + timedelta(seconds=rng.randrange(10**8), microseconds=rng.randrange(10**6)),
        source_id=f"event/{number} {rng.choice(TEXTS)}",
        narration=rng.choice(TEXTS),
        kind=rng.choice([*Kind, *([] if of_effort else [None])]),
        provenance=Provenance.SIMULATED if simulated else rng.choice([Provenance.MEASURED, Provenance.DECLARED]),
        giver=accounts.simulated(giver) if simulated else giver,
        receiver=accounts.simulated(receiver) if simulated else receiver,
        amounts={unit: -amount for unit, amount in amounts.items()} if back else amounts,
        model=rng.choice(["intents", None]),
        version=rng.choice(["1", "2", None]),
        policy="lead-time/1",
        person=rng.choice([accounts.annotator("k7qx"), None]),
        worked_at=rng.choice([START, None]),
        reverses=f"event/{number - 1}" if back else None,
        note=rng.choice([*TEXTS, None]),
    )


@pytest.fixture(name="events", scope="session")
def random_events() -> Callable[[int, int], Iterator[Entry]]:
    """So many entries of any sort, by a seed."""

    def make(count: int, seed: int) -> Iterator[Entry]:
        rng = random.Random(seed)  # noqa: S311 - no secret is drawn
        return (_entry(number, rng) for number in range(count))

    return make


class Judge:
    """bean-check, in an environment of its own: made once, found on later runs. Without it the tests fail."""

    def __init__(self) -> None:
        self.python = str(_peers.environment("beancount") / "bin" / "python")

    def verdict(self, file: Path) -> tuple[bool, str]:
        """Whether it accepts the file, and what it says."""
        # By its function: the script bean-check names a Python that has moved since. Without a collector it is a third
        # faster, and ends as soon as it has judged.
        program = "import gc; gc.disable(); from beancount.scripts.check import main; main()"
        command = [self.python, "-I", "-c", program, "--no-cache", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode == 0, done.stdout + done.stderr

    def runs(self, script: str, *arguments: str) -> str:
        """What a script prints that reads the file with beancount itself."""
        command = [self.python, "-I", "-c", script, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def judge() -> Judge:
    return Judge()
