"""Short ways to write work, contracts and payments, and a database for contracts."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kempelen.records import Kind
from ledger.database import open_engine, writing
from ledger.pay.contract_book import ContractBook
from ledger.pay.contracts import Basis, Contract
from ledger.pay.period import Period
from ledger.pay.tables import CONTRACTS, make_tables
from ledger.pay.worked import Received, Worked

ADA = "annotator:ada"
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


def _contract(
    amount: str = "12",
    *,
    person: str = ADA,
    basis: Basis = Basis.HOURLY,
    currency: str = "EUR",
    region: str | None = "DE",
    first: str = "2024-01-01",
    last: str | None = None,
    fee_share: str = "0",
) -> Contract:
    return Contract(
        person=person,
        basis=basis,
        amount=Decimal(amount),
        currency=currency,
        region=region,
        first=date.fromisoformat(first),
        last=date.fromisoformat(last) if last else None,
        fee_share=Decimal(fee_share),
        recorded_at=NOON,
        recorded_by="eva",
    )


def _worked(
    on: str = "2024-01-10",
    low: str | None = "3600",
    high: str | None = None,
    *,
    person: str = ADA,
    pieces: int = 0,
    rejected: int = 0,
) -> Worked:
    bound = high if high is not None else low
    return Worked(
        person=person,
        on=date.fromisoformat(on),
        low_s=None if low is None else Decimal(low),
        high_s=None if bound is None else Decimal(bound),
        pieces=pieces,
        rejected_pieces=rejected,
        kind=Kind.PREPARATION,
    )


def _received(
    amount: str,
    on: str = "2024-01-10",
    *,
    person: str = ADA,
    currency: str = "EUR",
    what: str = "reward",
    period: str | None = None,
) -> Received:
    return Received(
        person=person,
        on=date.fromisoformat(on),
        amount=Decimal(amount),
        currency=currency,
        what=what,
        period=Period.of(period) if period else None,
    )


@pytest.fixture(name="contract", scope="session")
def contract_maker() -> Callable[..., Contract]:
    return _contract


@pytest.fixture(name="worked", scope="session")
def worked_maker() -> Callable[..., Worked]:
    return _worked


@pytest.fixture(name="received", scope="session")
def received_maker() -> Callable[..., Received]:
    return _received


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of an empty PostgreSQL server of our own, on a socket that nobody else sees."""
    found = shutil.which("initdb")
    assert found, "PostgreSQL's initdb is not on the PATH."
    programs, folder = Path(found).resolve().parent, Path(tempfile.mkdtemp(prefix="kempelen-pay-"))
    account = {"user": "postgres"} if os.getuid() == 0 else {}  # the server refuses to run as root
    if account:
        shutil.chown(folder, "postgres")
    data, control = folder / "data", [str(programs / "pg_ctl"), "-w", "-D", str(folder / "data")]
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    run = partial(subprocess.run, check=True, stdout=subprocess.DEVNULL, cwd=folder, **account)
    try:
        run([str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"])
        run([*control, "-l", str(folder / "log"), "-o", options, "start"])
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        run([*control, "-m", "immediate", "stop"], check=False)
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database with the table of contracts in it."""
    of_postgresql = request.param == "postgresql"
    made = open_engine(request.getfixturevalue("postgresql") if of_postgresql else tmp_path / "kempelen.db")
    with writing(made) as connection:
        make_tables(connection)
    yield made
    if of_postgresql:  # the next test finds the server as this one did
        with writing(made) as connection:
            CONTRACTS.drop(connection)
    made.dispose()


@pytest.fixture
def book(engine: Engine) -> ContractBook:
    return ContractBook(engine)
