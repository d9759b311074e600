"""Results as rows for people: what each command shows on a terminal."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from console.stack import ServerStatus
from kempelen.words import counted
from ledger.durations import interval

MEGABYTE = 1_000_000


def servers(statuses: Sequence[ServerStatus]) -> list[Mapping[str, Any]]:
    """The local stack: one row a server, and their memory in all."""
    rows: list[Mapping[str, Any]] = [
        {
            "server": status.title,
            "state": status.state.value,
            "address": status.url,
            "process": status.pid,
            "memory": f"{status.memory_bytes / MEGABYTE:.0f} MB" if status.memory_bytes else None,
            "detail": status.detail,
        }
        for status in statuses
    ]
    total = sum(status.memory_bytes for status in statuses)
    return [
        *rows,
        {
            "server": "in all",
            "state": "",
            "address": "",
            "process": "",
            "memory": f"{total / MEGABYTE:.0f} MB",
            "detail": "",
        },
    ]


def labour(statements: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The effort behind versions, from the JSON form: a row a line of the books, simulated effort named as such."""
    return [
        {
            "version": f"{statement['model']}/{statement['version']}",
            "kind": line["kind"],
            "provenance": _provenance(line),
            "share": _share(line),
            "effort": _effort(line),
            "quantity": _quantity(line),
        }
        for statement in statements
        for line in (*statement["effort"], *statement["unused"])
    ]


def _share(line: Mapping[str, Any]) -> str:
    if "share" not in line:
        return f"unused: {line['reason'].replace('_', ' ')}"
    inherited = line["share"] == "inherited"
    return f"inherited from {', '.join(line['charged_to'])}" if inherited else str(line["share"])


def _effort(line: Mapping[str, Any]) -> str:
    if line.get("labels"):
        return "people and time unknown"
    return interval(_seconds(line["low_s"]), _seconds(line["high_s"]))


def _quantity(line: Mapping[str, Any]) -> str | None:
    """What was counted: labels, corrections by users, or answers."""
    nouns = {"labels": "label", "events": "correction", "annotations": "answer"}
    return next((counted(line[name], noun) for name, noun in nouns.items() if line.get(name)), None)


def _seconds(figure: float | None) -> Decimal | None:
    return None if figure is None else Decimal(str(figure))


def _provenance(line: Mapping[str, Any]) -> str:
    if line["provenance"] == "simulated":
        return "simulated, not human"
    return f"{line['provenance']} by {line['source']}" if line.get("source") else str(line["provenance"])
