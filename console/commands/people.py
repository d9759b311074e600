"""People who answer: how they were asked, how they are invited, and what becomes of a closed cycle's project."""

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from console import output
from console.commands.common import COMMON, Common, app_of, show
from kempelen.errors import ConfigError
from kempelen.words import counted

if TYPE_CHECKING:
    from cycle.app import App
    from cycle.asked import Asked, Given
    from cycle.records import Cycle


def asked(
    cycle: str | None = None,
    *,
    exact: Annotated[bool, Parameter(negative="")] = False,
    common: Common = COMMON,
) -> int:
    """Show how people were asked in a cycle: what for, how many answers they gave, what was held back, why it stopped.

    Parameters
    ----------
    cycle
        Its name, as `kempelen status` shows it; the latest one by default.
    exact
        Show how long people took, too, and what it costs: for those who run the payroll, and nobody else.
    """
    from cycle.asked import asked as report

    app = app_of(common)
    seen = report(app, _cycle(app, cycle), exact=exact)
    return show(seen.as_json(), common, lambda: _tell(seen))


def invite(*, common: Common = COMMON) -> int:
    """Show the link by which people make an account of their own in Label Studio, and can then be asked."""
    from connectors.annotation.label_studio import LabelStudio

    common.with_servers()
    annotators = app_of(common).annotators
    if not isinstance(annotators, LabelStudio):
        raise ConfigError(
            "People need no account where items are exchanged as files.",
            hint="Invitations are for [annotation] connector = label_studio.",
        )
    link = annotators.invitation()
    return show({"invitation": link}, common, lambda: output.say(f"Who opens {link} can make an account and answer."))


def archive(cycle: str | None = None, *, common: Common = COMMON) -> int:
    """Write all that the annotation system holds of closed cycles to the state folder, and mark it archived there.

    Parameters
    ----------
    cycle
        One cycle; all that are closed by default.
    """
    settings = common.with_servers()
    app = app_of(common)
    wanted = [_cycle(app, cycle)] if cycle else app.store.cycles(app.model)
    open_ = [one.cycle_id for one in wanted if not app.store.state(one.cycle_id).ended]
    if cycle and open_:
        raise ConfigError(f"Cycle {cycle} is not closed yet.", hint="See `kempelen status`; archive it afterwards.")
    with output.progress("Archiving"):
        written = {
            one.cycle_id: [str(file) for file in app.annotators.archive(one.cycle_id, settings.state / "archive")]
            for one in wanted
            if one.cycle_id not in open_
        }

    def readable() -> None:
        for name, files in written.items():
            output.say(f"{name}: {', '.join(files) or 'nothing to archive'}")
        if not written:
            output.say("No cycle is closed.")

    return show(written, common, readable)


def _cycle(app: "App", name: str | None) -> "Cycle":
    cycles = app.store.cycles(app.model)
    found = next((one for one in reversed(cycles) if name in (None, one.cycle_id)), None)
    if found is None:
        known = ", ".join(one.cycle_id for one in cycles[-5:]) or "none yet"
        raise ConfigError(f"There is no cycle {name or 'of this model'}.", hint=f"Known: {known}.")
    return found


# ---------------------------------------------------------------- in words


def _tell(seen: "Asked") -> None:
    cycle = seen.cycle
    output.say(f"{cycle.cycle_id}, about version {cycle.champion}", strong=True)
    output.show_table([_round(one) for one in seen.as_json()["rounds"]], right=("round", "candidates", "predictions"))
    output.show_table(_strategies(seen), title="Why these items", right=("items",))
    for line in (*_privacy(seen), *_overlap(seen), *_time(seen)):
        output.say(line)
    if seen.accuracy:
        output.say(seen.accuracy.says)
    for one in seen.anchoring:
        if one.simulated or seen.human.answers or not seen.simulated.answers:
            output.say(one.says)
    output.say(f"Rounds: {seen.stopped}.")


def _round(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "round": one["number"],
        "day": one["at"][:10],
        "surging words": " ".join(one["surging"]),
        "candidates": one["candidates"],
        "predictions": one["traffic"],
        "too rare to show": f"{one['held_back']} queries, {one['held_back_predictions']} predictions",
    }


def _strategies(seen: "Asked") -> list[dict[str, Any]]:
    return [
        {
            "strategy": strategy,
            "items": sum(counts.values()),
            "for": ", ".join(f"{n} {purpose}" for purpose, n in counts.items()),
            "as told to people": seen.reasons[strategy],
        }
        for strategy, counts in seen.by_strategy.items()
    ]


def _privacy(seen: "Asked") -> list[str]:
    hidden = sorted({word for one in seen.rounds for word in one.hidden})
    lines = [f"{seen.blind} of {seen.items} items hide the model's suggestion."]
    if hidden:
        lines.append(f"Of {', '.join(hidden)} nothing could be shown: too few people asked any one query with it.")
    if seen.scrubbed:
        found = ", ".join(f"{kind} {n} times" for kind, n in sorted(seen.scrubbed.items()))
        lines.append(f"Personal data taken out: {found}.")
    if seen.hazards:
        lines.append("May distress: " + ", ".join(f"{n} items of {name}" for name, n in sorted(seen.hazards.items())))
    return lines


def _overlap(seen: "Asked") -> list[str]:
    counts = ", ".join(
        f"{counted(items, 'item has', 'items have')} {answers}" for answers, items in seen.overlap.items()
    )
    lines = [f"Answers: {counts}.", seen.consensus.says] if counts else []
    if seen.contested:
        lines.append(f"{seen.contested} items wait for an expert.")
    return [*lines, *(f"  without a label: {why}" for why in seen.unsettled)]


def _time(seen: "Asked") -> list[str]:
    given = [_given(seen.human, "people"), _given(seen.simulated, "simulated annotators, none of them human")]
    asked_for = f"Asked for {seen.seconds_asked / 60:.0f} of {seen.budget_seconds / 60:.0f} minutes."
    cost = f"At the agreed pay, fees included: {_price(seen)}." if seen.cost else ""
    return [line for line in (*given, asked_for, cost) if line]


def _given(given: "Given", who: str) -> str:
    from ledger.durations import interval

    if not given.answers:
        return ""
    answers = counted(given.answers, "answer")
    if given.low_s is None or given.high_s is None:
        return f"{answers} by {who}; for the time behind a version see `kempelen labour`."
    skips = f", {counted(given.skips, 'skip')} among them" if given.skips else ""
    return f"{answers} by {given.annotators} {who}{skips}: {interval(given.low_s, given.high_s)}."


def _price(seen: "Asked") -> str:
    low, high = seen.cost or ("", "")
    return f"{low} {seen.currency}" if low == high else f"{low} to {high} {seen.currency}"
