"""Does every issued card still have the digest of the entries that it was issued over?"""

from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from kempelen.errors import Problem
from ledger import cards
from ledger.cards import Card
from ledger.rereading import problem
from ledger.seals import SEAL_BYTES, combined, digest_over, trained

Numbers = NDArray[np.int64]

_AT_ONCE = 10_000

_MEMBERS = text(
    f"""
    SELECT e.version, e.id, coalesce(g.id, 0), coalesce(r.id, 0), CASE WHEN {trained("e")} THEN 1 ELSE 0 END
    FROM ledger_entries e
    LEFT JOIN ledger_entries g ON g.source_id = e.given
    LEFT JOIN ledger_entries r ON r.reverses = e.given
    WHERE e.model = :model AND e.version IS NOT NULL
    """  # noqa: S608 - of our own making
)


def wrong_cards(connection: Connection, seals: bytearray) -> Iterator[Problem]:
    """The cards whose digest is another; `seals` are those of all entries, one behind the other."""
    issued: dict[str, list[Card]] = defaultdict(list)
    for card in cards.cards(connection):
        issued[card.model].append(card)
    for model, of_model in issued.items():
        parts = _Parts(seals=seals, members=_members(connection, model))
        for card in of_model:
            if parts.digest(card) != card.digest:
                yield problem(
                    f"card {card.sequence} of {model}/{card.version}",
                    "Its digest is not that of the entries it was issued over.",
                    "Somebody changed the entries or the card. Compare the database with a backup.",
                )


def _members(connection: Connection, model: str) -> dict[str, Numbers]:
    """By version, shape (entries, 4): an entry, the answer it moves on, what takes that back, whether it trained."""
    found: dict[str, array[int]] = defaultdict(lambda: array("q"))
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(_MEMBERS, {"model": model}).tuples()
    for version, *numbers in rows:
        found[version].extend(numbers)
    return {version: np.frombuffer(numbers, dtype=np.int64).reshape(-1, 4) for version, numbers in found.items()}


@dataclass(slots=True, kw_only=True)
class _Parts:
    """The digests of the parts of versions; those that several cards rest on are made once."""

    seals: bytearray
    members: dict[str, Numbers]
    known: dict[tuple[str, bool, int], bytes] = field(default_factory=dict)

    def digest(self, card: Card) -> str:
        inherited = [self._part(version, card.upto, inherited=True) for version in card.earlier]
        return combined([self._part(card.version, card.upto, inherited=False), *inherited])

    def _part(self, version: str, upto: int, *, inherited: bool) -> bytes:
        members = self.members.get(version, np.empty((0, 4), dtype=np.int64))
        own = members[(members[:, 0] <= upto) & (members[:, 3] >= inherited)]
        numbers = np.unique(own[:, :3])
        numbers = numbers[(numbers > 0) & (numbers <= upto)]
        key = version, inherited, len(numbers)  # entries are only added: as many are the same ones
        if key not in self.known:
            every = np.frombuffer(self.seals, dtype=f"S{SEAL_BYTES}")
            self.known[key] = digest_over(every[numbers - 1].tobytes())
        return self.known[key]
