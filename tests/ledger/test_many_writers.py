"""Twenty processes that book overlapping entries, killed at random: nothing is lost, doubled or half there."""

import json
import subprocess
import sys

from ledger.store import Ledger, open_engine
from ledger.units import Unit

WRITERS, KILLS, ENTRIES = 20, 15, 400

# One program forks them all: twenty that start for themselves would take a minute on a small machine.
STORM = """
import json, os, random, signal, sys, time
from datetime import UTC, datetime
from decimal import Decimal
from kempelen.records import Annotation, Effort, Kind
from ledger import accounts
from ledger.posting_rules import annotation_given, effort_assigned
from ledger.store import Ledger, open_engine

address, writers, kills, entries = sys.argv[1], *map(int, sys.argv[2:])
NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)

def pair(n):
    answer = Annotation(source_id=f"ls/{n}", item_id=f"i{n}", annotator=f"p{n % 7}", label="x", lead_time_s=1.0,
                        started_at=None, submitted_at=NOON, simulated=False)
    effort = Effort(low_s=Decimal(1), high_s=Decimal(2), policy="p")
    given = annotation_given(answer, pseudonym=f"p{n % 7}", effort=effort, kind=Kind.PREPARATION, cycle="c1",
                             model="intents", at=NOON)
    to = accounts.model_version("intents", "2")
    return [given, effort_assigned(given, to=to, kind=given.kind, version="2", at=NOON, reason="trained on")]

def write(number):
    ledger = Ledger(open_engine(address))
    rng = random.Random(number)
    mine = [n for n in range(entries) if n % 4 == number % 4]
    rng.shuffle(mine)
    for start in range(0, len(mine), 20):
        ledger.book(entry for n in mine[start:start + 20] for entry in pair(n))

def fork(number):
    child = os.fork()
    if child:
        return child
    try:
        write(number)
    except BaseException as error:
        print(type(error).__name__, error, file=sys.stderr)
        os._exit(1)
    os._exit(0)

rng, endings, sent, killed = random.Random(1), [], 0, 0
running = {fork(number): number for number in range(writers)}
while running:
    if sent < kills:
        sent += 1
        os.kill(victim := rng.choice(sorted(running)), signal.SIGKILL)
        time.sleep(rng.random() / 20)  # spreads the kills over the booking; nothing waits for it
    child, status = os.wait()
    number = running.pop(child)
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL:
        killed += 1
        running[fork(number)] = number
    else:
        endings.append(code)
print(json.dumps({"endings": endings, "killed": killed}))
"""


def test_writers_that_are_killed_and_started_again_book_everything_once(address: str) -> None:
    arguments = [address, *map(str, (WRITERS, KILLS, ENTRIES))]
    done = subprocess.run([sys.executable, "-c", STORM, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["endings"] == [0] * WRITERS, done.stderr
    assert KILLS // 2 <= told["killed"] <= KILLS  # who has ended is killed no more
    engine = open_engine(address)
    ledger = Ledger(engine)
    entries = ledger.entries()
    assert len(entries) == len({entry.source_id for entry in entries}) == 2 * ENTRIES == ledger.last_entry()
    assert ledger.balance("model_version:intents/2") == {
        Unit.ANNOTATIONS: ENTRIES,
        Unit.S_LOW: ENTRIES,
        Unit.S_HIGH: 2 * ENTRIES,
    }
    (line,) = {(t.sums.entries, t.sums.s_high, len(t.people)) for t in ledger.totals("intents")}
    assert line == (ENTRIES, 2000 * ENTRIES, 7)
    assert ledger.check(["c1"]) == []
    engine.dispose()
