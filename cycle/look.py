"""One look at the traffic: profile it, let every detector compare, and say what of it is an alarm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from cycle.alarms import set_aside
from cycle.app import App
from cycle.budget import seconds_per_label
from cycle.records import CURRENT, Known, Look, Round
from kempelen.errors import BadData, NotEnoughData, Problem
from kempelen.profile import Profile
from kempelen.records import AuditedAnswer, Candidate, DriftReport, Purpose, Window
from kempelen.text import terms

BUDGET_YEAR = timedelta(days=366)
"""The time over which a false-alarm budget lasts."""

FEWEST_REFERENCE_DAYS = 3
"""Days of traffic that make a reference; fewer are a trial, or rows of a clock that was wrong."""

EXAMPLES = 3
"""Queries that are shown with a subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reference:
    """What a version is compared with: its own first days, or meanwhile an earlier version's."""

    profile: Profile
    borrowed: bool
    problems: tuple[Problem, ...] = ()


def look(app: App, now: datetime) -> Look:
    """Compare the champion's traffic with its reference. Nothing is recorded but a reference that is complete.

    Raises NotEnoughData before the first version is in service, BadData if the clock went back. A detector
    that cannot answer is in `undecided`.
    """
    _check_clock(app, now)
    version = app.champion
    reference = _reference(app, version, now)
    undecided = list(reference.problems)
    window = Window(
        reference=reference.profile,
        current=_current(app, version, now, reference, undecided),
        audited=audited_answers(app, version),
        today=now.date(),
        seconds_per_label=seconds_per_label(app),
        predecessors=_predecessors(app, now),
        surging=_surging_words(app, version),
        borrowed=reference.borrowed,
    )
    reports: list[DriftReport] = []
    for name, detector in app.detectors.items():
        try:
            reports.append(detector.detect(window))
        except NotEnoughData as too_little:
            undecided.append(_problem(name, too_little))
    return Look(
        model=app.model,
        version=version,
        at=now,
        reports=tuple(_with_examples(app, report, now) for report in reports),
        undecided=tuple(undecided),
        set_aside=set_aside(
            reports,
            now.date(),
            expected=app.settings.drift.expected,
            mutes=app.store.mutes(app.model),
            handled=_handled(app, version) if reference.borrowed else {},
        ),
        problems=tuple(app.predictions.problems),
        quiet_days=app.settings.drift.quiet_days,
        critical_share=app.settings.drift.critical_share,
    )


def audited_answers(app: App, version: str) -> tuple[AuditedAnswer, ...]:
    """What people said of predictions of a version that were drawn for the audit, in order of time.

    An audited item that was still valid in a later round stands there for itself, with chance 1.
    """
    answers: list[AuditedAnswer] = []
    settled: dict[str, tuple[str, str]] = {}
    for cycle in app.store.cycles(app.model):
        consensus = app.store.consensus(cycle.cycle_id)
        requests = [r for r in app.store.requests(cycle.cycle_id) if r.purpose is Purpose.AUDIT]
        settled |= {r.item_id: (r.query, consensus[r.item_id].label) for r in requests if r.item_id in consensus}
        for round_ in app.store.rounds(cycle.cycle_id):
            drawn = {
                r.item_id: (Known(predictions=r.predictions, suggestion=r.suggestion, confidence=r.confidence), chance)
                for r in requests
                for chance in [r.audit_probability]
                if r.round == round_.number
            }
            known = {item_id: (one, 1.0) for item_id, one in round_.known.items()}
            answers += [
                _audited(item_id, *settled[item_id], item, chance, round_)
                for item_id, (item, chance) in (drawn | known).items()
                # The rounds of an older Kempelen do not say what traffic they were drawn from.
                if cycle.champion == version and item_id in settled and round_.traffic
            ]
    return tuple(answers)


def _audited(  # noqa: PLR0913, PLR0917 - an audited answer is exactly these things
    item_id: str, query: str, label: str, item: Known, probability: float, round_: Round
) -> AuditedAnswer:
    return AuditedAnswer(
        item_id=item_id,
        query=query,
        label=label,
        prediction=item.suggestion,
        probability=probability,
        predictions=item.predictions,
        traffic=round_.traffic,
        draw=f"{round_.cycle_id}/{round_.number}",
        at=round_.at,
        heaviest=round_.heaviest,
    )


def _check_clock(app: App, now: datetime) -> None:
    last = app.store.last_look(app.model)
    if last and now < last.at:
        raise BadData(
            f"The clock says {now:%Y-%m-%d %H:%M:%S}, but the last look was at {last.at:%Y-%m-%d %H:%M:%S}.",
            hint="Set the clock of this machine right and look again. Nothing was recorded.",
        )


def _reference(app: App, version: str, now: datetime) -> _Reference:
    """The version's first days in service, kept once they are over; until then an earlier version's."""
    known = app.store.reference(app.model, version)
    if known:
        return _Reference(profile=known, borrowed=False)
    length = timedelta(days=app.settings.drift.reference_days - 1)
    days = _days_of_service(app)
    first = days[0]
    while first + length < now.date():
        reference = _traffic(app, version, first, first + length)
        if len(reference.days) >= FEWEST_REFERENCE_DAYS and reference.days[0] == first:
            app.store.record_reference(app.model, version, reference)
            return _Reference(profile=reference, borrowed=False)
        # A trial, a clock that was wrong, or another version's days: the next day may be the first of this one.
        begun = [day for day in reference.days if day > first]
        first = min(begun or [day for day in days if day > first + length], default=now.date())
    return _borrowed(app, version, first, first + length)


