"""Entries of the first form, a row a posting, as rows of the second: read, verified and sealed anew.

Both forms are written down here as they were: what the books say today may be another thing.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from kempelen.errors import LedgerError

_AT_ONCE = 1000

_OLD_FACTS = ("source_id", "narration", "kind", "provenance", "model", "version", "cycle", "item_id", "policy", "given")
_UNITS = ("annotations", "labels", "s_high", "s_low")
_NOTHING = dict.fromkeys(("s_low", "s_high", "annotations", "labels", "events", "currency", "money", "reverses"))
_EVENT = (
    *("source_id", "narration", "kind", "provenance", "giver", "receiver", "amounts", "model", "version", "cycle"),
    *("item_id", "policy", "person", "worked_at", "given", "reverses", "source", "note"),
)
_HINT = "Nothing was changed. Restore a backup of the database, or run `kempelen labour verify` of the Kempelen before."

_ENTRIES = text("SELECT * FROM ledger_entries_1 WHERE id > :after ORDER BY id LIMIT :most")
_POSTINGS = text(
    "SELECT entry_id, account, unit, parts FROM ledger_postings_1 WHERE entry_id BETWEEN :first AND :last "
    "ORDER BY entry_id, line"
)
_GIVERS = text(
    "SELECT e.id, p.account FROM ledger_entries_1 e JOIN ledger_entries_1 g ON g.source_id = e.given "
    "JOIN ledger_postings_1 p ON p.entry_id = g.id WHERE e.id BETWEEN :first AND :last AND p.parts < 0"
)


def converted(connection: Connection) -> Iterator[list[dict[str, Any]]]:
    """All old entries as new rows, in their order. LedgerError for one that does not read as it was booked."""
    after = 0
    while old := connection.execute(_ENTRIES, {"after": after, "most": _AT_ONCE}).mappings().all():
        span = {"first": old[0]["id"], "last": old[-1]["id"]}
        postings: dict[int, list[tuple[str, str, int]]] = defaultdict(list)
        for number, account, unit, parts in connection.execute(_POSTINGS, span):
            postings[number].append((account, unit, parts))
        people: dict[int, str] = dict(connection.execute(_GIVERS, span).tuples().all())
        yield [_row(entry, postings[entry["id"]], people.get(entry["id"])) for entry in old]
        after = span["last"]


def _row(old: RowMapping, postings: Sequence[tuple[str, str, int]], person: str | None) -> dict[str, Any]:
    facts: dict[str, Any] = {name: old[name] for name in (*_OLD_FACTS, "note")}
    event = facts | {"postings": [list(posting) for posting in postings]}
    written = json.dumps(event, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    if hashlib.sha256(written.encode()).digest() != bytes(old["fingerprint"]):
        raise LedgerError(f"Entry {old['source_id']} does not read as it was booked.", hint=_HINT)
    giver, receiver, amounts = _transfer(old["source_id"], postings)
    gave = giver.removeprefix("simulated:")
    new = _NOTHING | amounts | facts
    new |= {
        "giver": giver,
        "receiver": receiver,
        "person": giver if gave.startswith(("annotator:", "reviewer:")) else person,
        "worked_at": None,  # was not kept
        "source": gave.removeprefix("declared:") if gave.startswith("declared:") else None,
    }
    sealed = hashlib.sha256(json.dumps(_event(new), separators=(",", ":")).encode()).digest()
    return new | {"id": old["id"], "at": old["at"], "fingerprint": sealed}


def _event(new: Mapping[str, Any]) -> list[Any]:
    amounts = [[unit, new[unit]] for unit in _UNITS if new[unit] is not None]
    return [amounts if name == "amounts" else new[name] for name in _EVENT]


def _transfer(source_id: str, postings: Sequence[tuple[str, str, int]]) -> tuple[str, str, dict[str, int]]:
    """Who gave, who received, and how much of each unit: what every rule of that time made."""
    givers = {account for account, _, parts in postings if parts < 0}
    receivers = {account for account, _, parts in postings if parts > 0}
    if len(givers) != 1 or len(receivers) != 1 or {account for account, _, _ in postings} != givers | receivers:
        raise LedgerError(f"Entry {source_id} is no transfer between two accounts.", hint=_HINT)
    (giver,), (receiver,) = givers, receivers
    received = {unit: parts for account, unit, parts in postings if account == receiver}
    if len(received) * 2 != len(postings) or set(received) - set(_UNITS):
        raise LedgerError(f"Entry {source_id} posts a unit more than once, or an unknown one.", hint=_HINT)
    return giver, receiver, received
