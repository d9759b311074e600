"""One normalisation and one tokenisation of queries, shared by log, classifiers and detectors.

A word that is counted as surging must be the word that the classifier saw.
"""

import hashlib
import re
import unicodedata

LONGEST_QUERY = 2_000
"""Characters kept of a query. Longer texts are cut: they are documents, and nobody labels them."""

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


def normalise(text: str) -> str:
    r"""Fold what people do not mean: width, case, control characters, blanks, closing punctuation.

    >>> normalise("  CORONA\tvirus?! ")
    'corona virus'
    >>> normalise("\uff23orona")
    'corona'
    """
    folded = unicodedata.normalize("NFKC", text[:LONGEST_QUERY]).casefold()
    visible = "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in folded)
    return " ".join(visible.split()).rstrip("?.!,; ")


def terms(query: str) -> list[str]:
    """The distinct words of a normalised query, in order of first appearance.

    >>> terms("corona corona virus")
    ['corona', 'virus']
    """
    return list(dict.fromkeys(_WORD.findall(query)))


def item_id(query: str) -> str:
    """A stable key for a normalised query: 16 hexadecimal digits of its SHA-256.

    >>> item_id("corona")
    '8ec3e99ade3055c2'
    """
    return hashlib.sha256(query.encode()).hexdigest()[:16]
