"""Cells that a spreadsheet leaves as they are, and that mean the same when they come back.

A cell that begins with = + - @ is a formula to a spreadsheet, and may do harm (OWASP, "CSV Injection"); one that
looks like a number or a date is changed without a word. An apostrophe before it keeps it a text. A formula may
also begin after a separator, for a spreadsheet splits the line at the separator of its own language.
"""

import re
import unicodedata
from typing import Any

_FORMULA = re.compile(r"(^|[,;|])([\s\"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
_NUMBER = re.compile(r"[\d\s.,:/%eE+-]*\d[\d\s.,:/%eE+-]*")
_DIGIT = re.compile(r"\d")
_SEPARATOR = "; "


def shielded(column: str, value: Any) -> str:
    """The value as the text of a cell; the same again for what is shielded already.

    >>> shielded("query", "=1+1"), shielded("query", "march 3"), shielded("query", "corona")
    ("'=1+1", "'march 3", 'corona')
    >>> shielded("item_id", "000000000012e345"), shielded("item_id", "8ec3e99ade3055c2")
    ("'000000000012e345", '8ec3e99ade3055c2')
    >>> shielded("answers_wanted", 2), shielded("asked_again", True), shielded("hazards", ["violence", "abuse"])
    ('2', 'yes', 'violence; abuse')
    """
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list | tuple):
        value = _SEPARATOR.join(map(str, value))
    text = _FORMULA.sub(r"\1\2'", _one_line("" if value is None else str(value)))
    # Names of months differ by language, so any query with a digit may be a date somewhere.
    changed = _DIGIT.search(text) if column == "query" else _NUMBER.fullmatch(text)
    return f"'{text}" if changed and column != "answers_wanted" and not text.startswith("'") else text


def bare(cell: str) -> str:
    """The text without the apostrophe that keeps it one.

    >>> bare("'000000000012e345")
    '000000000012e345'
    """
    return cell[1:].lstrip() if cell.startswith("'") else cell


def trimmed(cell: str) -> str:
    """The cell without blanks around it, and without the byte order mark that putting files together leaves."""
    return cell.strip("\ufeff \t\r\n\u00a0")


def folded(text: str) -> str:
    """What is left when case, width, and the choice between blank, hyphen and underscore are ignored.

    >>> folded(" Item-ID ")
    'item_id'
    """
    plain = unicodedata.normalize("NFKC", trimmed(text)).casefold()
    return "_".join(plain.replace("_", " ").replace("-", " ").split())


def _one_line(text: str) -> str:
    return "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
