"""The figures of a model as cells that may be published together: what each person gave, read from the totals."""

from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Engine, select

from kempelen.records import Kind
from ledger import accounts
from ledger.accounts import Unused
from ledger.database import reading
from ledger.people.privacy import Key
from ledger.people.releases import Part
from ledger.tables import LINES, TOTALS
from ledger.totals import NOBODY
from ledger.units import Unit

USED = "used"
"""Where effort ended that a version was trained on or checked with; else it is the reason why none was."""


class About(NamedTuple):
    """What a cell is about, from coarse to fine: the order in which cells are put together. Empty for nothing."""

    version: str
    cycle: str
    kind: str
    end: str
    provenance: str
    source: str


def about(key: Key) -> About:
    """The key of a cell with names."""
    return About(*key)


def parts_of(engine: Engine, model: str) -> list[Part]:
    """What each person gave to each cell of a model up to now, for `Releases`; money is none of it.

    A person is one, whatever their roles. Nobody stands behind simulated effort, nor where only a source is known.
    """
    columns = LINES.c.version, LINES.c.cycle, LINES.c.kind, LINES.c.receiver, LINES.c.provenance, LINES.c.source
    amounts = LINES.c.timed, TOTALS.c.person, TOTALS.c.s_low, TOTALS.c.s_high, TOTALS.c.annotations
    query = (
        select(*columns, *amounts).join_from(LINES, TOTALS).where(LINES.c.model == model, LINES.c.currency.is_(None))
    )
    with reading(engine) as connection:
        return [
            Part(
                key=About(version, cycle or "", kind or "", _end(receiver), provenance, source or ""),
                person=accounts.name(person) if person != NOBODY and accounts.is_person(person) else None,
                low_s=Decimal(low) / Unit.S_LOW.per_unit if timed else None,
                high_s=Decimal(high) / Unit.S_HIGH.per_unit if timed else None,
                annotations=annotations,
            )
            for version, cycle, kind, receiver, provenance, source, timed, person, low, high, annotations in (
                connection.execute(query).tuples()
            )
        ]


def is_of(key: Key, version: str) -> bool:
    """Whether a cell is charged to a version, or unused beside it."""
    return about(key).version == version


def is_inherited(key: Key, earlier: Collection[str]) -> bool:
    """Whether a cell is effort that later versions carry on: labels of `earlier` ones that a model learned from."""
    cell = about(key)
    learned_from = cell.end in {USED, Unused.REJECTED_CHALLENGER}
    return cell.version in earlier and cell.kind == Kind.PREPARATION and learned_from


def _end(receiver: str) -> str:
    return accounts.name(receiver) if accounts.role(receiver) == "unused" else USED
