"""Figures in words, as every page, card and command writes them."""


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """A count with its noun.

    >>> counted(1, "label"), counted(13412, "label"), counted(0, "query", "queries")
    ('1 label', '13,412 labels', '0 queries')
    """
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"
