"""The card as Markdown, short enough for the description of a registered version."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from kempelen.words import counted
from ledger.card import words
from ledger.card.content import CardContent
from ledger.card.terms import TITLES

LONGEST_MARKDOWN = 5000
"""What the registry keeps of a description."""

_LONGEST_CELL = 100
_ROOM = ((20, True), (10, True), (5, True), (10, False), (5, False), (1, False))
"""Rows of a table or list, and whether terms are written out: the first card that fits. The last one always does."""


def markdown(content: CardContent) -> str:
    """The card for people, below 5000 characters; what finds no room is counted and in the document."""
    cards = (_written(content, rows, terms=terms) for rows, terms in _ROOM)
    return next(card for card in cards if len(card) < LONGEST_MARKDOWN)


def _written(content: CardContent, rows: int, *, terms: bool) -> str:
    five = ("what for", "share", "figures are", "quantity", "effort")
    waste = ("reason", "what for", "figures are", "quantity", "effort")
    sections = [
        f"# Human labour behind {_cell(content.model)}, version {_cell(content.version)}",
        _summary(content),
        _table(five, words.effort_rows(content.effort), rows),
        _section("Given and not used", "", _table(waste, words.unused_rows(content.unused), rows)),
        _section(
            "Used in part",
            f"Told as one figure, because fewer than {content.min_people} people stand behind a part of it.",
            _table(waste, words.unused_rows(content.undivided), rows),
        ),
        _section(
            "Simulated effort (not human work)",
            words.SIMULATED_NOTE,
            _table(("what for", "share", "quantity", "effort"), words.simulated_rows(content), rows),
        ),
        f"Cost: {_cell('; '.join(words.costs(content)), 300)}.",
        _terms(content, written_out=terms),
        _asked(content, rows),
        _section("What is not known", "", _list(words.unknown(content), rows)),
        f"Digest of the entries behind this card (SHA-256): `{content.digest or 'not issued yet'}`",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _summary(content: CardContent) -> str:
    told = [f"**Human effort: {words.span(content.human)}** (direct and inherited), by {words.people(content)}."]
    if parts := words.parts(content):
        told.append(f"{parts}.")
    if content.policies and (content.human.high_s or content.wasted.high_s):
        told.append(f"Time was bounded by {_cell(', '.join(content.policies), 200)}.")
    return " ".join(told)


def _terms(content: CardContent, *, written_out: bool) -> str:
    said = content.terms.said()
    if not said:
        return ""
    if not written_out:
        return "On what terms people were asked: see the card's JSON document."
    lines = [f"{TITLES[name]}: {value}" for name, value in said.items()]
    return _section("On what terms people were asked", "", _list(lines, len(lines)))


def _asked(content: CardContent, most: int) -> str:
    rated = words.ratings(content)
    told = [f"Annotators rated the asking: {rated}."] if rated else []
    if content.credits:
        named = ", ".join(_cell(name) for name in content.credits[:most])
        more = f" and {len(content.credits) - most} more" if len(content.credits) > most else ""
        told.append(f"By people who want to be named: {named}{more}.")
    return "\n\n".join(told)


def _section(title: str, sentence: str, body: str) -> str:
    return "\n\n".join(part for part in (f"## {title}", sentence, body) if part) if body else ""


def _list(lines: Sequence[str], most: int) -> str:
    rest = len(lines) - most
    more = [f"- and {counted(rest, 'line')} more in the card's JSON document"] if rest > 0 else []
    return "\n".join([*(f"- {_cell(line, 200)}" for line in lines[:most]), *more])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], most: int) -> str:
    lines = ["| " + " | ".join(_cell(text) for text in row) + " |" for row in rows]
    if not lines:
        return ""
    rest = len(lines) - most
    more = [f"\nAnd {counted(rest, 'line')} more in the card's JSON document."] if rest > 0 else []
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *lines[:most], *more])


def _cell(text: str, longest: int = _LONGEST_CELL) -> str:
    """One line of plain text that is no markup, and with what it is escaped by not too long."""
    safe = [_ESCAPED.get(character, character) for character in " ".join(text.split())]
    if sum(map(len, safe)) > longest:
        room = list(accumulate(map(len, safe)))
        safe = [*safe[: bisect_right(room, longest - 1)], "\u2026"]
    return "".join(safe)


_ESCAPED = {"&": "&amp;", "<": "&lt;", "|": "\\|", "[": "\\[", "]": "\\]", "`": "\\`", "*": "\\*", "\\": "\\\\"}
