"""What every answer must keep to, wherever it was given, and how what was found instead is quoted."""

from typing import Any

STAGE = "annotation"

LONGEST_ANSWER_S = 86_400.0
"""A time above a day is a fault of a clock or of a program, not a time that somebody worked."""

_QUOTED = 60
"""Characters by which what was found is recognised."""


def short(value: Any) -> str:
    """The value as code would write it, cut off where it is long."""
    text = repr(value)
    return text if len(text) <= _QUOTED else f"{text[: _QUOTED - 3]}..."
