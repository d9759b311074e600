"""A badge that says how much human labour is behind a version, for a page about the model."""

from html import escape

from ledger.card import words
from ledger.card.content import CardContent

_LABEL = "human labour"
_HEIGHT, _MARGIN = 20, 7

_WIDTHS = {
    3.1: "ijl",
    3.5: " ,.",
    4.0: "-f",
    4.4: "rt",
    5.5: "\u2013",
    5.8: "sz",
    6.1: "c",
    6.4: "k",
    6.5: "vxy",
    6.8: "aeo",
    7.0: "bdghnpqu0123456789",
    9.0: "w",
    9.2: "+",
    10.7: "m",
}
"""Advances of DejaVu Sans, and of Verdana from which it is measured, at 11 px, for what a badge may say."""

_ADVANCES = {character: width for width, characters in _WIDTHS.items() for character in characters}


def badge(content: CardContent) -> str:
    """One SVG image without a font or anything else from elsewhere. Simulated effort is never part of its figure."""
    said = words.short(content.human, simulated=bool(content.simulated or content.simulated_unused))
    title = f"Human labour behind {content.model}, version {content.version}: {said}"
    left, right = _width(_LABEL) + 2 * _MARGIN, _width(said) + 2 * _MARGIN
    whole = left + right
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{_HEIGHT}" viewBox="0 0 {whole} {_HEIGHT}" '
        f'role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        f'<path fill="#3d3932" d="M{left} 0v{_HEIGHT}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z"/>'
        f'<path fill="#7a5415" d="M{left} 0v{_HEIGHT}h{right - 3}a3 3 0 0 0 3-3V3a3 3 0 0 0-3-3z"/>'
        '<g fill="#fff" font-family="Verdana,\'DejaVu Sans\',Geneva,sans-serif" font-size="11" aria-hidden="true">'
        f"{_text(_LABEL, _MARGIN)}{_text(said, left + _MARGIN)}</g></svg>\n"
    )


def _text(said: str, x: int) -> str:
    """A line of exactly the width that was made for it, whatever font is there."""
    return f'<text x="{x}" y="14" textLength="{_width(said)}" lengthAdjust="spacingAndGlyphs">{escape(said)}</text>'


def _width(said: str) -> int:
    """Whole pixels that the text takes."""
    return round(sum(_ADVANCES.get(character, _WIDEST) for character in said))


_WIDEST = max(_WIDTHS)
