"""Does the time that people truly gave lie inside its bounds, how wide are these, and how wrong is sum(lead_time)?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from benchmarks import _report
from benchmarks._effort_replay import Event, Page, Replayed
from benchmarks._report import Outcome
from kempelen.records import Effort
from ledger import effort, sittings

SEED = 20200120
IDLE_CAP_S = 60
SITTING_GAP_S = 300
MEDIAN_S, LOG_SD = 13.5, 0.63
"""Of reading: a single choice of a direction took 8.5, 13.5 and 20 s at the quartiles (22,176 answers, CrowdTruth,
Medical-Relation-Extraction)."""

_SLOWEST_MS = 1_000
"""An answer reaches the server within a second; the next item opens after that."""


@dataclass(slots=True, kw_only=True)
class Day:
    """Events as they are written down, and the moment that has been reached."""

    rng: np.random.Generator
    now_ms: int = 0
    items: int = 0
    events: list[Event] = field(default_factory=list)

    def new(self) -> str:
        """An item that was not opened yet."""
        self.items += 1
        return f"item-{self.items}"

    def do(self, what: str, item: str = "", tab: int = 1) -> "Day":
        """Something happens now."""
        self.events.append(Event(at_ms=self.now_ms, do=what, item=item, tab=tab))
        return self

    def wait(self, least_s: float, most_s: float) -> "Day":
        """Between these many seconds pass."""
        self.now_ms += round(1000 * self.rng.uniform(least_s, most_s))
        return self

    def read(self, share: float = 1) -> "Day":
        """The person reads."""
        self.now_ms += round(1000 * share * MEDIAN_S * float(self.rng.lognormal(0, LOG_SD)))
        return self

    def leave(self) -> "Day":
        """The person is away for longer than the cap."""
        self.do("away").now_ms += round(1000 * (IDLE_CAP_S + float(self.rng.exponential(300))))
        return self

    def end(self, what: str = "submit", tab: int = 1) -> "Day":
        """The answer is sent, and the page loads what comes next."""
        self.do(what, tab=tab).now_ms += _SLOWEST_MS
        return self.wait(0.1, 1)


def _plain(day: Day, item: str | None = None) -> None:
    day.do("open", item or day.new()).read().do("choose").wait(0.3, 4).end()


def _away(day: Day) -> None:
    day.do("open", day.new()).read(0.5).leave().do("look").read(0.5).do("choose").wait(0.3, 4).end()


def _away_after_choosing(day: Day) -> None:
    day.do("open", day.new()).read().do("choose").leave().do("look").wait(0.5, 5).end()


def _drafted(day: Day) -> None:
    day.do("open", day.new()).read().do("choose").wait(5.5, 15).end()


def _reloaded(day: Day) -> None:
    item = day.new()
    day.do("open", item).read().do("close").wait(0.5, 3)
    _plain(day, item)


def _thought_and_reloaded(day: Day) -> None:
    item = day.new()
    day.do("open", item).read().do("choose").wait(5.5, 25).do("close").wait(0.2, 1)
    day.do("open", item).wait(0.5, 6).end()


def _returned(day: Day) -> None:
    item = day.new()
    day.do("open", item).read().do("choose").wait(0.5, 20).do("next").wait(1, 2)
    _plain(day)
    day.do("open", item).read(0.3).end()


def _walked_away(day: Day) -> None:
    item = day.new()
    day.do("open", item).read().do("choose").leave().do("close").do("open", item).read(0.3).end()


def _skipped(day: Day) -> None:
    day.do("open", day.new()).read().end("skip")


def _skip_undone(day: Day) -> None:
    item = day.new()
    day.do("open", item).read().end("skip")
    _collected(day)
    day.do("open", item).wait(0.5, 3).do("unskip").read(0.5).do("choose").wait(0.3, 10).end()


def _edited(day: Day) -> None:
    item = day.new()
    _plain(day, item)
    _collected(day)
    _plain(day)
    day.do("open", item).read(0.5).do("choose").wait(0.3, 10).end()


def _deleted(day: Day) -> None:
    item = day.new()
    _plain(day, item)
    _collected(day)
    day.do("delete", item)


def _patched(day: Day) -> None:
    item = day.new()
    _plain(day, item)
    day.do("collect").wait(1, 2).do("patch", item)


def _inserted(day: Day) -> None:
    day.do("insert", day.new())


def _two_tabs(day: Day) -> None:
    first, second = day.new(), day.new()
    day.do("open", first, 1).read().do("open", second, 2).read().do("look", tab=1).read(0.5).do("choose", tab=1)
    day.wait(0.3, 8).end(tab=1)
    day.do("look", tab=2).read(0.5).do("choose", tab=2).wait(0.3, 4).end(tab=2)


def _collected(day: Day) -> None:
    if day.rng.random() < 0.5:  # noqa: PLR2004 - as often before as after
        day.do("collect")


Habit = Callable[[Day], None]
CALM: Mapping[Habit, float] = {_plain: 12, _drafted: 2, _skipped: 1, _edited: 0.5, _inserted: 0.1, _patched: 0.1}
INTERRUPTED = {_away: 3, _away_after_choosing: 1, _walked_away: 1}
RESTLESS = {_reloaded: 4, _thought_and_reloaded: 2, _returned: 2, _skip_undone: 1, _deleted: 1}
PEOPLE: Mapping[str, Mapping[Habit, float]] = {
    "calm": CALM,
    "interrupted": {**CALM, **INTERRUPTED},
    "restless": {**CALM, **RESTLESS},
    "both": {**CALM, **INTERRUPTED, **RESTLESS},
    "two tabs": {**CALM, **INTERRUPTED, _two_tabs: 3},
}
"""How often each thing happens, by a person's manner."""


