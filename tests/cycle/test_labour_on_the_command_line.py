"""The books on the command line: one story, from a cycle that three people answered to their rights and the proofs."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cycle.collect import collect
from cycle.retrain import retrain
from cycle.watch import watch
from ledger.people.pseudonyms import Pseudonyms

START = datetime(2019, 12, 20, tzinfo=UTC)
NIGHT = datetime(2020, 1, 21, 23, tzinfo=UTC)

SETTINGS = """
state = "."

[model]
name = "queries"
labels = ["food", "health"]
types = ["linear"]

[training]
base = "base.csv"
base_source = "a list"
validation_share = 0.3

[selection]
rounds = 1
round_items = 60
audit_fraction = 0.5
audit_every_days = 30

[drift]
reference_days = 5

[annotation]
pay_per_hour = 3.00
currency = "EUR"
platform_fee = 0.2

[pay]
region = "DE"
"""


@pytest.fixture
def books(loop: Any, tmp_path: Path) -> Any:
    names = Pseudonyms(loop.app.ledger.engine, tmp_path / "pseudonyms.key")
    loop.app = replace(loop.app, pseudonyms=names.many, known_pseudonym=names.known)
    (tmp_path / "kempelen.toml").write_text(SETTINGS)
    retrain(loop.app, START)
    loop.detector.alarm = True
    cycle_id = watch(loop.app, NIGHT).opened.cycle_id
    for n, request in enumerate(loop.annotators.asked[cycle_id].values()):
        label = "health" if "corona" in request.query else "food"
        for who in ("ann", "ben", "cem"):
            loop.annotators.say(
                cycle_id, request.item_id, who, None if n == 5 and who == "cem" else label, seconds=8 + 3 * n % 5
            )
    collect(loop.app, NIGHT)
    retrain(loop.app, NIGHT)
    return loop


def test_x(books: Any) -> None:
    print(books.states(), books.registry.alias)