def _days_of_service(app: App) -> list[date]:
    """The days that may be the champion's, oldest first.

    A first version may have served long before it was registered here; a later one is loaded some time
    after its promotion.
    """
    promotions = app.store.promotions(app.model)
    promoted = promotions[-1].at.date()
    return [day for day in app.predictions.days() if day >= promoted or len(promotions) == 1] or [promoted]


def _traffic(app: App, version: str, first: date, last: date) -> Profile:
    try:
        return app.predictions.profile(first, last, version)
    except NotEnoughData:
        return Profile.empty()


def _borrowed(app: App, version: str, first: date, last: date) -> _Reference:
    earlier = [p.version for p in reversed(app.store.promotions(app.model)) if p.version != version]
    profiles = (app.store.reference(app.model, one) for one in earlier)
    found = next((profile for profile in profiles if profile), None)
    meanwhile = "words are compared with an earlier version's reference, and" if found else "only"
    problem = Problem(
        stage="drift",
        subject="reference",
        message=f"The reference of version {version}, its first traffic, is gathered from {first} to {last}.",
        hint=f"Until then {meanwhile} the human audit watches it.",
    )
    return _Reference(profile=found or Profile.empty(), borrowed=found is not None, problems=(problem,))


def _current(app: App, version: str, now: datetime, reference: _Reference, undecided: list[Problem]) -> Profile:
    """The last days' traffic after the reference; an empty window is said to be so, and never taken for quiet."""
    first = now.date() - timedelta(days=app.settings.drift.horizon_days)
    if reference.profile.days:
        first = max(first, reference.profile.days[-1] + timedelta(days=1))
    try:
        current = app.predictions.profile(first, now.date(), version)
    except NotEnoughData as empty:
        undecided.append(_problem(CURRENT, empty))
        return Profile.empty()
    undecided += _missing_days(app, first, now.date(), current)
    return current


def _missing_days(app: App, first: date, today: date, current: Profile) -> list[Problem]:
    """Whole days of service without a prediction: a log that stopped must not look like quiet traffic."""
    in_service = max(first, app.store.promotions(app.model)[-1].at.date() + timedelta(days=1))
    whole = (in_service + timedelta(days=n) for n in range((today - in_service).days))
    missing = [day for day in whole if day not in current.days]
    if not missing:
        return []
    return [
        Problem(
            stage="drift",
            subject="prediction log",
            message=f"It has no prediction of {', '.join(map(str, missing))}; those days were not looked at.",
            hint="Was the service down, or does it log elsewhere? Rows that arrive late are counted at the next look.",
        )
    ]


def _predecessors(app: App, now: datetime) -> int:
    """Versions that were promoted within the year, the champion left out."""
    return sum(now - promotion.at < BUDGET_YEAR for promotion in app.store.promotions(app.model)[:-1])


def _surging_words(app: App, version: str) -> tuple[str, ...]:
    """The words that cycles about a version asked for, in the order in which they were named."""
    cycles = [cycle for cycle in app.store.cycles(app.model) if cycle.champion == version]
    rounds = [round_ for cycle in cycles for round_ in app.store.rounds(cycle.cycle_id)]
    return tuple(dict.fromkeys(word for round_ in rounds for word in round_.surging))


def _handled(app: App, version: str) -> Mapping[str, str]:
    """The words that people answered for before this version was trained: they surge against an older reference."""
    trained_on = app.store.version(app.model, version).trained_on_cycles
    words = (word for cycle_id in trained_on for round_ in app.store.rounds(cycle_id) for word in round_.surging)
    return dict.fromkeys(words, f"version {version} was trained on answers to it")


def _with_examples(app: App, report: DriftReport, now: datetime) -> DriftReport:
    """The report with queries of enough people that show what changed, without personal data.

    The detector's own stay; where it named none, the most frequent ones of the window are shown.
    """
    if not report.drifted:
        return report
    window = [] if all(evidence.examples for evidence in report.evidence) else _window(app, now)
    evidence = tuple(
        replace(e, examples=tuple(s.text for s in app.scrubber.scrub(e.examples or _examples(e.subject, window))))
        for e in report.evidence
    )
    return replace(report, evidence=evidence)


def _window(app: App, now: datetime) -> Sequence[Candidate]:
    try:
        return app.predictions.candidates(
            app.window_start(now), now.date(), min_users=app.settings.selection.min_users, model_version=app.champion
        ).candidates
    except NotEnoughData:
        return ()


def _examples(subject: str, candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """The most frequent queries with a word, or with a predicted label."""
    showing = [c for c in candidates if c.label == subject or subject in terms(c.query)]
    return tuple(c.query for c in sorted(showing, key=lambda c: (-c.predictions, c.query))[:EXAMPLES])


def _problem(subject: str, error: NotEnoughData) -> Problem:
    return Problem(stage="drift", subject=subject, message=str(error), hint=error.hint)