def events_of(rng: np.random.Generator, manner: str, pieces: int) -> list[Event]:
    """Some sittings of one person, each ended by an item that is opened, read and closed without a trace."""
    day, habits = Day(rng=rng), PEOPLE[manner]
    chances = np.array(list(habits.values())) / sum(habits.values())
    for piece in range(1, pieces + 1):
        list(habits)[int(rng.choice(len(habits), p=chances))](day)
        if piece % 25 == 0:
            day.do("open", day.new()).read().do("close").wait(3_600, 60_000)
    return day.events


def replay(rng: np.random.Generator, manner: str, pieces: int) -> Replayed:
    """What became of them, with a network that takes up to a second."""
    delay = np.random.default_rng(rng.integers(2**32))
    return Page(IDLE_CAP_S, lambda: int(delay.integers(20, _SLOWEST_MS))).play(events_of(rng, manner, pieces))


def inside(truth: Decimal, bounds: tuple[Decimal, Decimal]) -> bool:
    """Whether the truth lies in the bounds.

    >>> inside(Decimal(3), (Decimal(3), Decimal(4)))
    True
    """
    return bounds[0] <= truth <= bounds[1]


def measure(quick: bool) -> Outcome:  # noqa: FBT001 - what every benchmark is called with
    """People of five manners; each answer, each person, and everything a person gave."""
    rng = np.random.default_rng(SEED)
    people, pieces = (4, 50) if quick else (60, 200)
    replayed = [(manner, replay(rng, manner, pieces)) for manner in PEOPLE for _ in range(people)]
    everybody = [one for _, one in replayed]
    one_tab = [one for manner, one in replayed if manner != "two tabs"]
    errors = [naive_error(one) for one in everybody]
    return Outcome(
        figures={
            "answers_inside": _share(_answers(one_tab)),
            "answers_inside_with_two_tabs": _share(_answers(one for m, one in replayed if m == "two tabs")),
            "answers_inside_by_lead_time_1": _share(_answers(one_tab, _by_lead_time_1)),
            "people_inside": _share((sum(one.truth.values(), Decimal(0)), _pair(person(one))) for one in everybody),
            "people_inside_with_what_left_no_trace": _share(
                (one.total, _pair(person(one, SITTING_GAP_S))) for one in everybody
            ),
            "mean_width_percent": _widths(everybody),
            "naive_error_percent": _spread(errors),
            "naive_people_too_high": round(float(np.mean([error > 0 for error in errors])), 4),
            "by_manner": [{"manner": m, **_of([one for its, one in replayed if its == m])} for m in PEOPLE],
        },
        settings={
            "seed": SEED,
            "people": len(everybody),
            "answers": sum(len(one.truth) for one in everybody),
            "answers_unknown": sum(len(one.unknown) for one in everybody),
            "hours": round(float(sum(one.total for one in everybody)) / 3600, 1),
            "idle_cap_s": IDLE_CAP_S,
            "sitting_gap_s": SITTING_GAP_S,
        },
    )


