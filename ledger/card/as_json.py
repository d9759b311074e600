"""The card as a JSON document, as the published schema has it."""

import json
from decimal import Decimal
from importlib.resources import files
from typing import Any

from ledger.card import words
from ledger.card.content import CardContent, Line, Seconds
from ledger.pay.cost import Cost, Range

FORMAT = "kempelen-labour-card/2"


def document(content: CardContent) -> dict[str, Any]:
    """The card as JSON values.

    Names of people who want to be credited are not in it: a document that was issued stays in the books for ever, and
    a name may be withdrawn. The written forms of the card name them.
    """
    return {
        "card": FORMAT,
        "model": content.model,
        "version": content.version,
        "digest": content.digest,
        "people": {
            "min_people": content.min_people,
            "at_least": content.min_people if content.people else None,
            "held_back": list(content.held_back),
        },
        "totals": {
            "human": _seconds(content.human) | {"annotations": content.human_annotations},
            "human_unused": _seconds(content.wasted),
            "simulated": _seconds(content.artificial) | {"annotations": content.simulated_annotations},
        },
        "parts": [
            {"shares": [s.value for s in shares], "kinds": [k.value for k in kinds], "tenths_of_percent": tenths}
            for (shares, kinds), tenths in content.parts().items()
        ],
        "effort": [_line(line) for line in content.effort],
        "unused": [_line(line) for line in content.unused],
        "undivided": [_line(line) for line in content.undivided],
        "simulated": {
            "effort": [_line(line) for line in content.simulated],
            "unused": [_line(line) for line in content.simulated_unused],
        },
        "policies": list(content.policies),
        "costs": [_cost(cost) for cost in content.costs],
        "cost_note": content.cost_note,
        "ratings": _ratings(content),
        "terms": content.terms.said(),
        "not_stated": list(content.terms.unsaid()),
        "unknown": words.unknown(content),
    }


def text(content: CardContent) -> str:
    """The document as it is issued: the same content gives the same text."""
    return json.dumps(document(content), indent=1, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the document."""
    read: dict[str, Any] = json.loads((files("ledger.card") / "labour_card.schema.json").read_text(encoding="utf-8"))
    return read


def _seconds(seconds: Seconds) -> dict[str, Any]:
    return {
        "low_s": _number(seconds.low_s),
        "high_s": _number(seconds.high_s),
        "unknown": seconds.unknown,
        "held_back": seconds.held_back,
    }


def _line(line: Line) -> dict[str, Any]:
    """What does not apply is left out; seconds that nobody knows are null."""
    amounts = line.amounts
    optional = {
        "annotations": amounts.annotations,
        "labels": amounts.labels,
        "events": amounts.events,
        "reasons": list(line.reasons),
        "sources": list(line.sources),
        "note": line.note,
        "charged_to": list(line.charged_to),
        "unpaid": line.unpaid,
    }
    return {
        "shares": [share.value for share in line.shares],
        "kinds": [kind.value for kind in line.kinds],
        "provenances": [each.value for each in line.provenances],
        "low_s": _number(amounts.low_s),
        "high_s": _number(amounts.high_s),
    } | {name: value for name, value in optional.items() if value}


def _cost(cost: Cost) -> dict[str, Any]:
    amounts = {"pay": cost.pay, "beyond": cost.beyond, "fee": cost.fee, "total": cost.total}
    return {"currency": cost.currency} | {name: _range(amount) for name, amount in amounts.items()}


def _range(amount: Range) -> dict[str, str | None]:
    return {"low": f"{amount.low:f}", "high": None if amount.high is None else f"{amount.high:f}"}


def _ratings(content: CardContent) -> dict[str, Any] | None:
    rated = content.ratings
    if rated.clarity is None or rated.pay is None or rated.load is None:
        return None
    means = {"clarity": rated.clarity, "pay": rated.pay, "load": rated.load}
    return {"ratings": rated.ratings} | {name: round(mean, 2) for name, mean in means.items()}


def _number(seconds: Decimal | None) -> float | None:
    return None if seconds is None else float(round(seconds, 3))
