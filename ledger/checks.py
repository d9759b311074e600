"""Is everything in the books that should be, once, and as it was booked?"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import RowMapping

from kempelen.errors import LedgerError, Problem
from ledger import accounts
from ledger.entries import Entry, Posting, totals
from ledger.rows import entry_of


def problems_in(recorded: Iterable[Sequence[RowMapping]], closed_cycles: Iterable[str]) -> list[Problem]:
    """Everything that is wrong in the recorded rows.

    Every entry balances and reads as it was booked; the books sum to zero by unit; every annotation
    is assigned at most once, and all of it; the pools of `closed_cycles` are empty.
    """
    entries, problems = _readable(recorded)
    postings = [posting for entry in entries for posting in entry.postings]
    return [*problems, *_off_balance(postings), *_misassigned(entries), *_left_over(postings, closed_cycles)]


def _readable(recorded: Iterable[Sequence[RowMapping]]) -> tuple[list[Entry], list[Problem]]:
    entries, problems = [], []
    for rows in recorded:
        try:
            entry = entry_of(rows)
        except LedgerError as error:
            problems.append(_problem(rows[0]["source_id"], str(error), error.hint))
            continue
        entries.append(entry)
        if entry.fingerprint() != rows[0]["fingerprint"]:
            problems.append(
                _problem(
                    entry.source_id,
                    "It does not read as it was booked.",
                    "Somebody changed the database. Compare it with a backup.",
                )
            )
    return entries, problems


def _off_balance(postings: Iterable[Posting]) -> list[Problem]:
    return [
        _problem("all accounts", f"They sum to {total} {unit} instead of zero.", "See the entries that are off.")
        for unit, total in totals(postings).items()
        if total
    ]


def _misassigned(entries: Sequence[Entry]) -> list[Problem]:
    booked = {entry.source_id: entry for entry in entries}
    moves: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.given is not None:
            moves[entry.given].append(entry)
    found = [(source_id, _wrong_with(booked.get(source_id), moved)) for source_id, moved in moves.items()]
    return [
        _problem(source_id, message, "Its effort would be shown wrongly. Compare the books with a backup.")
        for source_id, message in found
        if message
    ]


def _wrong_with(given: Entry | None, moved: Sequence[Entry]) -> str | None:
    if given is None:
        return f"{moved[0].source_id} assigns its effort, but it is not in the books."
    if len(moved) > 1:
        return f"Its effort is assigned {len(moved)} times."
    pools = given.accounts("pool") | moved[0].accounts("pool")
    left = totals(p for e in (given, *moved) for p in e.postings if p.account in pools)
    return "Its effort is assigned in part." if len(pools) > 1 or any(left.values()) else None


def _left_over(postings: Sequence[Posting], closed_cycles: Iterable[str]) -> list[Problem]:
    closed = {accounts.pool(cycle) for cycle in closed_cycles}
    closed |= {accounts.simulated(pool) for pool in closed}
    by_pool: dict[str, list[Posting]] = defaultdict(list)
    for posting in postings:
        if posting.account in closed:
            by_pool[posting.account].append(posting)
    return [
        _problem(
            pool,
            f"Its cycle is closed, and {total} {unit} are left in it.",
            "Assign them to a version, or to an account of unused effort.",
        )
        for pool, of_pool in sorted(by_pool.items())
        for unit, total in totals(of_pool).items()
        if total
    ]


def _problem(subject: str, message: str, hint: str) -> Problem:
    return Problem(stage="ledger", subject=subject, message=message, hint=hint)
