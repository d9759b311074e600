"""The command line: `kempelen COMMAND`.

Exit codes: 0 done, 1 a clear error, 2 wrong usage, 3 done but something needs a person.
With `--json` standard output holds one document and nothing else.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter
from pydantic import TypeAdapter

from console import flows, output, tables
from console.doctor import doctor as examine
from console.stack import ServerState, Stack
from kempelen import __version__
from kempelen.errors import ConfigError, KempelenError
from kempelen.settings import Settings, load

DONE, ERROR, WRONG_USAGE, NEEDS_A_PERSON = 0, 1, 2, 3

DEFAULT_STATE = Path(".kempelen")
DEFAULT_CONFIG = Path("kempelen.toml")

app = App(
    name="kempelen",
    version=__version__,
    help="Keep a deployed model right, and keep books of the human effort behind it.",
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Common:
    """What every command takes."""

    json: bool = False
    "Print one JSON document on standard output, and everything else on standard error."
    config: Path | None = None
    "Settings file; ./kempelen.toml by default."
    state: Path | None = None
    "State folder; what the settings say, or ./.kempelen by default."
    debug: bool = False
    "Show the traceback of an error, and the flows' log."

    @property
    def folder(self) -> Path:
        """The state folder."""
        if self.state:
            return self.state.absolute()
        file = self.config or DEFAULT_CONFIG
        return (load(file).state if self.config or file.exists() else DEFAULT_STATE).absolute()

    @property
    def config_file(self) -> Path:
        """The settings file, which must exist."""
        file = self.config or DEFAULT_CONFIG
        if self.state:
            # The flows read the settings themselves: what the command line says reaches them this way.
            os.environ["KEMPELEN_STATE"] = str(self.state.absolute())
        if not file.exists():
            demo = flows.default_config(self.folder) if not self.config else None
            hint = f" The demo's settings are in {demo}: name them with --config." if demo else ""
            raise ConfigError(f"There is no settings file {file}.", hint=f"`kempelen init` writes one.{hint}")
        return file.absolute()

    @property
    def stack(self) -> Stack:
        """The local servers of the state folder."""
        return Stack(self.folder)

    def with_servers(self) -> Settings:
        """Settings, with this process pointed to the servers they need."""
        settings = load(self.config_file)
        flows.use_servers(self.stack, settings)
        flows.quiet(debug=self.debug)
        return settings


COMMON = Common()


@app.command
def init(name: str = "queries", *, common: Common = COMMON) -> int:
    """Write a kempelen.toml to start from. An existing one is never overwritten."""
    file = common.config or DEFAULT_CONFIG
    template = Path(__file__).parent / "data" / "kempelen.toml"
    content = template.read_text(encoding="utf-8").replace("NAME", name)
    with TemporaryDirectory(prefix="kempelen-") as folder:
        # A name that cannot be one is refused before anything is written here.
        draft = Path(folder) / file.name
        draft.write_text(content, encoding="utf-8")
        load(draft)
    try:
        with file.open("x", encoding="utf-8") as sink:
            sink.write(content)
    except FileExistsError as exists:
        raise ConfigError(f"{file} is there already.", hint="Edit it, or name another file with --config.") from exists
    return _show({"config": str(file)}, common, lambda: output.say(f"Wrote {file}. Now edit [model] and [training]."))


@app.command
def up(*, common: Common = COMMON) -> int:
    """Start the local servers that do not run: Prefect, MLflow, Label Studio, dashboard."""
    running = common.stack.up(output.progress)
    for notice in running.notices:
        output.remark(notice)
    return status(common=common)


@app.command
def status(*, common: Common = COMMON) -> int:
    """Show the local servers with their memory, and the cycles under way."""
    statuses = common.stack.status()
    cycles = _under_way(common.folder)

    def show() -> None:
        output.show_table(tables.servers(statuses), right=("memory", "process"))
        for one in statuses:
            if one.state is ServerState.CRASHED:
                output.say(f"\n{one.title} crashed. The last lines of {one.log}:")
                for line in one.last_lines:
                    output.say(f"  {line}")
        output.show_table(cycles, title="Cycles under way", right=("items", "answers"))

    document = {
        "servers": [TypeAdapter(type(one)).dump_python(one, mode="json") for one in statuses],
        "memory_bytes": sum(one.memory_bytes for one in statuses),
        "cycles": cycles,
    }
    _show(document, common, show)
    broken = [one for one in statuses if one.state in {ServerState.CRASHED, ServerState.UNHEALTHY}]
    return ERROR if broken else DONE


@app.command
def down(*, common: Common = COMMON) -> int:
    """End the local servers; nothing is left running, and no data is lost."""
    ended = common.stack.down(output.progress)
    words = f"Ended {', '.join(ended)}." if ended else "Nothing was running."
    return _show({"ended": list(ended)}, common, lambda: output.say(words))


@app.command
def doctor(*, common: Common = COMMON) -> int:
    """Check versions, settings, servers, disk and memory, and say what to do about each finding."""
    file = common.config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    try:
        folder = common.folder
    except ConfigError:
        # Settings that cannot be read are one of the things a doctor is asked about.
        folder = common.state or DEFAULT_STATE.absolute()
    findings = examine(folder, file)
    marks = {True: "ok", None: "note", False: "FAULT"}
    rows = [{"": marks[f.ok], "check": f.name, "found": f.found, "what to do": f.advice} for f in findings]
    document = [{"name": f.name, "ok": f.ok, "found": f.found, "advice": f.advice} for f in findings]
    _show(document, common, lambda: output.show_table(rows))
    return ERROR if any(f.ok is False for f in findings) else DONE


@app.command
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


@app.command
def watch(
    *, open_cycle: Annotated[bool, Parameter(name="--open", negative="")] = False, common: Common = COMMON
) -> int:
    """Look for drift now; open a cycle and ask people if there is some.

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

    def show() -> None:
        rows = [
            {"detector": r.detector, "alarm": "ALARM" if r.drifted else "", "report": r.summary} for r in look.reports
        ]
        rows += [
            {"detector": p.subject, "alarm": "?", "report": f"cannot answer: {p.message} {p.hint}"}
            for p in look.undecided
        ]
        output.show_table(rows)
        if watched.opened:
            output.say(f"Opened cycle {watched.opened.cycle_id}; {watched.asked} items are in Label Studio.")

    document = {
        "at": look.at,
        "version": look.version,
        "alarms": [
            {"detector": r.detector, "terms": [e.subject for e in r.evidence], "summary": r.summary}
            for r in look.alarms
        ],
        "quiet": [{"detector": r.detector, "summary": r.summary} for r in look.reports if not r.drifted],
        "undecided": [{"detector": p.subject, "message": p.message} for p in look.undecided],
        "opened": watched.opened.cycle_id if watched.opened else None,
        "asked": watched.asked,
    }
    _show(document, common, show)
    return NEEDS_A_PERSON if watched.asked else DONE


