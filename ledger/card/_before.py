"""The labour card of a version: what people gave for it, in one document to pin to the model."""

from collections.abc import Iterable, Sequence
from typing import Any

from ledger.card import as_json, as_markdown
from ledger.card import figures as new_figures
from ledger.card.content import CardContent
from ledger.durations import interval
from ledger.labour import COST_NOTE, Amounts, EffortLine, Share, UnusedLine, VersionLabour, apart

FORMAT = "kempelen-labour-card/1"

LONGEST_MARKDOWN = 5000
"""What the registry keeps of a description."""

_LONGEST_CELL = 100
_ROWS = (20, 10, 5, 1)
"""Rows a table may have, the first number that fits. One row a table always does."""


def document(labour: VersionLabour | CardContent) -> dict[str, Any]:
    """The card as JSON values: the statement, under the name of its format."""
    if isinstance(labour, CardContent):
        return as_json.document(labour)
    return {"card": FORMAT} | labour.as_json()


def tags(labour: VersionLabour | CardContent) -> dict[str, str]:
    """The card's figures as flat text, for the tags of a model version; `unknown` for what nobody knows."""
    if isinstance(labour, CardContent):
        return new_figures.tags(labour)
    figures = labour.totals() | {
        "cost": None,
        "digest": labour.digest,
    }
    return {f"labour.{name}": _plain(figure) for name, figure in figures.items()}


def markdown(labour: VersionLabour | CardContent) -> str:
    """The card for people, below 5000 characters; rows that find no room are counted and in the document."""
    if isinstance(labour, CardContent):
        return as_markdown.markdown(labour)
    cards = (_written(labour, rows) for rows in _ROWS)
    return next(card for card in cards if len(card) < LONGEST_MARKDOWN)


def _written(labour: VersionLabour, rows: int) -> str:
    sections = [
        f"# Human labour behind {_cell(labour.model)}, version {_cell(labour.version)}",
        _human_summary(labour),
        _effort_table(apart(labour.effort, simulated=False), rows),
        _unused_section(apart(labour.unused, simulated=False), rows),
        _simulated_section(labour, rows),
        f"Cost: unknown ({COST_NOTE}).",
        f"Digest of the entries behind this card (SHA-256): `{labour.digest}`",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _human_summary(labour: VersionLabour) -> str:
    span = interval(labour.human_low_s, labour.human_high_s)
    more = ", and effort of unknown length" if labour.human_unknown and labour.human_low_s is not None else ""
    return (
        f"**Human effort: {span}{more}** (direct and inherited). {_counted(labour.human.annotations, 'annotation')} "
        f"by {_counted(labour.human.annotators, 'annotator')} for this version, skips included."
    )


def _effort_table(lines: Sequence[EffortLine], most: int) -> str:
    rows = (
        (line.kind.value, _share(line), _provenance(line), _quantity(line.amounts), _span(line.amounts, line.note))
        for line in lines
    )
    return _table(("what for", "share", "figures are", "quantity", "effort"), rows, most) if lines else ""


def _unused_section(lines: Sequence[UnusedLine], most: int) -> str:
    if not lines:
        return ""
    rows = (
        (
            line.reason.replace("_", " "),
            line.kind.value,
            line.provenance.value,
            _quantity(line.amounts),
            _span(line.amounts),
        )
        for line in lines
    )
    return "## Given and not used\n\n" + _table(("reason", "what for", "figures are", "quantity", "effort"), rows, most)


def _simulated_section(labour: VersionLabour, most: int) -> str:
    effort, unused = apart(labour.effort, simulated=True), apart(labour.unused, simulated=True)
    if not effort and not unused:
        return ""
    rows = [(line.kind.value, _share(line), _quantity(line.amounts), _span(line.amounts)) for line in effort]
    rows += [
        (line.kind.value, f"not used: {line.reason.replace('_', ' ')}", _quantity(line.amounts), _span(line.amounts))
        for line in unused
    ]
    return (
        "## Simulated effort (not human work)\n\nNo person gave this; it is in none of the figures above.\n\n"
        + _table(("what for", "share", "quantity", "effort"), rows, most)
    )


def _share(line: EffortLine) -> str:
    if line.share is Share.DIRECT:
        return "direct"
    return f"inherited from {', '.join(line.charged_to)}"


def _provenance(line: EffortLine) -> str:
    return f"{line.provenance.value} ({line.source})" if line.source else line.provenance.value


def _quantity(amounts: Amounts) -> str:
    if amounts.labels:
        return _counted(amounts.labels, "label")
    return _counted(amounts.annotations, "annotation")


def _span(amounts: Amounts, note: str | None = None) -> str:
    return interval(amounts.low_s, amounts.high_s) + (f": {note}" if note else "")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], most: int) -> str:
    lines = ["| " + " | ".join(_cell(text) for text in row) + " |" for row in rows]
    rest = len(lines) - most
    more = [f"\nAnd {_counted(rest, 'line')} more in the card's JSON document."] if rest > 0 else []
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *lines[:most], *more])


def _cell(text: str) -> str:
    """One line of plain text that is no markup, and not too long."""
    line = " ".join(text.split())
    short = line if len(line) <= _LONGEST_CELL else line[: _LONGEST_CELL - 1] + "\u2026"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def _plain(figure: object) -> str:
    if figure is None:
        return "unknown"
    return str(figure).lower() if isinstance(figure, bool) else str(figure)
