"""From settled labels to a version in service, with its human effort on record."""

from dataclasses import dataclass
from datetime import datetime

from cycle.account import account, attach_card, book_opening_balance
from cycle.app import App
from cycle.records import Cycle, Promotion, Version
from cycle.train import train, train_first
from kempelen.errors import NotEnoughData
from kempelen.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrained:
    """What became of one cycle, or of the first version (`cycle` is None); without a version it was abandoned."""

    cycle: Cycle | None
    version: Version | None
    outcome: State
    note: str

    @property
    def promoted(self) -> bool:
        """Whether the version is in service now."""
        return self.outcome is State.PROMOTED


def retrain(app: App, now: datetime) -> list[Retrained]:
    """Take every cycle as far as it goes; without any version yet, train and promote the first.

    Killed anywhere and run again, it goes on from the last recorded event.
    """
    if app.store.champion(app.model) is None:
        return [_begin(app, now)]
    _repair_alias(app)
    return [
        _finish(app, cycle, now)
        for cycle in app.store.under_way(app.model)
        if cycle.trains and app.store.state(cycle.cycle_id) not in {State.OPEN, State.LABELLING}
    ]


def _begin(app: App, now: datetime) -> Retrained:
    """Promotion comes last: until then, everything here is done again without a second effect."""
    version = train_first(app, now)
    book_opening_balance(app, version)
    attach_card(app, version.version, version.trained_at)
    _promote(app, version, over=None, now=now, note="the first version")
    return Retrained(cycle=None, version=version, outcome=State.PROMOTED, note="the first version")


def _finish(app: App, cycle: Cycle, now: datetime) -> Retrained:
    """Go on from the cycle's last event, whichever it is."""
    if app.store.state(cycle.cycle_id) in {State.READY, State.TRAINED}:
        try:
            train(app, cycle, now)
        except NotEnoughData as too_little:
            app.move(cycle, State.ABANDONED, now, str(too_little))
    version = next((v for v in app.store.versions(app.model) if v.cycle_id == cycle.cycle_id), None)
    if (
        version
        and app.store.state(cycle.cycle_id) is State.PASSED
        and app.champion not in {cycle.champion, version.version}
    ):
        # It was judged against a champion that is no longer in service: that verdict is worth nothing now.
        app.move(cycle, State.ABANDONED, now, f"version {app.champion} became champion meanwhile")
    if version and app.store.state(cycle.cycle_id) is State.PASSED:
        _promote(app, version, over=cycle.champion, now=now, note=f"passed the gate in cycle {cycle.cycle_id}")
        app.move(cycle, State.PROMOTED, now, f"version {version.version}")
    outcome = app.store.events(cycle.cycle_id)[-1]
    account(app, cycle, now)
    return Retrained(cycle=cycle, version=version, outcome=outcome.state, note=outcome.note)


def _promote(app: App, version: Version, *, over: str | None, now: datetime, note: str) -> None:
    """The promotion is the record in our store; the registry's alias follows it."""
    promotion = Promotion(
        model=app.model,
        sequence=len(app.store.promotions(app.model)) + 1,
        version=version.version,
        at=now,
        cycle_id=version.cycle_id,
        note=note,
    )
    app.store.promote(promotion, over=over)
    _repair_alias(app)


def _repair_alias(app: App) -> None:
    """Point the alias to the champion, if somebody or a kill left it elsewhere."""
    if app.registry.champion() != app.champion:
        app.registry.set_champion(app.champion)
