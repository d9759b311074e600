"""What people may write about themselves and others: bounded, on record, and shown as text only."""

from kempelen.errors import BadData

LONGEST_TEXT = 2_000
LONGEST_NAME = 100


def written(text: str, what: str, *, longest: int = LONGEST_TEXT, required: bool = True) -> str:
    """The text without blanks around it. BadData when it is missing, too long, or no text at all."""
    said = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n"))
    if required and not said:
        raise BadData(f"{what} is missing.", hint="Write a few words.")
    if len(said) > longest:
        raise BadData(f"{what} has {len(said):,} characters.", hint=f"Use at most {longest:,}.")
    if not all(letter.isprintable() or letter in "\n\t" for letter in said):
        raise BadData(f"{what} holds characters that cannot be shown.", hint="Write it as plain text.")
    return said


def one_line(text: str, what: str, *, longest: int = LONGEST_NAME) -> str:
    """The text on one line, blanks folded. BadData as `written`."""
    return " ".join(written(text, what, longest=longest).split())
