"""What a benchmark prints: one JSON document, or the same as a table."""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one run measured.

    Attributes
    ----------
    figures
        The results, by the names that others script against; ratios are of this one run.
    peers
        What was measured of the peers, and with which versions.
    settings
        What the figures depend on.
    """

    figures: Mapping[str, Any]
    peers: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


Measure = Callable[[bool], Outcome]
"""Called with whether to be quick: smaller, and not for quoting."""


def main(name: str, question: str | None, measure: Measure) -> None:
    """Run a benchmark from the command line."""
    arguments = _arguments(name, question)
    started = time.perf_counter()
    outcome = measure(arguments.quick)
    seconds = time.perf_counter() - started
    written = document(name, outcome, quick=arguments.quick, seconds=seconds)
    print(json.dumps(written, indent=1) if arguments.json else table(written))


def _arguments(name: str, question: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=question)
    parser.add_argument("--quick", action="store_true", help="smaller: shows that it works, not for quoting")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    return parser.parse_args()


def document(name: str, outcome: Outcome, *, quick: bool, seconds: float) -> dict[str, Any]:
    """The run as it is printed with --json."""
    return {
        "name": name,
        "figures": dict(outcome.figures),
        "peers": dict(outcome.peers),
        "settings": {"quick": quick, **outcome.settings},
        "seconds": round(seconds, 1),
    }


def spread(name: str, values: Sequence[float], digits: int = 4) -> dict[str, Any]:
    """A figure measured several times: its median, and beside it the least and the largest value.

    >>> spread("ours_over_theirs", [1.5, 1.0, 1.25])
    {'ours_over_theirs': 1.25, 'ours_over_theirs_range': [1.0, 1.5]}
    """
    ordered = sorted(_rounded(value, digits) for value in values)
    middle = _rounded(statistics.median(ordered), digits)
    return {name: middle, f"{name}_range": [ordered[0], ordered[-1]]}


def _rounded(value: float, digits: int) -> float:
    """To so many significant digits: more were not measured."""
    return float(f"{value:.{digits}g}")


def table(written: Mapping[str, Any]) -> str:
    """The document as text for people."""
    lines = [f"{written['name']}  ({written['seconds']} s)"]
    for part in ("figures", "peers", "settings"):
        if written[part]:
            lines += ["", part, *_lines(written[part], indent=2)]
    return "\n".join(lines)


def _lines(values: Mapping[str, Any], indent: int) -> list[str]:
    width = max(len(str(key)) for key in values)
    lines = []
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            lines += [f"{'':{indent}}{key}", *_lines(value, indent + 2)]
        elif isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
            lines += [f"{'':{indent}}{key}", *_rows(value, indent + 2)]
        else:
            lines.append(f"{'':{indent}}{key!s:{width}}  {shown(value)}")
    return lines


def _rows(rows: Sequence[Mapping[str, Any]], indent: int) -> list[str]:
    heads = list(dict.fromkeys(key for row in rows for key in row))
    cells = [heads, *([shown(row.get(head)) for head in heads] for row in rows)]
    widths = [max(len(line[n]) for line in cells) for n in range(len(heads))]
    return [
        " " * indent + "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def shown(value: Any) -> str:
    """A value in a cell of a table.

    >>> shown(1234567.0), shown(0.12345), shown([1.0, 2]), shown(None)
    ('1234567', '0.1235', '1 to 2', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, list):
        return " to ".join(map(shown, value)) if len(value) == 2 else ", ".join(map(shown, value))  # noqa: PLR2004 - a range
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"  # noqa: PLR2004 - four digits
    return str(value)
