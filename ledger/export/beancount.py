"""The books as a beancount file, so that a program which knows nothing of us can judge their arithmetic.

Seconds, answers, labels and events are commodities, money is its currency. Every balance is asserted as it was summed
up elsewhere, with a tolerance of 0: `bean-check` adds up the transactions and compares.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

from kempelen.errors import LedgerError
from ledger import accounts
from ledger.export._whole import whole_file
from ledger.rows import EntryRow
from ledger.units import Currency, Measure, Unit

_OPENED = "1900-01-01"
"""Before any entry: an account is opened where it first occurs, and entries need not be in the order of time."""

_HEAD = f"""option "title" "Human effort behind models"
option "tolerance_multiplier" "0"

{_OPENED} commodity S_LOW
  name: "seconds, low bound"
{_OPENED} commodity S_HIGH
  name: "seconds, high bound"
{_OPENED} commodity ANNOTATIONS
  name: "answers of people"
{_OPENED} commodity LABELS
  name: "labels that were there before the books"
{_OPENED} commodity EVENTS
  name: "corrections by users"

"""

_PLACES = {
    "annotator": "Income:Annotator",
    "reviewer": "Income:Reviewer",
    "declared": "Income:Declared",
    "payer": "Equity:Payer",
    "platform": "Expenses:Platform",
    "pool": "Assets:Pool",
    "model_version": "Expenses:ModelVersion",
    "unused": "Expenses:Unused",
}
_SIMULATED = "Simulated"
_AS_IT_IS = "X--"
"""Stands before a name that does not begin as a component may; no other component holds two dashes in a row."""

_TOLD = (
    "source_id", "at", "kind", "provenance", "policy", "model", "version", "cycle", "item_id", "person", "worked_at",
    "given", "reverses", "source", "note",
)  # fmt: skip

Balances = Mapping[str, Mapping[Measure, int]]
"""What lies on each account of ours, in smallest parts."""


def write(path: Path, rows: Iterable[EntryRow], balances: Balances) -> None:
    """Write the entries, and the `balances` that they must add up to. LedgerError when the file cannot be written."""
    with whole_file(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(directives(rows, balances))


def directives(rows: Iterable[EntryRow], balances: Balances) -> Iterator[str]:
    """The file, piece by piece: what it speaks of, then the entries, then what must lie on every account."""
    opened: set[str] = set()
    last = date.fromisoformat(_OPENED)
    yield _HEAD
    for row in rows:
        for name in (row.giver, row.receiver):
            if name not in opened:
                opened.add(name)
                yield f"{_OPENED} open {account(name)}\n"
        last = max(last, date.fromisoformat(row.at[:10]))
        yield transaction(row)
    after = last + timedelta(days=1)
    for name in sorted(balances):
        for unit, parts in sorted(balances[name].items()):
            yield f"{after} balance {account(name)}  {_number(parts, unit)} ~ 0 {_commodity(unit)}\n"


def transaction(row: EntryRow) -> str:
    """One entry: what moved, from where to where, and all that is known of it as metadata."""
    told = ((name, getattr(row, name)) for name in _TOLD)
    lines = [f"{row.at[:10]} * {_string(row.narration)}"]
    lines += [f"  {name}: {_string(value)}" for name, value in told if value is not None]
    lines += [
        f"  {account(name)}  {_number(sign * parts, unit)} {_commodity(unit)}"
        for unit, parts in _amounts(row)
        for name, sign in ((row.giver, -1), (row.receiver, 1))
    ]
    return "\n".join(lines) + "\n\n"


def account(name: str) -> str:
    """The beancount account of one of ours. No two of ours have the same, see `original`.

    >>> account("model_version:intents/3"), account("simulated:annotator:Ada")
    ('Expenses:ModelVersion:Intents-2f3', 'Income:Simulated:Annotator:X--Ada')
    """
    root, _, role = _PLACES[accounts.role(name)].partition(":")
    simulated = [_SIMULATED] if accounts.is_simulated(name) else []
    return ":".join([root, *simulated, role, _component(accounts.name(name))])


def original(account: str) -> str:
    """Our account of this beancount account. LedgerError for one that is none of ours.

    >>> original("Expenses:ModelVersion:Intents-2f3")
    'model_version:intents/3'
    """
    root, *parts = account.split(":")
    prefix = accounts.SIMULATED if parts[0] == _SIMULATED else ""
    *role, component = parts[1:] if prefix else parts
    roles = {place: ours for ours, place in _PLACES.items()}
    place = ":".join([root, *role])
    if place not in roles:
        raise LedgerError(f"{account!r} is no account of the books.", hint="Use an account of an exported file.")
    return f"{prefix}{roles[place]}:{_name(component)}"


def _component(name: str) -> str:
    """Letters and digits as they are, any other byte as a dash and two digits; it begins with a capital or a digit."""
    spelt = re.sub("[^A-Za-z0-9]", lambda found: "".join(f"-{byte:02x}" for byte in found[0].encode()), name)
    if "a" <= spelt[0] <= "z":
        return spelt[0].upper() + spelt[1:]
    return spelt if spelt[0].isdigit() else _AS_IT_IS + spelt


def _name(component: str) -> str:
    if component.startswith(_AS_IT_IS):
        spelt = component.removeprefix(_AS_IT_IS)
    else:
        spelt = component[0].lower() + component[1:]
    return re.sub("(?:-[0-9a-f]{2})+", lambda found: bytes.fromhex(found[0].replace("-", "")).decode(), spelt)


def _amounts(row: EntryRow) -> Iterator[tuple[Measure, int]]:
    for unit in Unit:
        parts = getattr(row, unit)
        if parts is not None:
            yield unit, parts
    if row.currency is not None and row.money is not None:
        yield Currency(row.currency), row.money


def _commodity(unit: Measure) -> str:
    return unit.upper()


def _number(parts: int, unit: Measure) -> str:
    """Smallest parts as a decimal number, exactly."""
    places = len(str(unit.per_unit)) - 1
    wholes, rest = divmod(abs(parts), unit.per_unit)
    return f"{'-' if parts < 0 else ''}{wholes}" + (f".{rest:0{places}}" if places else "")


def _string(text: str) -> str:
    """A string on one line."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'
