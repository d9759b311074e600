"""Draw how often something occurred on each day, as a picture that a markdown page can hold."""

from base64 import b64encode
from collections.abc import Sequence
from xml.sax.saxutils import escape

from kempelen import timeline
from kempelen.records import DayCount, Evidence

WIDTH, HEIGHT, FLOOR, TOP = 640, 132, 108, 34
_CARD, _INK, _SOFT, _PALE, _STRONG = "#ffffff", "#1d1b18", "#5d574e", "#c9c1b3", "#a8321f"
_LONGEST_NAME = 40


def picture(evidence: Evidence) -> str:
    """A markdown image: pale columns for the days before `evidence.first`, strong ones from then on.

    The picture brings its own ground, for it stands on light pages and on dark ones.
    """
    days = [day for day in evidence.daily if day.predictions]
    said = f"{len(days)} days, from {days[0].day} to {days[-1].day}" if days else "no days"
    return f"![{said}](data:image/svg+xml;base64,{b64encode(_svg(evidence, days).encode()).decode()})"


def _svg(evidence: Evidence, days: Sequence[DayCount]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' font-family="sans-serif"><rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{_CARD}"/>'
        f'<text x="16" y="24" font-size="16" font-weight="600" fill="{_INK}">{_said(evidence.subject)}</text>'
        f"{_columns(evidence, days)}</svg>"
    )


def _columns(evidence: Evidence, days: Sequence[DayCount]) -> str:
    if not days:
        return ""
    places = timeline.places([day.day for day in days])
    step = (WIDTH - 32) / (places[-1] + 1)
    highest = max(day.count / day.predictions for day in days) or 1.0
    drawn = []
    for place, day in zip(places, days, strict=True):
        height = max(1.0, (FLOOR - TOP) * day.count / day.predictions / highest)
        fill = _STRONG if evidence.first and day.day >= evidence.first else _PALE
        drawn.append(
            f'<rect x="{16 + place * step:.1f}" y="{FLOOR - height:.1f}" width="{0.78 * step:.1f}" '
            f'height="{height:.1f}" fill="{fill}"><title>{day.day}: {day.count:g} of {day.predictions}</title></rect>'
        )
    ends = (("start", 16, days[0].day), ("end", WIDTH - 16, days[-1].day))
    labels = (
        f'<text x="{x}" y="{HEIGHT - 8}" font-size="12" text-anchor="{anchor}" fill="{_SOFT}">{day}</text>'
        for anchor, x, day in ends
    )
    most = f'<text x="{WIDTH - 16}" y="24" font-size="12" text-anchor="end" fill="{_SOFT}">up to {highest:.1%}</text>'
    return "".join([*drawn, *labels, most])


def _said(name: str) -> str:
    short = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
    return escape("".join(c if c.isprintable() else "\ufffd" for c in short))
