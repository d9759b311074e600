"""How people were asked in a cycle: what for, how much of their time, what was held back, and why it stopped."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from cycle.accuracy import LiveAccuracy, live_accuracy
from cycle.anchoring import Anchoring, anchoring
from cycle.app import App
from cycle.ask import asked_all
from cycle.budget import price, seconds_asked
from cycle.records import Cycle, Round
from cycle.route import progress
from cycle.settle import supported
from kempelen.errors import Problem
from kempelen.records import Annotation, LabelRequest
from kempelen.states import State
from ledger.effort import bounds

ENDED = "all rounds were asked"
GOING_ON = "it goes on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Answers of people, or of simulated annotators: never of both. Bounds in seconds, skips included.

    Whoever sees these figures grow with each answer knows whose it was; so of people only the number of answers is
    told, but to those who run the payroll. What may be published of their time stands in the statement of the books.
    """

    answers: int
    annotators: int | None = None
    skips: int | None = None
    low_s: Decimal | None = None
    high_s: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """By which consensus rule answers became labels, and why by that one. `scores` of rules are what `by` was judged.

    `settled` tells the labels on record from what the answers support so far.
    """

    rule: str
    why: str
    by: str = "setting"
    scores: Mapping[str, float] = field(default_factory=dict)
    settled: bool = False

    @property
    def says(self) -> str:
        """The same in a sentence."""
        return f"Answers {'were' if self.settled else 'are'} weighed by {self.rule}: {self.why}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How people were asked in one cycle.

    `by_strategy` counts items by strategy and purpose; `reasons` has one reason of each strategy. `overlap` counts
    items by how many answers they took. `consensus` is how the answers were weighed, `unsettled` says why items have no
    label. `cost` is what the given time costs at the agreed pay, low and high, None without one or without the time.
    """

    cycle: Cycle
    rounds: tuple[Round, ...]
    items: int
    by_strategy: dict[str, dict[str, int]]
    reasons: dict[str, str]
    blind: int
    scrubbed: dict[str, int]
    hazards: dict[str, int]
    overlap: dict[int, int]
    contested: int
    consensus: Weighed
    unsettled: tuple[str, ...]
    human: Given
    simulated: Given
    seconds_asked: float
    budget_seconds: float
    cost: tuple[Decimal, Decimal] | None
    currency: str
    stopped: str
    accuracy: LiveAccuracy | None
    anchoring: tuple[Anchoring, ...]

    def as_json(self) -> dict[str, Any]:
        """What `kempelen asked --json` prints."""
        return {
            "cycle": self.cycle.cycle_id,
            "reason": self.cycle.reason.value,
            "champion": self.cycle.champion,
            "items": self.items,
            "by_strategy": self.by_strategy,
            "reasons": self.reasons,
            "blind": self.blind,
            "scrubbed": self.scrubbed,
            "hazards": self.hazards,
            "answers_per_item": {str(count): items for count, items in self.overlap.items()},
            "waiting_for_an_expert": self.contested,
            "consensus": {**asdict(self.consensus), "says": self.consensus.says},
            "unsettled": list(self.unsettled),
            "rounds": [_round_as_json(one) for one in self.rounds],
            "human": _given_as_json(self.human),
            "simulated": _given_as_json(self.simulated),
            "asked_minutes": round(self.seconds_asked / 60, 2),
            "budget_minutes": round(self.budget_seconds / 60, 2),
            "cost": None if self.cost is None else [str(bound) for bound in self.cost],
            "currency": self.currency,
            "stopped": self.stopped,
            "live_accuracy": self.accuracy.as_json() if self.accuracy else None,
            "anchoring": [one.as_json() for one in self.anchoring],
        }


def asked(app: App, cycle: Cycle, *, exact: bool = False) -> Asked:
    """Everything about how a cycle asked, from what is recorded; people's time only if `exact`: for the payroll."""
    requests = app.store.requests(cycle.cycle_id)
    answers = app.store.answers(cycle.cycle_id)
    rounds = tuple(app.store.rounds(cycle.cycle_id))
    waiting = progress(app, cycle) if app.store.state(cycle.cycle_id) is State.LABELLING else {}
    consensus, problems = _weighed(app, cycle)
    human = _given(app, [a for a in app.store.given(cycle.cycle_id) if not a.simulated], exact=exact)
    return Asked(
        cycle=cycle,
        rounds=rounds,
        items=len(requests),
        by_strategy=_by_strategy(requests),
        reasons={r.strategy: r.reason for r in reversed(requests)},
        blind=sum(r.blind for r in requests),
        scrubbed=dict(Counter(kind for r in requests for kind in r.scrubbed)),
        hazards=dict(Counter(hazard for r in requests for hazard in r.hazards)),
        overlap=_overlap(requests, answers),
        contested=sum(need.expert for need in waiting.values()),
        consensus=consensus,
        unsettled=tuple(f"{one.subject}: {one.message}" for one in problems) if consensus.settled else (),
        human=human,
        simulated=_given(app, [a for a in app.store.given(cycle.cycle_id) if a.simulated], exact=True),
        seconds_asked=seconds_asked(app, cycle),
        budget_seconds=app.settings.selection.budget_minutes * 60,
        cost=_cost(app, human),
        currency=app.settings.annotation.currency,
        stopped=_stopped(cycle, rounds),
        accuracy=live_accuracy(app, cycle),
        anchoring=anchoring(requests, answers, first_answers=app.settings.annotation.answers_per_item),
    )