def naive_error(one: Replayed) -> float:
    """How far sum(lead_time) is from what a person gave, in percent of it."""
    return float(one.lead_times / one.total - 1) * 100


def person(one: Replayed, sitting_gap_s: float = 0) -> Effort:
    """The bounds of a person's whole effort."""
    found = sittings.without_overlap(one.forms, IDLE_CAP_S, sitting_gap_s=sitting_gap_s)
    assert found is not None  # noqa: S101 - every person here answers
    return found


def _widths(group: Sequence[Replayed]) -> Mapping[str, float]:
    """From low to high in percent of what was given: of the answers one by one, and of the person."""
    answers = [float(sum(high - low for low, high in one.booked.values()) / one.total) for one in group]
    people = [float((found.high_s - found.low_s) / one.total) for one in group for found in [person(one)]]
    return {"answers": round(100 * float(np.mean(answers)), 1), "people": round(100 * float(np.mean(people)), 1)}


def _of(group: Sequence[Replayed]) -> Mapping[str, Any]:
    """Widths and errors in percent of what was truly given."""
    total = float(sum(one.total for one in group))
    sums = [(sum(low for low, _ in one.booked.values()), sum(high for _, high in one.booked.values())) for one in group]
    percents = {
        "no_trace": sum(float(one.total - sum(one.truth.values())) for one in group),
        "booked_low": float(sum(low for low, _ in sums)),
        "booked_high": float(sum(high for _, high in sums)),
        "person_low": sum(float(person(one).low_s) for one in group),
        "person_high": sum(float(person(one).high_s) for one in group),
        "with_gaps_high": sum(float(person(one, SITTING_GAP_S).high_s) for one in group),
        "naive": sum(float(one.lead_times) for one in group),
    }
    worst = [round(most(naive_error(one) for one in group), 1) for most in (min, max)]
    return {**{name: round(100 * seconds / total, 1) for name, seconds in percents.items()}, "naive_worst": worst}


Check = tuple[Decimal, tuple[Decimal, Decimal]]


def _answers(group: Iterable[Replayed], by: Callable[[Replayed, str], Check] | None = None) -> list[Check]:
    """The truth of each item whose effort is known, and its bounds."""
    return [
        by(one, item) if by else (one.truth[item], one.booked[item])
        for one in group
        for item in one.truth
        if item not in one.unknown
    ]


def _by_lead_time_1(one: Replayed, item: str) -> Check:
    """What the former rule made of it at the first reading; edits were not booked."""
    first = next(form for form in one.forms if form.item_id == item)
    found = effort.again(first, f"{effort.FORMER_LEAD_TIME} idle_cap_s={IDLE_CAP_S}")
    assert found is not None  # noqa: S101 - its effort is known
    return one.truth[item], _pair(found)


def _pair(found: Effort) -> tuple[Decimal, Decimal]:
    return found.low_s, found.high_s


def _share(checks: Iterable[Check]) -> float:
    return round(float(np.mean([inside(truth, bounds) for truth, bounds in checks])), 5)


def _spread(errors: Sequence[float]) -> Mapping[str, float]:
    found = np.quantile(errors, [0, 0.5, 1])
    return {name: round(float(error), 1) for name, error in zip(("least", "median", "most"), found, strict=True)}


if __name__ == "__main__":
    _report.main("effort", __doc__, measure)
