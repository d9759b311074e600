"""Is everything in the books that should be, once, and as it was booked?"""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, text

from kempelen.errors import Problem
from ledger import accounts, totals
from ledger.card_checks import wrong_cards
from ledger.database import prepare_to_read_all
from ledger.rereading import Found, problem
from ledger.rereading_apart import read_all
from ledger.totals import NOTHING, Sums
from ledger.units import Currency, Measure, Unit

_COMPARE = "Compare the books with a backup."


def problems_in(connection: Connection, closed_cycles: Iterable[str]) -> list[Problem]:
    """Everything that is wrong in the books, in the state that the connection's transaction sees.

    * Every entry reads as it was booked, and none is missing between the first and the last.
    * Every answer is assigned at most once, all of it, and as whose it is; the pools of `closed_cycles` are empty.
    * What takes an entry back is its exact opposite.
    * What people gave and other places declared is what pools, versions and unused effort hold, by unit; what is on the
      account of a version is told of that version.
    * The totals are those of the entries, and every card's digest that of the entries it names.
    """
    prepare_to_read_all(connection)
    found = read_all(connection)
    return [
        *_missing(connection, found),
        *found.problems,
        *_misassigned(connection),
        *_not_opposite(connection),
        *_left_over(found, closed_cycles),
        *_astray(found),
        *_told_of_another(found),
        *_wrong_totals(connection, found),
        *wrong_cards(connection, found.seals),
    ]


def _missing(connection: Connection, found: Found) -> Iterator[Problem]:
    held = connection.execute(text("SELECT count(*) FROM ledger_entries")).scalar_one()
    if held != found.last:
        yield problem(
            "all entries",
            f"There are {held} entries, numbered up to {found.last}.",
            "Somebody removed or added some. Compare the database with a backup.",
        )


_STANDS = "NOT EXISTS (SELECT 1 FROM ledger_entries r WHERE r.reverses = {0}.source_id)"
_MOVES = f"e.given IS NOT NULL AND e.reverses IS NULL AND {_STANDS.format('e')}"
_ASSIGNED_AGAIN = text(
    "SELECT twice.given, count(*) FROM (SELECT given FROM ledger_entries WHERE given IS NOT NULL AND reverses IS NULL "  # noqa: S608 - from this file alone
    "GROUP BY given HAVING count(*) > 1) AS twice "
    f"JOIN ledger_entries e ON e.given = twice.given WHERE {_MOVES} GROUP BY twice.given HAVING count(*) > 1"
)


def _equal(names: Iterable[str], sign: str = "") -> str:
    """Whether two entries agree, NULLs included."""
    return " AND ".join(f"(e.{n} = {sign}g.{n} OR (e.{n} IS NULL AND g.{n} IS NULL))" for n in names)


_AMOUNTS = (*(unit.value for unit in Unit), "money")
_WHOLE = f"g.receiver = e.giver AND {_equal(_AMOUNTS)}"
_THEIRS = _equal(("person", "provenance", "model", "cycle", "item_id"))
_ASSIGNED_WRONGLY = text(
    f"SELECT e.given, e.source_id, g.id, {_STANDS.format('g')}, {_WHOLE} FROM ledger_entries e "  # noqa: S608
    f"LEFT JOIN ledger_entries g ON g.source_id = e.given WHERE {_MOVES} "
    f"AND (g.id IS NULL OR NOT ({_WHOLE} AND {_THEIRS} AND {_STANDS.format('g')}))"
)


def _misassigned(connection: Connection) -> Iterator[Problem]:
    hint = f"Its effort would be shown wrongly. {_COMPARE}"
    for given, times in connection.execute(_ASSIGNED_AGAIN).tuples():
        yield problem(given, f"Its effort is assigned {times} times.", hint)
    for given, source_id, number, stands, whole in connection.execute(_ASSIGNED_WRONGLY).tuples():
        if number is None:
            message = f"{source_id} assigns its effort, but it is not in the books."
        elif not stands:
            message = f"It was taken back, and {source_id} still assigns its effort."
        else:
            message = "Its effort is assigned as another's." if whole else "Its effort is assigned in part."
        yield problem(given, message, hint)


