"""What the cells of an export mean: people, answers, moments, seconds and money; never more than is written there."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from kempelen.errors import ConfigError

SMALLEST = Decimal("0.000001")
"""The smallest part of money that is told apart: piece rates go below a cent."""

LONGEST_TEXT = 2_000
"""Characters. Of a longer item or label its digest is kept: it tells one from another, and the books stay small."""

_LONGEST_ID = 255
_SHOWN = 60
_EARLIEST = 1990
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.ASCII | re.IGNORECASE)
_CURRENCY = re.compile("[A-Z]{3}", re.ASCII)


class Unusable(Exception):
    """What was found in a cell, and what to do about it."""

    def __init__(self, found: str, hint: str) -> None:
        super().__init__(found)
        self.found = found
        self.hint = hint


def shown(text: str) -> str:
    """A cell as a message may repeat it.

    >>> shown("x" * 100_000) == repr("x" * 60 + "...")
    True
    """
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def identifier(text: str, column: str) -> str:
    """What a place calls a person or a piece of work.

    >>> identifier("3E1QT0TDFQL53Q50AJC8U92MN3L8I1", "AssignmentId")
    '3E1QT0TDFQL53Q50AJC8U92MN3L8I1'

    Raises Unusable for what no place writes: nothing, a formula, control characters, or a number that a spreadsheet
    has rounded, by which different people would become one.
    """
    if not text:
        raise Unusable(f"{column} is empty", "Export the file again; a row without it cannot be told from others.")
    if _ROUNDED.fullmatch(text):
        raise Unusable(
            f"{column} reads {text}: a spreadsheet has rounded the number",
            "Import the file as it was exported, not as a spreadsheet saved it.",
        )
    if len(text) > _LONGEST_ID or not text.isprintable() or text[0] in "=+-@":
        raise Unusable(f"{column} reads {shown(text)}, which is no identifier", "Import the file as it was exported.")
    return text


def told(text: str, column: str) -> str:
    """An item or a label as it is kept: the text, or the digest of a long one.

    >>> told("health", "label"), told("x" * 2_001, "label")[:15]
    ('health', 'sha256:9f2c9dcd')
    """
    if "\0" in text:
        raise Unusable(f"{column} holds a NUL character", "Export the file again.")
    return text if len(text) <= LONGEST_TEXT else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def item(text: str, column: str) -> str:
    """What was labelled, as it is kept."""
    if not text:
        raise Unusable(f"{column} is empty", "Fill it in; work is booked by what it was done on.")
    return told(text, column)


def answer(cells: Mapping[str, str]) -> str | None:
    """The label: the only answer column's cell; of several, those that are filled, as JSON; None if none is.

    >>> answer({"intent": "health"}), answer({"intent": "health", "sure": "", "why": "a virus"}), answer({"intent": ""})
    ('health', '{"intent": "health", "why": "a virus"}', None)
    """
    filled = {column: cell for column, cell in cells.items() if cell}
    if not filled:
        return None
    if len(cells) == 1:
        return told(*next((cell, column) for column, cell in filled.items()))
    return told(json.dumps(filled, ensure_ascii=False), "The answer")


def moment(text: str, column: str, parse: Callable[[str], datetime | None]) -> datetime:
    """A moment in UTC; `parse` reads what the place writes, and gives None for what it does not know."""
    try:
        found = parse(text)
        if found is not None and found.year >= _EARLIEST:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    what = "is empty" if not text else f"reads {shown(text)}, which is no moment"
    raise Unusable(f"{column} {what}", "Import the file as it was exported; a spreadsheet changes dates when it saves.")


def iso(text: str) -> datetime | None:
    """ISO 8601 with date and time; without a zone it is UTC.

    >>> iso("2024-10-25T12:27:09.179000Z") == iso("2024-10-25 12:27:09.179")
    True
    >>> iso("2024-10-25") is None
    True
    """
    if ":" not in text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def milliseconds(text: str, column: str) -> int:
    """Seconds in whole milliseconds, rounded up.

    >>> milliseconds("36", "WorkTimeInSeconds"), milliseconds("0.0001", "seconds")
    (36000, 1)
    """
    if not _NUMBER.fullmatch(text):
        raise Unusable(f"{column} reads {shown(text)}, which is no time in seconds", "Write seconds, as 36 or 7.5.")
    return math.ceil(Decimal(text) * 1000)


def money(text: str, column: str) -> Decimal:
    """An amount of at most six decimals.

    >>> money("0.05", "Reward")
    Decimal('0.05')
    """
    if not _NUMBER.fullmatch(text):
        raise Unusable(f"{column} reads {shown(text)}, which is no amount of money", "Write it as 0.05.")
    amount = Decimal(text)
    if amount != amount.quantize(SMALLEST):
        raise Unusable(f"{column} reads {text}: no money is finer than a millionth", "Round it.")
    return amount


def currency(text: str, column: str) -> str:
    """A currency by its ISO 4217 code; whether there is such a currency, the books' exchange rates know."""
    if not _CURRENCY.fullmatch(text):
        raise Unusable(f"{column} reads {shown(text)}, which is no currency", "Write its ISO 4217 code, as EUR.")
    return text


def amount_setting(value: str | float | None, name: str) -> Decimal | None:
    """An amount of money among the parameters. ConfigError for what is none."""
    if value is None:
        return None
    try:
        return money(str(value), name)
    except Unusable as wrong:
        raise ConfigError(f"{wrong.found}.", hint=f"Give {name} as 0.05.") from wrong


def share_setting(value: str | float | None, name: str) -> Decimal | None:
    """A share among the parameters, 0.2 for 20 %. ConfigError for what is none."""
    share = amount_setting(value, name)
    if share is not None and share > 1:
        raise ConfigError(f"{name} is {share}.", hint="Give a share between 0 and 1: 0.2 for 20 %.")
    return share


def currency_setting(value: str, name: str) -> str:
    """A currency among the parameters. ConfigError for what is none."""
    try:
        return currency(value, name)
    except Unusable as wrong:
        raise ConfigError(f"{wrong.found}.", hint=wrong.hint) from wrong


def of(share: Decimal | None, amount: Decimal | None) -> Decimal | None:
    """A share of an amount, to the smallest part of money, half up; None where either is unknown."""
    if share is None or amount is None:
        return None
    return (share * amount).quantize(SMALLEST, ROUND_HALF_UP)
