"""Replay January 2020: traffic, watch, people, collect, retrain, day by day on a simulated clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from typing import Protocol

from console.demo import stream, traffic
from console.demo.place import Demo
from console.demo.result import result_of
from cycle.app import App
from cycle.collect import Collected
from cycle.retrain import Retrained
from cycle.route import open_items
from cycle.watch import Watched, alarms_on
from flows._wired import app_of
from kempelen.clock import SimulatedClock
from kempelen.protocols import Progress
from kempelen.states import State


class Say(Protocol):
    """Prints a line of the story."""

    def __call__(self, line: str, *, strong: bool = False) -> None:
        """Print it, in bold if it is a turning point."""
        ...


AnswerRound = Callable[[App, str, datetime], None]
"""Waits until the people, simulated or not, have answered what a cycle asks at a moment."""

PROBE = "corona virus"
"""What versions are asked, to show what they take the word for."""

END_OF_DAY = time_of_day(23, 59, 59, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Teller:
    """How the story is told."""

    say: Say
    progress: Progress
    check: Callable[[], None] = lambda: None


def run(
    demo: Demo,
    answer: AnswerRound,
    teller: Teller,
    *,
    first_look: date = stream.FIRST_LOOK,
    last_day: date = stream.LAST_DAY,
) -> dict[str, object]:
    """Play the story from its first day, or from where it was interrupted; what it found.

    Every step may run twice, so an interrupted demo simply begins again from the first day and
    finds what is already there. `teller.check` is called before each day, and may stop the story by raising.
    """
    from flows.retrain_flow import retrain_flow

    config = str(demo.config)
    clock = SimulatedClock(datetime.combine(stream.IN_SERVICE_FROM, time_of_day(0, 0, tzinfo=UTC)))
    app = app_of(config)
    if app.store.champion(app.model) is None:
        with teller.progress(
            "Training version 1, a scikit-learn and a torch classifier, on what was before 11 December"
        ):
            retrain_flow(config, clock.now())
    first = app.store.versions(app.model)[0]
    teller.say(f"11 Dec  version {first.version} ({first.model_type}) enters service. {_asked(app, first.version)}")
    quiet = [day for day in stream.days(stream.IN_SERVICE_FROM, first_look) if day < first_look]
    with teller.progress("Serving 11 to 31 December: the traffic that later days are compared with"):
        for day in quiet:
            _serve(demo, app, day)
    for day in stream.days(first_look, last_day):
        teller.check()
        clock.move_to(datetime.combine(day, END_OF_DAY))
        with teller.progress(f"{day:%d %b %Y}"):
            _live_through(demo, app, clock.now(), answer, teller)
    return result_of(app)


def _live_through(demo: Demo, app: App, now: datetime, answer: AnswerRound, teller: Teller) -> None:
    """One day: its traffic, then at its end watch, answers, collect, and retrain if the labels are there."""
    from flows.retrain_flow import retrain_flow
    from flows.watch_flow import watch_flow

    config = str(demo.config)
    if _already_told(app, now):
        return
    _serve(demo, app, now.date())
    watched = watch_flow(config, now)
    _tell_watched(app, watched, now, teller)
    _ask_and_collect(app, config, now, answer, teller)
    if any(
        cycle.trains and app.store.state(cycle.cycle_id) is not State.LABELLING
        for cycle in app.store.under_way(app.model)
    ):
        for retrained in retrain_flow(config, now):
            _tell_retrained(app, retrained, now, teller)


def _ask_and_collect(app: App, config: str, now: datetime, answer: AnswerRound, teller: Teller) -> None:
    """Within the day: first answers, then further opinions where they disagree."""
    from flows.collect_flow import collect_flow

    labelling = [c for c in app.store.under_way(app.model) if app.store.state(c.cycle_id) is State.LABELLING]
    annotation = app.settings.annotation
    for _ in range(annotation.max_answers - annotation.answers_per_item + 1 if labelling else 0):
        for cycle in labelling:
            if open_items(app, cycle):
                answer(app, cycle.cycle_id, now)
        _tell_collected(collect_flow(config, now), now, teller)
        if not any(open_items(app, cycle) for cycle in labelling):
            return


def _already_told(app: App, now: datetime) -> bool:
    """Whether an interrupted demo had come past this day: then a later one was looked at."""
    looks = app.store.looks(app.model)
    return bool(looks) and looks[-1].at > now


def _serve(demo: Demo, app: App, day: date) -> None:
    """Log the day's predictions of the champion, unless they are all there; a kill may have left a part."""
    expected = sum(traffic.users_of(row.id) for row in stream.of_day(day))
    if day not in app.predictions.days() or app.predictions.profile(day, day).predictions < expected:
        version = app.champion
        traffic.replay_day(demo.predictions, day, app.registry.load(version), version)


def _tell_watched(app: App, watched: Watched, now: datetime, teller: Teller) -> None:
    """Alarms are told when they are first seen, as they are notified."""
    new = [alarm for alarm in alarms_on(app, watched.look) if alarm.first_at == now]
    for alarm in new:
        teller.say(f"{now:%d %b}  ALARM ({alarm.severity.value}) about version {alarm.version}", strong=True)
        teller.say(f"          {alarm.detector}: {alarm.report.summary}")
    for stopped in _stopped_today(app, now):
        teller.say(f"{now:%d %b}  no further round is asked: {stopped}")
    if watched.opened is not None:
        what = "cycle opened" if watched.opened.trains else "audit"
        teller.say(f"{now:%d %b}  {what}: {watched.asked} queries put before people in Label Studio")


def _stopped_today(app: App, now: datetime) -> list[str]:
    rounds = [round_ for cycle in app.store.under_way(app.model) for round_ in app.store.rounds(cycle.cycle_id)]
    return [round_.stopped for round_ in rounds if round_.stopped and round_.at == now]


def _tell_collected(collected: list[Collected], now: datetime, teller: Teller) -> None:
    for one in collected:
        if one.new:
            teller.say(f"{now:%d %b}  {one.new} answers to {one.answered} of {one.items} queries collected and booked")


def _tell_retrained(app: App, retrained: Retrained, now: datetime, teller: Teller) -> None:
    if retrained.cycle is None:
        return
    if retrained.version is None:
        teller.say(f"{now:%d %b}  the cycle is abandoned: {retrained.note}")
        return
    for judgement in app.store.judgements(retrained.cycle.cycle_id):
        verdict = "passes" if judgement.report.passed else "fails"
        teller.say(f"{now:%d %b}  challenger {judgement.model_type} {verdict} the gate:")
        for check in judgement.report.checks:
            teller.say(f"          {check.name}: {check.summary}")
    version = retrained.version
    verdict = "promoted, in service from the next day" if retrained.promoted else "not promoted"
    teller.say(
        f"{now:%d %b}  version {version.version} ({version.model_type}) {verdict}. {_asked(app, version.version)}",
        strong=retrained.promoted,
    )


def _asked(app: App, version: str) -> str:
    """What a version takes the word of the story for."""
    model = app.registry.load(version)
    likely = dict(zip(model.labels, model.predict([PROBE])[0], strict=True))
    best = max(likely, key=likely.__getitem__)
    return f'Asked for "{PROBE}", it says {best} with {likely[best]:.0%} confidence.'
