"""Digests over the entries behind a version: the same on every database, and in whatever order they were booked."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from sqlalchemy import Connection, text

SEAL_BYTES = 32


def trained(table: str) -> str:
    """The condition, on entries or lines of totals, that a model learned from it: later versions inherit that."""
    return (
        f"{table}.kind = 'preparation' AND {table}.currency IS NULL AND ({table}.receiver LIKE 'model_version:%' "
        f"OR {table}.receiver LIKE 'simulated:model_version:%' "
        f"OR {table}.receiver IN ('unused:rejected_challenger', 'simulated:unused:rejected_challenger'))"
    )


_BEHIND = """
WITH own AS (SELECT e.id, e.given FROM ledger_entries e WHERE e.model = :model AND e.version = :version
                AND e.id <= :upto AND {condition}),
  behind AS (SELECT id FROM own
    UNION SELECT g.id FROM own JOIN ledger_entries g ON g.source_id = own.given
    UNION SELECT r.id FROM own JOIN ledger_entries r ON r.reverses = own.given)
SELECT s.fingerprint, s.at FROM ledger_entries s JOIN behind ON behind.id = s.id WHERE s.id <= :upto
"""

OWN = _BEHIND.format(condition="1 = 1")
"""The entries of a version, with the answers that they move on and what takes these back."""

INHERITED = _BEHIND.format(condition=trained("e"))
"""Those of them that later versions inherit."""


def digest_of(connection: Connection, model: str, version: str, earlier: Iterable[str], upto: int) -> str:
    """The digest of a version by its parts: its own entries, and what it inherits from each earlier version.

    `ledger.entries.digest` over the parts' digests, each of which is `ledger.entries.digest` over the seals of its
    entries, of those booked up to number `upto`. In parts, so that checking the cards of many versions reads each
    entry a few times, and not once for every version that rests on it.
    """
    parts = [_part(connection, OWN, model, version, upto)]
    parts += [_part(connection, INHERITED, model, v, upto) for v in sorted({*earlier} - {version})]
    return combined(parts)


def _part(connection: Connection, query: str, model: str, version: str, upto: int) -> bytes:
    values = {"model": model, "version": version, "upto": upto}
    rows = connection.execute(text(query), values).tuples()
    return digest_over(bytearray(b"".join(_seals(rows))))


def _seals(rows: Iterable[Sequence[str | bytes]]) -> Iterator[bytes]:
    for fingerprint, at in rows:
        yield hashlib.sha256(bytes(fingerprint) + at.encode()).digest()  # type: ignore[arg-type, union-attr]


def digest_over(seals: bytes | bytearray) -> bytes:
    """SHA-256 over seals that stand one behind the other: sorted, each once, as `ledger.entries.digest` has it."""
    ordered = np.unique(np.frombuffer(seals, dtype=f"S{SEAL_BYTES}"))
    return hashlib.sha256(ordered.tobytes()).digest()


def combined(parts: Iterable[bytes]) -> str:
    """The digest of a version from those of its parts."""
    return digest_over(b"".join(parts)).hex()
