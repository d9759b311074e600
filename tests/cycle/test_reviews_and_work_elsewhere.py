"""An engineer's minutes and the work of another platform reach the books once, declared, under pseudonyms."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cycle.labour_import import Imported, import_labour
from cycle.pay import PayOffice
from cycle.retrain import retrain
from cycle.reviews import record_review
from kempelen.errors import BadData, LedgerError
from kempelen.records import Kind, Provenance
from ledger.pay.period import Period
from ledger.units import Currency, Unit

START = datetime(2019, 12, 20, tzinfo=UTC)

HEAD = "source,id,annotator,item,label,submitted_at,seconds_low,seconds_high,accepted,reward,fee,currency"


def review(loop: Any, **changes: Any) -> Any:
    facts: dict[str, Any] = {
        "name": "a1",
        "identity": "ada",
        "what": "looked into the alarm about corona",
        "low_s": Decimal(600),
        "high_s": Decimal(900),
        "version": None,
        "worked_at": START,
        "now": START,
    }
    return record_review(loop.app, **(facts | changes))


def test_an_engineers_minutes_are_verification_of_the_version_in_service(loop: Any) -> None:
    retrain(loop.app, START)
    entry = review(loop)
    assert (entry.kind, entry.provenance, entry.giver, entry.receiver) == (
        Kind.VERIFICATION,
        Provenance.DECLARED,
        "reviewer:p-engineer:ada",
        "model_version:queries/1",
    )
    assert entry.amounts == {Unit.S_LOW: 600, Unit.S_HIGH: 900}
    review(loop)
    assert [e for e in loop.app.ledger.entries(model="queries") if e.source_id == entry.source_id] == [entry]
    with pytest.raises(LedgerError, match="contradicts"):
        review(loop, high_s=Decimal(901))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"version": "9"}, "no version 9"),
        ({"worked_at": START + timedelta(days=1)}, "still to come"),
        ({"low_s": Decimal(0)}, "are no time"),
        ({"high_s": Decimal(1)}, "are no time"),
        ({"low_s": Decimal("NaN")}, "are no time"),
        ({"high_s": Decimal(86_401)}, "more than a day"),
    ],
)
def test_minutes_that_cannot_be_are_refused(loop: Any, changes: dict[str, Any], says: str) -> None:
    retrain(loop.app, START)
    with pytest.raises(BadData, match=says):
        review(loop, **changes)


def imported(loop: Any, file: Path, *rows: str, version: str = "1") -> Imported:
    file.write_text("\n".join((HEAD, *rows)) + "\n", encoding="utf-8")
    return import_labour(
        loop.app,
        file,
        form="csv",
        version=version,
        kind=Kind.PREPARATION,
        payer="us",
        params={},
        now=datetime(2020, 2, 1, tzinfo=UTC),
    )


ONE = "some platform,7,worker-1,corona,health,2020-01-20T10:00:00Z,10,25.5,yes,0.05,0.01,USD"


def test_work_elsewhere_is_declared_with_what_was_paid_and_kept(loop: Any, tmp_path: Path) -> None:
    retrain(loop.app, START)
    done = imported(loop, tmp_path / "work.csv", ONE)
    assert (done.pieces, done.people, done.new_entries, done.problems) == (1, 1, 3, ())
    entries = {e.source_id: e for e in loop.app.ledger.entries(model="queries") if e.source == "some platform"}
    work = entries["work:some platform/7"]
    assert (work.giver, work.receiver) == ("annotator:p-some platform:worker-1", "model_version:queries/1")
    assert work.amounts == {Unit.ANNOTATIONS: 1, Unit.S_LOW: 10, Unit.S_HIGH: Decimal("25.5")}
    assert work.provenance is Provenance.DECLARED
    reward, fee = entries["reward:some platform/7"], entries["fee:some platform/7"]
    assert (reward.giver, reward.receiver, reward.amounts) == (
        "payer:us",
        work.giver,
        {Currency("USD"): Decimal("0.05")},
    )
    assert (fee.receiver, fee.amounts) == ("platform:some platform", {Currency("USD"): Decimal("0.01")})


def test_the_same_file_twice_adds_nothing_and_other_figures_are_a_problem(loop: Any, tmp_path: Path) -> None:
    retrain(loop.app, START)
    imported(loop, tmp_path / "work.csv", ONE)
    assert imported(loop, tmp_path / "again.csv", ONE).new_entries == 0
    changed = imported(loop, tmp_path / "changed.csv", ONE.replace("25.5", "99"))
    assert changed.new_entries == 0
    assert "contradicts" in changed.problems[0].message


def test_refused_work_is_waste_and_undecided_work_is_not_paid_yet(loop: Any, tmp_path: Path) -> None:
    retrain(loop.app, START)
    rows = ONE.replace(",7,", ",8,").replace("yes,0.05,0.01,USD", "no,0,0,USD"), ONE.replace("yes", "")
    imported(loop, tmp_path / "work.csv", *rows)
    entries = {e.source_id: e for e in loop.app.ledger.entries(model="queries") if e.source == "some platform"}
    assert set(entries) == {"work:some platform/7", "work:some platform/8"}
    assert entries["work:some platform/8"].receiver == "unused:rejected_answer"
    assert imported(loop, tmp_path / "decided.csv", ONE).new_entries == 2  # the reward and the fee


def test_work_that_is_refused_later_becomes_waste_and_the_books_show_both(loop: Any, tmp_path: Path) -> None:
    retrain(loop.app, START)
    imported(loop, tmp_path / "work.csv", ONE.replace("yes", ""))
    refused = ONE.replace("yes,0.05,0.01,USD", "no,0,0,USD")
    assert imported(loop, tmp_path / "refused.csv", refused).problems == ()
    assert imported(loop, tmp_path / "again.csv", refused).new_entries == 0
    balance = loop.app.ledger.balance
    assert balance("unused:rejected_answer")[Unit.ANNOTATIONS] == 1
    assert balance("annotator:p-some platform:worker-1")[Unit.S_HIGH] == Decimal("-25.5")
    assert balance("model_version:queries/1").get(Unit.ANNOTATIONS, 0) == 0


def test_a_version_that_there_is_not_is_refused_before_the_file_is_read(loop: Any, tmp_path: Path) -> None:
    retrain(loop.app, START)
    with pytest.raises(BadData, match="no version 9"):
        imported(loop, tmp_path / "work.csv", "not even a row", version="9")


def test_a_currency_that_there_is_not_is_told_and_the_work_counts_without_its_money(loop: Any, tmp_path: Path) -> None:
    retrain(loop.app, START)
    done = imported(loop, tmp_path / "work.csv", ONE.replace("USD", "ZZZ"), ONE.replace(",7,", ",8,"))
    assert done.new_entries == 4  # two pieces of work, and the money of one of them
    (problem,) = done.problems
    assert "'ZZZ' is no currency" in problem.message
    office = PayOffice(settings=loop.app.settings, engine=loop.app.ledger.engine, ledger=loop.app.ledger)
    (pay,) = office.payroll(Period.of("2020-01-01..2020-01-31"))
    assert pay.received == Decimal("0.05")


def test_work_of_the_future_is_a_broken_clock_and_is_not_booked(loop: Any, tmp_path: Path) -> None:
    retrain(loop.app, START)
    done = imported(loop, tmp_path / "work.csv", ONE.replace("2020-01-20", "2924-01-20"), ONE.replace(",7,", ",8,"))
    assert (done.pieces, done.new_entries) == (1, 3)
    assert "2924-01-20" in done.problems[0].message


def test_work_that_was_refused_after_it_was_paid_keeps_the_payment_and_says_so(loop: Any, tmp_path: Path) -> None:
    retrain(loop.app, START)
    imported(loop, tmp_path / "work.csv", ONE)
    refused = ONE.replace("yes,0.05,0.01,USD", "no,0,0,USD")
    for _ in range(2):
        (problem,) = imported(loop, tmp_path / "refused.csv", refused).problems
        assert "0.05 USD" in problem.message
    assert loop.app.ledger.balance("annotator:p-some platform:worker-1")[Currency("USD")] == Decimal("0.05")
    assert loop.app.ledger.balance("unused:rejected_answer")[Unit.ANNOTATIONS] == 1


def test_a_refusal_that_was_taken_back_and_made_again_stands_as_it_was_made_last(loop: Any, tmp_path: Path) -> None:
    retrain(loop.app, START)
    refused = ONE.replace("yes,0.05,0.01,USD", "no,0,0,USD")
    balance = loop.app.ledger.balance
    for row, waste, used in ((refused, 1, 0), (ONE, 0, 1), (refused, 1, 0), (ONE, 0, 1)):
        imported(loop, tmp_path / "work.csv", row)
        assert balance("unused:rejected_answer").get(Unit.ANNOTATIONS, 0) == waste
        assert balance("model_version:queries/1").get(Unit.ANNOTATIONS, 0) == used
