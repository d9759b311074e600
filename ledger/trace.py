"""Both ways through the books: from a version to every answer behind it, and from an answer to every version."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, Row, insert, select, text

from kempelen.errors import LedgerError
from kempelen.records import Kind, Provenance
from ledger import accounts
from ledger.labour import Share
from ledger.posting_rules import GIVEN, annotation_of
from ledger.rows import in_parts
from ledger.seals import trained
from ledger.tables import LINEAGE
from ledger.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """Effort that stands behind a version: one answer, or a part of it that was booked later, or labels in bulk.

    Attributes
    ----------
    version, charged_to
        The version that it is behind, and the one that it was charged to: another one where it is inherited.
    booked_as, answer
        The `source_id` of the entry by which a person gave it, and that of the answer it is about.
    unused
        Why no model learned from it, None where one did or where it checked one.
    """

    version: str
    charged_to: str
    share: Share
    booked_as: str
    answer: str
    item_id: str | None
    person: str | None
    kind: Kind
    provenance: Provenance
    low_s: Decimal | None
    high_s: Decimal | None
    annotations: int
    labels: int
    events: int
    unused: str | None
    source: str | None
    policy: str | None


_COLUMNS = (
    "coalesce(e.given, e.source_id) AS booked_as, e.item_id, e.person, e.kind, e.provenance, e.s_low, e.s_high, "
    "e.annotations, e.labels, e.events, e.receiver, e.source, e.policy, e.id"
)
_STANDS = (
    "e.currency IS NULL AND e.reverses IS NULL "
    "AND NOT EXISTS (SELECT 1 FROM ledger_entries r WHERE r.reverses = e.source_id)"
)

_BEHIND = text(
    f"SELECT e.version AS version, e.version AS charged_to, 'direct' AS share, {_COLUMNS} FROM ledger_entries e "  # noqa: S608 - from this file alone
    f"WHERE e.model = :model AND e.version = :version AND {_STANDS} "
    f"UNION ALL SELECT l.version, e.version, 'inherited', {_COLUMNS} FROM ledger_lineage l "
    "JOIN ledger_entries e ON e.model = l.model AND e.version = l.earlier "
    f"WHERE l.model = :model AND l.version = :version AND {trained('e')} AND {_STANDS} ORDER BY share, id"
)

_WENT = text(
    f"""
    WITH named AS (
      SELECT id, source_id FROM ledger_entries WHERE source_id IN (:answer, :given)
      UNION SELECT id, source_id FROM ledger_entries WHERE source_id > :part AND source_id < :behind
      UNION SELECT id, source_id FROM ledger_entries WHERE source_id > :part_given AND source_id < :behind_given),
    moved AS (
      SELECT e.* FROM named JOIN ledger_entries e ON e.given = named.source_id
      UNION ALL SELECT e.* FROM named JOIN ledger_entries e ON e.id = named.id),
    e AS (SELECT e.* FROM moved e WHERE e.version IS NOT NULL AND {_STANDS})
    SELECT e.version AS version, e.version AS charged_to, 'direct' AS share, {_COLUMNS} FROM e
    UNION ALL SELECT l.version, e.version, 'inherited', {_COLUMNS} FROM e
      JOIN ledger_lineage l ON l.model = e.model AND l.earlier = e.version WHERE {trained("e")}
    ORDER BY share, id, version
    """  # noqa: S608
)


def behind(connection: Connection, model: str, version: str) -> Iterator[Traced]:
    """Everything that stands behind a version, what was charged to it first; what was taken back is not there."""
    return map(_traced, connection.execute(_BEHIND, {"model": model, "version": version}))


def went(connection: Connection, source_id: str) -> list[Traced]:
    """Every version that an answer stands behind, with each part of it that was booked."""
    answer = annotation_of(source_id)
    given = f"{GIVEN}{answer}"
    # The parts of an answer are named with "#" behind it, and "$" is the next character.
    parts = {"part": f"{answer}#", "behind": f"{answer}$", "part_given": f"{given}#", "behind_given": f"{given}$"}
    return [*map(_traced, connection.execute(_WENT, {"answer": answer, "given": given} | parts))]


def unrecorded(connection: Connection, model: str, lineage: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """The rows of a lineage that are not on record. LedgerError for a version that would inherit from itself."""
    if loops := [version for version, earlier in lineage.items() if version in earlier]:
        raise LedgerError(f"Version {loops[0]} of {model} cannot inherit from itself.", hint="Name earlier versions.")
    pairs = {(version, one) for version, earlier in lineage.items() for one in earlier}
    query = select(LINEAGE.c.version, LINEAGE.c.earlier).where(LINEAGE.c.model == model)
    new = pairs - set(connection.execute(query).tuples())
    return [{"model": model, "version": version, "earlier": earlier} for version, earlier in sorted(new)]


def record(connection: Connection, rows: Sequence[dict[str, str]]) -> None:
    """Remember rows of a lineage."""
    for some in in_parts(rows):
        connection.execute(insert(LINEAGE), some)


def _traced(row: Row[tuple[object, ...]]) -> Traced:
    unused = accounts.name(row.receiver) if accounts.role(row.receiver) == "unused" else None
    return Traced(
        version=row.version,
        charged_to=row.charged_to,
        share=Share(row.share),
        booked_as=row.booked_as,
        answer=annotation_of(row.booked_as),
        item_id=row.item_id,
        person=row.person,
        kind=Kind(row.kind),
        provenance=Provenance(row.provenance),
        low_s=_seconds(row.s_low),
        high_s=_seconds(row.s_high),
        annotations=row.annotations or 0,
        labels=row.labels or 0,
        events=row.events or 0,
        unused=unused,
        source=row.source,
        policy=row.policy,
    )


def _seconds(milliseconds: int | None) -> Decimal | None:
    return None if milliseconds is None else Decimal(milliseconds) / Unit.S_HIGH.per_unit