@app.command
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
            "new answers": one.new,
            "problems": len(one.problems),
        }
        for one in collected
    ]

    def show() -> None:
        output.show_table(rows, right=("new answers", "problems"))
        for problem in (problem for one in collected for problem in one.problems):
            output.say(f"  {problem.subject}: {problem.message} {problem.hint}")
        if not rows:
            output.say("No cycle is waiting for answers.")

    _show(rows, common, show)
    return NEEDS_A_PERSON if any(one.state.value == "labelling" for one in collected) else DONE


@app.command
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
            "promoted": one.promoted,
            "note": one.note,
        }
        for one in finished
    ]
    waiting = [one for one in _under_way(settings.state) if one["model"] == settings.model.name]

    def show() -> None:
        output.show_table(rows)
        if not rows:
            output.say("No cycle has its labels yet." if waiting else "No cycle is under way.")
            output.show_table(waiting, right=("items", "answers"))

    _show({"finished": rows, "waiting": waiting}, common, show)
    return NEEDS_A_PERSON if waiting else DONE


@app.command
def champion(model: str | None = None, *, at: datetime | None = None, common: Common = COMMON) -> int:
    """Say which version is in service, or was at a moment.

    Parameters
    ----------
    model
        All models by default.
    at
        A day or a moment, as 2020-01-24 or 2020-01-24T12:00; UTC unless it says otherwise.
    """
    store, _ = _books(common.folder)
    moment = at.replace(tzinfo=at.tzinfo or UTC) if at else None
    rows = [
        {"model": name, "champion": store.champion(name, moment), "at": (moment.isoformat() if moment else "now")}
        for name in _models(store.models(), model)
    ]
    return _show(rows, common, lambda: output.show_table(rows))


