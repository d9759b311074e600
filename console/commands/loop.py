"""The loop by hand: init, demo, watch, collect, retrain. The flows run in this process."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from cyclopts import Parameter

from console import flows, output
from console.commands.common import (
    COMMON,
    DEFAULT_CONFIG,
    DEFAULT_STATE,
    DONE,
    NEEDS_A_PERSON,
    Common,
    cycles_under_way,
    show,
)
from console.stack import Stack
from kempelen.errors import ConfigError
from kempelen.records import DriftReport
from kempelen.settings import load


def init(name: str = "queries", *, common: Common = COMMON) -> int:
    """Write a kempelen.toml to start from. An existing one is never overwritten."""
    file = common.config or DEFAULT_CONFIG
    template = Path(__file__).parent.parent / "data" / "kempelen.toml"
    content = template.read_text(encoding="utf-8").replace("NAME", name)
    with TemporaryDirectory(prefix="kempelen-") as folder:
        # A name that cannot be one is refused before anything is written here.
        draft = Path(folder) / file.name
        draft.write_text(content, encoding="utf-8")
        try:
            load(draft)
        except ConfigError as wrong:
            raise ConfigError(
                f"{name!r} cannot be the name of a model.",
                hint="Use lower-case letters, digits and dashes, at most 49, beginning with a letter.",
            ) from wrong
    try:
        with file.open("x", encoding="utf-8") as sink:
            sink.write(content)
    except FileExistsError as exists:
        raise ConfigError(f"{file} is there already.", hint="Edit it, or name another file with --config.") from exists
    return show({"config": str(file)}, common, lambda: output.say(f"Wrote {file}. Now edit [model] and [training]."))


def demo(*, annotator: Literal["simulated", "me"] = "simulated", common: Common = COMMON) -> int:
    """Replay January 2020 on real servers: the word "corona" changes its meaning, and people put it right.

    Parameters
    ----------
    annotator
        `simulated`: five simulated annotators work through Label Studio. `me`: you do, in your browser.
    """
    from console.demo.run import run_demo

    state = (common.state or DEFAULT_STATE).absolute()
    result = run_demo(Stack(state), state, annotator=annotator, as_json=common.json, debug=common.debug)
    if common.json:
        output.show_json(result)
    return DONE


def watch(
    *, open_cycle: Annotated[bool, Parameter(name="--open", negative="")] = False, common: Common = COMMON
) -> int:
    """Look for drift now; open a cycle and ask people if there is some.

    Ends with 3 while people are being asked, or if there was no traffic to look at.

    Parameters
    ----------
    open_cycle
        Open a cycle whether or not there is an alarm.
    """
    common.with_servers()
    from flows.watch_flow import watch_flow

    with output.progress("Watching"), flows.reaching_prefect():
        watched = watch_flow(str(common.config_file), open_cycle=open_cycle)
    look = watched.look

    alarming = {report.detector: report for report in look.alarms}

    def readable() -> None:
        rows = [
            {
                "detector": report.detector,
                "alarm": _verdict(report, alarming),
                "report": alarming.get(report.detector, report).summary,
            }
            for report in look.reports
        ]
        rows += [
            {"detector": one.detector, "alarm": "no alarm", "report": f"{one.subject or 'all of it'}: {one.why}"}
            for one in look.set_aside
        ]
        rows += [
            {"detector": p.subject, "alarm": "?", "report": f"cannot answer: {p.message} {p.hint}"}
            for p in look.undecided
        ]
        output.show_table(rows)
        if watched.opened:
            output.say(f"Opened cycle {watched.opened.cycle_id}.")
        for problem in look.problems:
            output.say(f"{problem.subject}: {problem.message} {problem.hint}")
        for address in watched.addresses:
            output.say(f"{watched.asked} new items. People answer at {address}")
        for address in watched.for_experts:
            output.say(f"What people could not agree on waits for an expert at {address}")
        if watched.addresses:
            output.say(common.how_to_answer)

    document = {
        "at": look.at,
        "version": look.version,
        "alarms": [
            {"detector": r.detector, "terms": [e.subject for e in r.evidence], "summary": r.summary}
            for r in look.alarms
        ],
        "quiet": [{"detector": r.detector, "summary": r.summary} for r in look.reports if not r.drifted],
        "hints": [{"detector": r.detector, "summary": r.summary} for r in look.reports if r.drifted and r.hint],
        "set_aside": [{"detector": one.detector, "subject": one.subject, "why": one.why} for one in look.set_aside],
        "undecided": [{"detector": p.subject, "message": p.message, "hint": p.hint} for p in look.undecided],
        "opened": watched.opened.cycle_id if watched.opened else None,
        "asked": watched.asked,
        "addresses": watched.addresses,
        "for_experts": watched.for_experts,
    }
    show(document, common, readable)
    return NEEDS_A_PERSON if watched.addresses or look.blind else DONE


def _verdict(report: DriftReport, alarming: Mapping[str, DriftReport]) -> str:
    if report.detector in alarming:
        return "ALARM"
    if report.drifted:
        return "hint" if report.hint else "set aside"
    return ""


def collect(*, settle: Annotated[bool, Parameter(negative="")] = False, common: Common = COMMON) -> int:
    """Fetch what people answered, book their effort, and settle the cycles that are complete.

    Parameters
    ----------
    settle
        Settle with the answers that are there, although some are missing.
    """
    common.with_servers()
    from flows.collect_flow import collect_flow

    with output.progress("Collecting"), flows.reaching_prefect():
        collected = collect_flow(str(common.config_file), settle=settle)
    rows = [
        {
            "cycle": one.cycle.cycle_id,
            "state": one.state.value,
            "answered": f"{one.answered} of {one.items} items",
            "for an expert": one.contested,
            "new answers": one.new,
            "problems": len(one.problems),
        }
        for one in collected
    ]

    def readable() -> None:
        output.show_table(rows, right=("for an expert", "new answers", "problems"))
        for problem in (problem for one in collected for problem in one.problems):
            output.say(f"  {problem.subject}: {problem.message} {problem.hint}")
        if not rows:
            output.say("No cycle is waiting for answers.")

    show(rows, common, readable)
    return NEEDS_A_PERSON if any(one.state.value == "labelling" for one in collected) else DONE


def retrain(*, common: Common = COMMON) -> int:
    """Train, judge and promote for every cycle that has its labels; train the first version if there is none."""
    settings = common.with_servers()
    from flows.retrain_flow import retrain_flow

    with output.progress("Retraining"), flows.reaching_prefect():
        finished = retrain_flow(str(common.config_file))
    rows = [
        {
            "model": settings.model.name,
            "version": one.version.version if one.version else None,
            "type": one.version.model_type if one.version else None,
            "cycle": one.cycle.cycle_id if one.cycle else None,
            "outcome": one.outcome.value,
            "promoted": one.promoted,
            "note": one.note,
        }
        for one in finished
    ]
    waiting = [one for one in cycles_under_way(settings.state) if one["model"] == settings.model.name]

    def readable() -> None:
        output.show_table(rows)
        if not rows:
            output.say("No cycle has its labels yet." if waiting else "No cycle is under way.")
            output.show_table(waiting, right=("items", "answers"))

    show({"finished": rows, "waiting": waiting}, common, readable)
    return NEEDS_A_PERSON if waiting else DONE
