"""Alarms as episodes: what was raised, when, by which detector, and how the words it named took over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from cycle.records import Look
from kempelen.errors import Problem
from kempelen.records import DriftReport, Evidence, Profile

WORDS = "term_surge"
"""The detector whose evidence names words."""

GAP = 2
"""Empty columns between the reference and the alarms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One day of a word's chart: where, how high (per cent), and whether it is an alarm's day."""

    x: float
    width: float
    height: float
    alarm: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word that an alarm named, with its part of the traffic by day."""

    evidence: Evidence
    columns: tuple[Column, ...]
    reference: str
    alarms: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """A word's share of the traffic on a day, or in the window that ends on it."""

    on: date
    share: float
    alarm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """Looks in a row that were alarms, of one version: the first one's reports, and when it was seen again."""

    version: str
    first: Look
    last: Look
    looks: int
    words: tuple[Word, ...]
    word_report: DriftReport | None
    others: tuple[DriftReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """What the last look saw: silence is told apart from "could not answer"."""

    last: Look | None
    looks: int
    episode: Episode | None

    @property
    def quiet(self) -> bool:
        """Whether the last look raised no alarm."""
        return self.last is None or not self.last.alarms

    @property
    def words(self) -> tuple[str, ...]:
        """The words that the last look's alarm names."""
        named = [r for r in self.last.alarms if r.detector == WORDS] if self.last else []
        return tuple(evidence.subject for report in named for evidence in report.evidence)

    @property
    def undecided(self) -> tuple[Problem, ...]:
        """Detectors that could not answer at the last look, and why."""
        return self.last.undecided if self.last else ()


def watching(looks: Sequence[Look], reference: Profile | None) -> Watching:
    """The latest alarm among `looks` (oldest first). `reference` is that of the version it was raised for."""
    runs = episodes(looks)
    return Watching(
        last=looks[-1] if looks else None,
        looks=len(looks),
        episode=_episode(runs[-1], reference) if runs else None,
    )


def episodes(looks: Sequence[Look]) -> list[list[Look]]:
    """Looks that were alarms, those that follow each other and watch one version together."""
    runs: list[list[Look]] = []
    before: Look | None = None
    for look in looks:
        if look.alarms:
            if before is not None and before.alarms and before.version == look.version:
                runs[-1].append(look)
            else:
                runs.append([look])
        before = look
    return runs


def as_json(look: Look, report: DriftReport) -> dict[str, Any]:
    """One alarm of the JSON interface."""
    return {
        "model": look.model,
        "version": look.version,
        "at": look.at.isoformat(),
        "detector": report.detector,
        "statistic": report.statistic,
        "threshold": report.threshold,
        "alpha": report.alpha,
        "n_reference": report.n_reference,
        "n_current": report.n_current,
        "summary": report.summary,
        "evidence": [
            {
                "subject": e.subject,
                "reference_count": e.reference_count,
                "current_count": e.current_count,
                "reference_share": e.reference_share,
                "current_share": e.current_share,
                "ratio": e.ratio,
                "p_value": e.p_value,
                "label": e.label,
                "confidence": e.confidence,
            }
            for e in report.evidence
        ],
    }


def _episode(run: Sequence[Look], reference: Profile | None) -> Episode:
    first = run[0]
    named = next((report for report in first.alarms if report.detector == WORDS), None)
    return Episode(
        version=first.version,
        first=first,
        last=run[-1],
        looks=len(run),
        words=tuple(_word(evidence, run, reference) for evidence in named.evidence) if named else (),
        word_report=named,
        others=tuple(report for report in first.alarms if report.detector != WORDS),
    )


def _word(evidence: Evidence, run: Sequence[Look], reference: Profile | None) -> Word:
    before, since = _before(evidence.subject, reference), _since(evidence.subject, run)
    highest = max((day.share for day in (*before, *since)), default=0.0) or 1.0
    # The windows do not touch: an empty column shows that days lie between them.
    places = [*range(len(before)), *range(len(before) + GAP, len(before) + GAP + len(since))]
    step = 100 / (places[-1] + 1) if places else 100
    return Word(
        evidence=evidence,
        columns=tuple(
            _column(day, place * step, step, highest) for place, day in zip(places, (*before, *since), strict=True)
        ),
        reference=f"{_said(before[0].on)} to {_said(before[-1].on)}" if before else "",
        alarms=f"{_said(since[0].on)} to {_said(since[-1].on)}" if len(since) > 1 else _said(run[0].at),
    )


def _column(day: _Day, x: float, step: float, highest: float) -> Column:
    return Column(
        x=round(x, 3),
        width=round(0.78 * step, 3),
        height=round(100 * day.share / highest, 2),
        alarm=day.alarm,
        text=f"{_said(day.on)}: {100 * day.share:.1f} %",
    )


def _before(word: str, reference: Profile | None) -> list[_Day]:
    """The word's share of the traffic on each day of the reference."""
    days = reference.days if reference else ()
    return [
        _Day(on=d.day, share=d.terms[word].predictions / d.predictions if word in d.terms else 0.0, alarm=False)
        for d in days
        if d.predictions
    ]


def _since(word: str, run: Sequence[Look]) -> list[_Day]:
    """The word's share of the current window at each look that named it."""
    found = [(look.at, e) for look in run for r in look.alarms if r.detector == WORDS for e in r.evidence]
    return [_Day(on=at, share=e.current_share, alarm=True) for at, e in found if e.subject == word]


def _said(when: date) -> str:
    return f"{when.day} {when:%b}"
