"""The card as one HTML file: no script, nothing from another host, and good on paper."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from ledger.card import words
from ledger.card.content import CardContent, Line
from ledger.card.terms import TITLES
from ledger.labour import Share

_WIDTH = 1000
"""Of the bar, in its own units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of the bar. Not certain: between the low and the high bound."""

    kind: str
    inherited: bool
    certain: bool
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a colour of the bar stands for."""

    kind: str
    inherited: bool
    percent: str
    what: str


def html(content: CardContent) -> str:
    """The card as a page that needs nothing but itself."""
    segments = _segments(content.effort)
    return _template().render(
        card=content,
        css=Markup(_text("page.css")),  # noqa: S704 - our own file
        words=words,
        titles=TITLES,
        said=content.terms.said(),
        segments=segments,
        uncertain=not all(segment.certain for segment in segments),
        legend=[
            Part(
                kind=_colour(kinds),
                inherited=_is_inherited(shares),
                percent=f"{tenths / 10:.1f} %",
                what=_named(shares, [kind.value for kind in kinds]),
            )
            for (shares, kinds), tenths in content.parts().items()
        ],
    )


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters["capitalize_first"] = lambda sentence: sentence[:1].upper() + sentence[1:]
    return environment.from_string(_text("page.html"))


def _text(name: str) -> str:
    return (files("ledger.card") / name).read_text(encoding="utf-8")


def _segments(lines: Iterable[Line]) -> list[Segment]:
    """First what is certain of each line, then what may come on top."""
    known = [line for line in lines if line.amounts.high_s]
    total = sum((line.amounts.high_s or Decimal(0) for line in known), Decimal(0))
    segments: list[Segment] = []
    reached = Decimal(0)
    for certain in (True, False):
        for line in known:
            low, high = line.amounts.low_s or Decimal(0), line.amounts.high_s or Decimal(0)
            length = low if certain else high - low
            if length:
                x, width = (round(float(_WIDTH * part / total), 2) for part in (reached, length))
                segments.append(
                    Segment(
                        kind=_colour(line.kinds),
                        inherited=_is_inherited(line.shares),
                        certain=certain,
                        x=x,
                        width=width,
                    )
                )
            reached += length
    return segments


def _colour(kinds: tuple[str, ...]) -> str:
    return str(kinds[0]) if len(kinds) == 1 else "several"


def _is_inherited(shares: tuple[Share, ...]) -> bool:
    return shares == (Share.INHERITED,)


def _named(shares: Iterable[Share], kinds: Iterable[str]) -> str:
    return f"{' and '.join(kinds)}, {' and '.join(share.value for share in shares)}"
