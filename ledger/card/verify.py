"""Does every issued card still say what the books say, and does a copy still say what was issued?"""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from kempelen.errors import Problem
from ledger.card.as_json import FORMAT
from ledger.cards import Card


class Books(Protocol):
    """Where issued cards are read; `ledger.store.Ledger` is one."""

    def cards(self, model: str | None = None, version: str | None = None) -> list[Card]:
        """The cards that were issued, in the order of their issue."""
        ...

    def digest(self, model: str, version: str, lineage: Mapping[str, Sequence[str]], upto: int | None = None) -> str:
        """The digest over the entries behind a version among the first `upto`."""
        ...


def verify_cards(books: Books, model: str | None = None, version: str | None = None) -> list[Problem]:
    """What is wrong with the issued cards of a model and a version, each where it is named; empty when nothing is.

    Each digest is computed anew, over the entries that the card was issued over: what was booked later changes no card.
    """
    problems: list[Problem] = []
    for card in books.cards(model, version):
        computed = books.digest(card.model, card.version, {card.version: card.earlier}, card.upto)
        problems += _wrong(card, computed)
    return problems


def compare_copy(card: Card, *, document: str | None, tag: str | None) -> list[Problem]:
    """What a copy of an issued card says otherwise; `tag` is the digest in the tags of the registered version.

    None where the registry has no such thing, which is a problem, too.
    """
    found = {"its document": document, "its tag labour.digest": tag}
    issued = {"its document": card.document, "its tag labour.digest": card.digest}
    return [
        _problem(
            card,
            f"In the registry {what} is {'missing' if copy is None else 'another'}.",
            "Attach the issued card again; if somebody changed it, ask why.",
        )
        for what, copy in found.items()
        if not _same(copy, issued[what])
    ]


def _wrong(card: Card, computed: str) -> Iterable[Problem]:
    if computed != card.digest:
        yield _problem(
            card,
            f"Its digest is {card.digest}, and that of the entries behind it is {computed}.",
            "Somebody changed the entries or the card. Compare the database with a backup.",
        )
    said = _read(card.document)
    wanted = {"model": card.model, "version": card.version, "digest": card.digest}
    if said is None or not str(said.get("card", "")).startswith(FORMAT.partition("/")[0]):
        yield _problem(card, "Its document is no labour card.", "Compare the database with a backup.")
    elif others := [name for name, value in wanted.items() if said.get(name) != value]:
        yield _problem(
            card,
            f"Its document says {', '.join(f'{name} = {said.get(name)!r}' for name in others)}.",
            "The document is not of this card. Compare the database with a backup.",
        )
    elif wrong := _sums_that_differ(said):
        yield _problem(
            card,
            f"In its document {', '.join(wrong)}: not the sum of the lines.",
            "Somebody changed the document. Compare the database with a backup.",
        )


def _sums_that_differ(said: Mapping[str, Any]) -> list[str]:
    """Which sums of a document are not those of its own lines: a single figure that was changed stands out."""
    if said["card"] != FORMAT:
        return []
    try:
        lines = {"human": said["effort"], "human_unused": said["unused"], "simulated": said["simulated"]["effort"]}
        return [
            f"totals.{name}.{bound}"
            for name, summed in lines.items()
            for bound in ("low_s", "high_s")
            if _exact(said["totals"][name][bound]) != sum(_exact(line[bound]) for line in summed)
        ]
    except (ArithmeticError, KeyError, TypeError):
        return ["its totals"]


def _exact(seconds: float | None) -> Decimal:
    """Milliseconds as they are written; where nobody knows them, nothing is added."""
    return Decimal(str(seconds or 0))


def _same(copy: str | None, issued: str) -> bool:
    """Whether they say the same, however JSON is indented."""
    if copy is None or copy == issued:
        return copy is not None
    said = _read(copy)
    return said is not None and said == _read(issued)


def _read(document: str) -> dict[str, Any] | None:
    try:
        said = json.loads(document)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _problem(card: Card, message: str, hint: str) -> Problem:
    return Problem(
        stage="ledger", subject=f"card {card.sequence} of {card.model}/{card.version}", message=message, hint=hint
    )