_FACTS = ("kind", "provenance", "giver", "receiver", "currency", "model", "version", "cycle", "person", "given")
_TAKEN_BACK_WRONGLY = text(
    "SELECT e.source_id, e.reverses, g.id FROM ledger_entries e "  # noqa: S608
    "LEFT JOIN ledger_entries g ON g.source_id = e.reverses AND g.reverses IS NULL WHERE e.reverses IS NOT NULL "
    f"AND (g.id IS NULL OR NOT ({_equal(_AMOUNTS, '-')} AND {_equal((*_FACTS, 'source', 'policy', 'note'))}))"
)


def _not_opposite(connection: Connection) -> Iterator[Problem]:
    for source_id, reverses, number in connection.execute(_TAKEN_BACK_WRONGLY).tuples():
        what = "which is not in the books" if number is None else "but is not its exact opposite"
        yield problem(source_id, f"It takes back {reverses}, {what}.", _COMPARE)


def _left_over(found: Found, closed_cycles: Iterable[str]) -> Iterator[Problem]:
    closed = {accounts.pool(cycle) for cycle in closed_cycles}
    closed |= {accounts.simulated(pool) for pool in closed}
    held: dict[str, Sums] = {}
    for (giver, receiver, _), sums in found.flows.items():
        if receiver in closed:
            held[receiver] = held.get(receiver, NOTHING).plus(sums)
        if giver in closed:
            held[giver] = held.get(giver, NOTHING).plus(_negative(sums))
    for pool, sums in sorted(held.items()):
        for unit in sorted(Unit):
            if parts := getattr(sums, unit):
                yield problem(
                    pool,
                    f"Its cycle is closed, and {_amount(parts, unit)} {unit} are left in it.",
                    "Assign them to a version, or to an account of unused effort.",
                )


_LEGAL = {
    "annotator": {"pool", "model_version", "unused"},
    "reviewer": {"pool", "model_version", "unused"},
    "declared": {"model_version"},
    "pool": {"model_version", "unused"},
    "payer": {"annotator", "reviewer", "platform"},
}
"""Who may give to whom: as long as nothing moves otherwise, what was given is what pools, versions and waste hold."""


def _astray(found: Found) -> Iterator[Problem]:
    """Effort or money that moves as no rule moves it."""
    for giver, receiver, currency in sorted(found.flows, key=str):
        of, to = accounts.role(giver), accounts.role(receiver)
        if to not in _LEGAL.get(of, set()) or (of == "payer") is (currency is None):
            yield problem(
                giver, f"Something moved from it to {receiver}, as no rule has it.", "Take the entry back, and see why."
            )


def _told_of_another(found: Found) -> Iterator[Problem]:
    """Statements go by the version that an entry names, balances by its account: both must say the same."""
    held: dict[str, Sums] = {}
    for (_, receiver, _), sums in found.flows.items():
        if accounts.role(receiver) == "model_version":
            held[receiver] = held.get(receiver, NOTHING).plus(sums)
    for (line, _), sums in found.totals.items():
        if line.receiver in held and accounts.name(line.receiver) == f"{line.model}/{line.version}":
            held[line.receiver] = held[line.receiver].plus(_negative(sums))
    for account, sums in sorted(held.items()):
        if sums != NOTHING:
            yield problem(account, f"{_listed(sums)} in it are told of another version, or of none.", _COMPARE)


def _wrong_totals(connection: Connection, found: Found) -> Iterator[Problem]:
    kept = totals.read_all(connection)
    wrong = [key for key in {*kept, *found.totals} if kept.get(key, NOTHING) != found.totals.get(key, NOTHING)]
    for line, person in sorted(wrong, key=str):
        is_, should = kept.get((line, person), NOTHING), found.totals.get((line, person), NOTHING)
        yield problem(
            f"totals of {line.model}/{line.version}",
            f"{line.receiver}, {line.kind}: {_listed(is_)} are kept, the entries say {_listed(should)}.",
            "Somebody changed the database. Restore a backup, or derive the totals anew (Ledger.rebuild_totals).",
        )


def _listed(sums: Sums) -> str:
    return ", ".join(f"{n} {name}" for name, n in sums._asdict().items() if n) or "nothing"


def _negative(sums: Sums) -> Sums:
    return Sums(*(-n for n in sums))


def _amount(parts: int, unit: Measure | Currency) -> str:
    return f"{parts / unit.per_unit:g}"
