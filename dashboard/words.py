"""How figures, moments and states are said on a page."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from kempelen.words import counted
from ledger.durations import duration, interval

KINDS: Mapping[str, str] = {
    "preparation": "labels that models are trained on",
    "verification": "checks of a model in service",
    "impersonation": "answers people gave in a model's place",
    "feedback": "corrections by the people who use it",
}
"""The four kinds of human effort, each with what it is."""

REASONS: Mapping[str, str] = {
    "skipped": "skipped by the annotator",
    "withdrawn": "answers that were deleted later",
    "no_consensus": "answers that did not agree",
    "rejected_answer": "answers that were refused elsewhere",
    "not_served": "answers for which a user could not wait",
    "rejected_challenger": "went into a challenger that was rejected",
    "abandoned": "its cycle was abandoned",
}
"""Why effort served no version."""

STRATEGIES: Mapping[str, str] = {
    "audit": "drawn at random, whatever the model thinks",
    "density": "stands for many queries like it",
    "disagreement": "the model in service and the one in training differ",
    "entropy": "the model cannot decide between several labels",
    "gold": "has a known label, to see how far answers can be trusted",
    "margin": "the model wavers between two labels",
    "segment": "has a predicted label that an alarm named",
    "term_surge": "contains a word that surges",
}
"""What the shipped strategies look for; a strategy of a user's own is shown by its name alone."""

DETECTORS: Mapping[str, str] = {
    "term_surge": "words that surge",
    "vocabulary": "words that were never seen before",
    "class_mix": "other answers than before",
    "confidence": "a model that is more or less sure than before",
    "domain_classifier": "queries unlike those before",
    "expected_accuracy": "answers that are probably wrong more often",
    "audit_risk": "people who disagree with the model",
}
"""What the shipped detectors see; a detector of a user's own is shown by its name alone."""

SHARES: Mapping[str, str] = {
    "term_surge": "of traffic",
    "vocabulary": "per prediction",
    "class_mix": "of traffic",
    "confidence": "of traffic",
    "domain_classifier": "look new",
    "audit_risk": "wrong",
}
"""What a detector's shares are shares of."""

COUNTED: Mapping[str, str] = {"domain_classifier": "sampled queries", "audit_risk": "audited answers"}
"""What a detector counts, if not predictions."""

OPENED_BY: Mapping[str, str] = {
    "alarm": "opened by an alarm",
    "audit": "an audit: it measures, and trains nothing",
    "manual": "opened by a person",
}


def day(moment: datetime) -> str:
    """A date without doubt about the order of day and month.

    >>> day(datetime(2020, 1, 21))
    '21 January 2020'
    """
    return f"{moment.day} {moment:%B %Y}"


def short_day(moment: datetime) -> str:
    """A date where room is short."""
    return f"{moment.day} {moment:%b %Y}"


def clock(moment: datetime) -> str:
    """Date and time of day, in UTC."""
    return f"{short_day(moment)}, {moment:%H:%M}"


def span(length: timedelta) -> str:
    """How long something lasted, in its largest unit.

    >>> span(timedelta(days=23, hours=4)), span(timedelta(hours=1))
    ('23 days', '1 hour')
    """
    if length >= timedelta(days=1):
        return counted(length.days, "day")
    if length >= timedelta(hours=1):
        return counted(length.seconds // 3600, "hour")
    return counted(length.seconds // 60, "minute")


def count(number: float) -> str:
    """A count; parts of one, where a detector weighs, with one digit.

    >>> count(9030.0), count(2.5)
    ('9,030', '2.5')
    """
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def share(part: float) -> str:
    """A share in per cent, never rounded to nothing.

    >>> share(0.0301), share(0.0002), share(0.0), share(1.0)
    ('3.0 %', 'below 0.1 %', '0 %', '100 %')
    """
    if part in {0.0, 1.0}:
        return f"{part:.0%}".replace("%", " %")
    return "below 0.1 %" if 0 < part < 0.0005 else f"{100 * part:.1f} %"  # noqa: PLR2004 - rounds to 0.0 %


def name(text: str) -> str:
    """An identifier as words.

    >>> name("food_and_drink")
    'food and drink'
    """
    return text.replace("_", " ")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "day": day,
    "short_day": short_day,
    "clock": clock,
    "span": span,
    "count": count,
    "share": share,
    "name": name,
    "duration": duration,
}
"""What templates may call."""

__all__ = [
    "COUNTED",
    "DETECTORS",
    "FILTERS",
    "KINDS",
    "OPENED_BY",
    "REASONS",
    "SHARES",
    "STRATEGIES",
    "interval",
]