def _cost(app: App, given: Given) -> tuple[Decimal, Decimal] | None:
    if given.low_s is None or given.high_s is None:
        return None
    low, high = price(app).cost(float(given.low_s)), price(app).cost(float(given.high_s))
    return None if low is None or high is None else (low, high)


def _by_strategy(requests: Sequence[LabelRequest]) -> dict[str, dict[str, int]]:
    counts = Counter((r.strategy, r.purpose.value) for r in requests)
    return {
        strategy: {purpose: n for (of, purpose), n in sorted(counts.items()) if of == strategy}
        for strategy in sorted({strategy for strategy, _ in counts})
    }


def _overlap(requests: Sequence[LabelRequest], answers: Sequence[Annotation]) -> dict[int, int]:
    given = Counter(answer.item_id for answer in answers if not answer.skipped)
    return dict(sorted(Counter(given[r.item_id] for r in requests).items()))


def _weighed(app: App, cycle: Cycle) -> tuple[Weighed, list[Problem]]:
    """The rule, and the items that it settles not.

    A rule that chooses (`auto`) does so anew whenever it is asked; what it once settled by is on record with the
    labels.
    """
    settled = State.READY in {event.state for event in app.store.events(cycle.cycle_id)}
    problems = supported(app, cycle.cycle_id)[1]
    name, choice = app.settings.annotation.consensus, getattr(app.consensus, "choice", None)
    if choice is None:
        return Weighed(rule=name, why="[annotation] consensus names it", settled=settled), problems
    methods = {label.method for label in app.store.consensus(cycle.cycle_id).values()}
    recorded = sorted(method.removeprefix(f"{name}: ") for method in methods if method.startswith(f"{name}: "))
    if settled and recorded and recorded != [choice.rule]:
        why = f"it was chosen when the cycle was settled; by the answers as they are now it would be {choice.rule}"
        return Weighed(rule=" and ".join(recorded), why=why, by="record", settled=True), problems
    found = Weighed(rule=choice.rule, why=choice.why, by=choice.by, scores=choice.scores, settled=settled)
    return found, problems


def _given(app: App, answers: Sequence[Annotation], *, exact: bool) -> Given:
    if not exact:
        return Given(answers=len(answers))
    efforts = [bounds(answer, idle_cap_s=app.settings.annotation.idle_cap_s, clock=app.timed_by) for answer in answers]
    return Given(
        answers=len(answers),
        annotators=len({answer.annotator for answer in answers}),
        skips=sum(answer.skipped for answer in answers),
        low_s=sum((effort.low_s for effort in efforts if effort), Decimal(0)),
        high_s=sum((effort.high_s for effort in efforts if effort), Decimal(0)),
    )


def _stopped(cycle: Cycle, rounds: Sequence[Round]) -> str:
    said = next((one.stopped for one in rounds if one.stopped), "")
    if said:
        return said
    return ENDED if asked_all(cycle, rounds) else GOING_ON


def _given_as_json(given: Given) -> dict[str, Any]:
    return {
        "answers": given.answers,
        "annotators": given.annotators,
        "skips": given.skips,
        "low_s": None if given.low_s is None else float(given.low_s),
        "high_s": None if given.high_s is None else float(given.high_s),
    }


def _round_as_json(one: Round) -> dict[str, Any]:
    return {
        "number": one.number,
        "at": one.at.isoformat(),
        "surging": list(one.surging),
        "candidates": one.candidates,
        "traffic": one.traffic,
        "known": len(one.known),
        "asked_again_after_a_surge": one.expired,
        "held_back": one.held_back,
        "held_back_predictions": one.held_back_predictions,
        "hidden_words": list(one.hidden),
        "challenger_accuracy": one.challenger_accuracy,
        "stopped": one.stopped,
    }
