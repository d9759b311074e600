"""The local servers: up, status, down, doctor, dashboard."""

from pydantic import TypeAdapter

from console import output, tables
from console.commands.common import COMMON, DEFAULT_CONFIG, DEFAULT_STATE, DONE, ERROR, Common, cycles_under_way, show
from console.doctor import doctor as examine
from console.stack import ServerState
from kempelen.errors import ConfigError


def up(*, common: Common = COMMON) -> int:
    """Start the local servers that do not run: Prefect, MLflow, Label Studio, dashboard."""
    running = common.stack.up(output.progress)
    for notice in running.notices:
        output.remark(notice)
    return status(common=common)


def status(*, common: Common = COMMON) -> int:
    """Show the local servers with their memory, and the cycles under way."""
    statuses = common.stack.status()
    cycles = cycles_under_way(common.folder)

    def readable() -> None:
        output.show_table(tables.servers(statuses), right=("memory", "process"))
        if any(one.state is ServerState.RUNNING for one in statuses):
            output.say(common.how_to_answer)
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
    show(document, common, readable)
    broken = [one for one in statuses if one.state in {ServerState.CRASHED, ServerState.UNHEALTHY}]
    return ERROR if broken else DONE


def down(*, common: Common = COMMON) -> int:
    """End the local servers; nothing is left running, and no data is lost."""
    ended = common.stack.down(output.progress)
    words = f"Ended {', '.join(ended)}." if ended else "Nothing was running."
    return show({"ended": list(ended)}, common, lambda: output.say(words))


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
    show(document, common, lambda: output.show_table(rows))
    return ERROR if any(f.ok is False for f in findings) else DONE


def dashboard(*, common: Common = COMMON) -> int:
    """Print the address of the page: human labour per model version."""
    url = common.stack.addresses(["dashboard"]).dashboard_url
    return show({"url": url}, common, lambda: output.say(url))