@app.command(name=["labour", "labor"])
def labour(model: str | None = None, *, common: Common = COMMON) -> int:
    """Show the human effort behind each version, as intervals with their provenance.

    Parameters
    ----------
    model
        MODEL or MODEL/VERSION; all models by default.
    """
    from ledger.statement import labour as statement_of

    store, ledger = _books(common.folder)
    name, _, version = (model or "").partition("/")
    statements = [
        statement.as_json()
        for known in _models(store.models(), name or None)
        for statement in statement_of(ledger, known, store.lineage(known), version or None)
    ]
    if version and not statements:
        raise ConfigError(f"The books know no version {version} of {name}.", hint=f"See `kempelen labour {name}`.")

    def show() -> None:
        output.show_table(tables.labour(statements), right=("annotations",))
        output.say(
            "\nEffort is an interval: what was surely worked, to what was at most. Pay: no contract is on record."
        )

    return _show(statements, common, show)


@app.command
def dashboard(*, common: Common = COMMON) -> int:
    """Print the address of the page: human labour per model version."""
    url = common.stack.addresses(["dashboard"]).dashboard_url
    return _show({"url": url}, common, lambda: output.say(url))


def _show(document: Any, common: Common, readable: Callable[[], None]) -> int:
    """Print a result in the form that was asked for."""
    if common.json:
        output.show_json(document)
    else:
        readable()
    return DONE


def _books(state: Path) -> tuple[Any, Any]:
    from cycle.wiring import DATABASE, books

    if not (state / DATABASE).exists():
        raise ConfigError(
            f"There are no books in {state}.", hint="Run `kempelen demo`, or `kempelen init` for a model."
        )
    return books(state)


def _models(known: list[str], wanted: str | None) -> list[str]:
    if wanted is not None and wanted not in known:
        raise ConfigError(f"There is no model {wanted}.", hint=f"Known: {', '.join(known) or 'none yet'}.")
    return [wanted] if wanted else known


def _under_way(state: Path) -> list[dict[str, Any]]:
    from cycle.wiring import DATABASE, books

    if not (state / DATABASE).exists():
        return []
    store, _ = books(state)
    return [
        {
            "model": cycle.model,
            "cycle": cycle.cycle_id,
            "state": store.state(cycle.cycle_id).value,
            "items": len(store.requests(cycle.cycle_id)),
            "answers": len(store.answers(cycle.cycle_id)),
        }
        for name in store.models()
        for cycle in store.under_way(name)
    ]


def main() -> None:
    """Run a command; end with its exit code."""
    debug = "--debug" in sys.argv
    try:
        code = app(exit_on_error=False, print_error=True, result_action="return_value")
    except CycloptsError:
        code = WRONG_USAGE
    except KempelenError as error:
        if debug:
            raise
        output.show_error(error)
        code = ERROR
    except KeyboardInterrupt:
        output.remark("Stopped.")
        code = 130
    except OSError as error:
        if debug:
            raise
        output.show_error(_of_the_machine(error))
        code = ERROR
    sys.stdout.flush()
    sys.exit(code if isinstance(code, int) else DONE)


def _of_the_machine(error: OSError) -> KempelenError:
    """A full disk or a forbidden folder, wherever it was met."""
    where = f" ({error.filename})" if error.filename else ""
    return KempelenError(
        f"The machine refused: {os.strerror(error.errno) if error.errno else error}{where}.",
        hint="`kempelen doctor` checks disk and permissions. Nothing already recorded was lost; run the command again.",
    )


if __name__ == "__main__":
    main()
