"""The labour card of a version: what people gave for it, in one value and in every form that others read it in."""

from ledger.card.as_badge import badge
from ledger.card.as_html import html
from ledger.card.as_json import FORMAT, document, schema, text
from ledger.card.as_markdown import LONGEST_MARKDOWN, markdown
from ledger.card.content import CardContent, Line, Seconds
from ledger.card.figures import metrics, tags
from ledger.card.published import card_of, parts, published
from ledger.card.terms import Terms, terms_of
from ledger.card.verify import compare_copy, verify_cards

__all__ = [
    "FORMAT",
    "LONGEST_MARKDOWN",
    "CardContent",
    "Line",
    "Seconds",
    "Terms",
    "badge",
    "card_of",
    "compare_copy",
    "document",
    "html",
    "markdown",
    "metrics",
    "parts",
    "published",
    "schema",
    "tags",
    "terms_of",
    "text",
    "verify_cards",
]
