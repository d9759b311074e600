"""Are the books and the annotation system of one mind? Annotation by annotation, both figures side by side."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from cycle.app import App
from cycle.records import Cycle
from kempelen.errors import BadData, ConnectorRefused, LedgerError, Problem
from kempelen.records import Annotation, Effort, Provenance
from ledger import accounts, posting_rules
from ledger.durations import interval
from ledger.effort import again, bounds
from ledger.entries import Entry
from ledger.units import Unit


class Found(StrEnum):
    """How an annotation differs."""

    NOT_BOOKED = "not in the books"
    NOT_THERE = "not in the annotation system"
    SECONDS = "other seconds"
    PERSON = "another person"
    SIMULATED = "simulated on one side alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One annotation on which books and annotation system differ, with both figures.

    `explained` says why that is as it should be; empty where somebody has to look.
    """

    source_id: str
    found: Found
    booked: Effort | None
    there: Effort | None
    explained: str = ""

    def as_json(self) -> dict[str, Any]:
        """The difference for scripts."""
        figures = {"booked": _figures(self.booked), "there": _figures(self.there)}
        return {"annotation": self.source_id, "found": self.found.value} | figures | {"explained": self.explained}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """One cycle, compared. `problems` are what the annotation system could not be read for."""

    cycle_id: str
    booked: int
    there: int
    agreed: int
    differences: tuple[Difference, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """What somebody has to look at."""
        return tuple(one for one in self.differences if not one.explained)

    def as_json(self) -> dict[str, Any]:
        """The comparison for scripts."""
        counts = {name: getattr(self, name) for name in ("cycle_id", "booked", "there", "agreed")}
        return counts | {
            "unexplained": len(self.unexplained),
            "differences": [one.as_json() for one in self.differences],
            "problems": [f"{one.message} {one.hint}" for one in self.problems],
        }

    @property
    def says(self) -> str:
        """The comparison in one sentence."""
        if self.booked and not (self.agreed or self.differences):
            return f"{self.cycle_id}: {self.booked} annotations booked, and nothing to compare them with could be read."
        open_ = f", {len(self.unexplained)} to look at" if self.unexplained else ""
        return (
            f"{self.cycle_id}: {self.booked} annotations booked, {self.there} in the annotation system, "
            f"{self.agreed} the same, {len(self.differences)} differ{open_}."
        )


def reconcile(app: App, cycle: Cycle) -> Reconciled:
    """Compare every annotation of a cycle: is it in the books, by whom, a person or not, and with which seconds?

    Reads the whole cycle there, and changes nothing anywhere. What is there and was not collected yet is listed, too:
    `kempelen collect` books it. ConnectorUnavailable when the annotation system does not answer.
    """
    try:
        collection = app.annotators.collect(cycle.cycle_id, None)
    except ConnectorRefused as error:
        return _unread(app, cycle, error)
    there = {posting_rules.given_id(answer): answer for answer in collection.annotations}
    booked = _booked(app, cycle)
    removed = {change.source_id for change in app.store.changes(cycle.cycle_id) if change.now is None}
    differences = [
        difference
        for source_id in sorted({*there, *booked})
        if (difference := _compared(app, source_id, booked.get(source_id, ()), there.get(source_id), removed))
    ]
    return Reconciled(
        cycle_id=cycle.cycle_id,
        booked=len(booked),
        there=len(there),
        agreed=len({*there, *booked}) - len(differences),
        differences=tuple(differences),
        problems=collection.problems,
    )


def reconcile_all(app: App, cycle_id: str | None = None) -> list[Reconciled]:
    """Compare one cycle, or all of them, oldest first. BadData for a cycle that there is not."""
    cycles = app.store.cycles(app.model)
    wanted = [cycle for cycle in cycles if cycle_id in {None, cycle.cycle_id}]
    if cycle_id and not wanted:
        known = ", ".join(cycle.cycle_id for cycle in cycles[-5:]) or "none yet"
        raise BadData(f"There is no cycle {cycle_id} of {app.model}.", hint=f"Known: {known}.")
    return [reconcile(app, cycle) for cycle in wanted]


def _booked(app: App, cycle: Cycle) -> Mapping[str, Sequence[Entry]]:
    """What stands in the books about each annotation, by its own entry: corrections in place of what they took back."""
    entries = [e for e in app.ledger.entries(cycle=cycle.cycle_id) if accounts.role(e.receiver) == "pool"]
    taken_back = {entry.reverses for entry in entries if entry.reverses}
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.reverses is None and entry.source_id not in taken_back:
            found.setdefault(posting_rules.annotation_of(entry.source_id), []).append(entry)
    return found


def _compared(
    app: App, source_id: str, booked: Sequence[Entry], answer: Annotation | None, removed: set[str]
) -> Difference | None:
    here, there = _sum(booked), _shown(app, booked, answer)
    name = source_id.removeprefix(posting_rules.GIVEN)
    if not booked:
        return Difference(source_id=name, found=Found.NOT_BOOKED, booked=None, there=there)
    if answer is None:
        gone = "deleted there, and seen: what it took stays booked" if name in removed else ""
        return Difference(source_id=name, found=Found.NOT_THERE, booked=here, there=None, explained=gone)
    if accounts.is_simulated(booked[0].giver) is not answer.simulated:
        return Difference(source_id=name, found=Found.SIMULATED, booked=here, there=there)
    person = accounts.name(booked[0].person or "")
    # Who was forgotten has no pseudonym any more, or another one: their answers keep the one they are booked under.
    if app.known_pseudonym(answer.annotator) not in {None, person} and person not in app.forgotten():
        return Difference(source_id=name, found=Found.PERSON, booked=here, there=there)
    if _same(here, there, edited=answer.changed_at is not None):
        return None
    why = _why_other_seconds(booked)
    return Difference(source_id=name, found=Found.SECONDS, booked=here, there=there, explained=why)


def _shown(app: App, booked: Sequence[Entry], answer: Annotation | None) -> Effort | None:
    """What the annotation system's figures come to, by the policy by which the answer was booked."""
    if answer is None:
        return None
    policies = {entry.policy for entry in booked if entry.policy}
    if answer.changed_at is None and len(policies) == 1:
        with suppress(LedgerError):
            return again(answer, policies.pop())
    return bounds(answer, idle_cap_s=app.settings.annotation.idle_cap_s, clock=app.timed_by)


def _same(here: Effort | None, there: Effort | None, *, edited: bool) -> bool:
    """Whether both say the same; the parts of an edited answer add up in their high bounds alone."""
    if here is None or there is None or not edited:
        return _figures(here) == _figures(there)
    return here.high_s == there.high_s


def _why_other_seconds(booked: Sequence[Entry]) -> str:
    if any(entry.provenance is Provenance.DECLARED for entry in booked):
        return "corrected at the person's request"
    if any(not entry.timed for entry in booked):
        return "edited there, and how long that took is unknown"
    if any("less_s=" in (entry.policy or "") for entry in booked):
        return "taken up again after a skip: it shows the time of both"
    return ""


def _sum(entries: Iterable[Entry]) -> Effort | None:
    """What all entries about one annotation say together; None if none says anything of seconds."""
    timed = [entry for entry in entries if entry.timed]
    if not timed:
        return None
    low, high = (sum((entry.amounts[unit] for entry in timed), Decimal(0)) for unit in (Unit.S_LOW, Unit.S_HIGH))
    return Effort(low_s=low, high_s=high, policy=timed[0].policy or "")


def _unread(app: App, cycle: Cycle, error: ConnectorRefused) -> Reconciled:
    problem = Problem(stage="reconcile", subject=cycle.cycle_id, message=str(error), hint=error.hint)
    return Reconciled(
        cycle_id=cycle.cycle_id,
        booked=len(_booked(app, cycle)),
        there=0,
        agreed=0,
        differences=(),
        problems=(problem,),
    )


def _figures(effort: Effort | None) -> dict[str, float] | None:
    return {"low_s": float(effort.low_s), "high_s": float(effort.high_s)} if effort else None


def in_words(effort: Effort | None) -> str:
    """A figure of either side.

    >>> in_words(None)
    'unknown'
    """
    return interval(effort.low_s, effort.high_s) if effort else "unknown"
