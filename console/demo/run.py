"""`kempelen demo`: servers up, the story told, and what it found."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from console import flows, output, tables
from console.demo import place
from console.interruption import Interruption, interruption
from console.stack import Addresses, Stack, label_studio
from console.stack.files import only_one

REAL_AND_MADE_UP = (
    "What is real here: the servers, the queries and the shape of the surge. What is made up: 808 beer and town "
    "queries from before, the level of the surge, and that each query was asked by one to four people."
)

SIMULATED = (
    "The five annotators are simulated: their error rates are ours, their times are drawn from published ones. "
    "Nobody worked for this effort, and it is booked as simulated."
)


def run_demo(stack: Stack, state: Path, *, annotator: str, as_json: bool, debug: bool) -> dict[str, Any]:
    """Run or continue the demo; the document of `--json`. The servers keep running afterwards.

    Interrupted, it ends the servers that it started itself; run again, it goes on.
    """
    tell = output.remark if as_json else output.say
    _install(tell)
    began = time.monotonic()
    running = stack.up(output.progress)
    for notice in running.notices:
        output.remark(notice)
    tell(f"Servers are up after {time.monotonic() - began:.0f} s.")
    # Two at once would both go on with the same unfinished demo.
    only_demo = only_one(state / "demo.lock", output.progress, "Waiting for another demo in this folder to end")
    try:
        with only_demo, interruption() as noted:
            return _play(stack, state, began, noted, annotator=annotator, as_json=as_json, debug=debug)
    except KeyboardInterrupt:
        if running.kept:
            output.remark("The servers ran before and keep running; `kempelen down` ends them.")
        else:
            stack.down(output.progress)
        raise


def _install(tell: Callable[[str], None]) -> None:
    began = time.monotonic()
    label_studio.install(output.progress)
    seconds = time.monotonic() - began
    if seconds > 1:
        tell(f"Label Studio was installed in {seconds:.0f} s. This happens once.")


def _play(  # noqa: PLR0913 - what the command line was given
    stack: Stack, state: Path, began: float, noted: Interruption, *, annotator: str, as_json: bool, debug: bool
) -> dict[str, Any]:
    tell = output.remark if as_json else output.say
    flows.use_servers(stack)
    flows.quiet(debug=debug)
    with output.progress("Loading Prefect and MLflow"):
        from console.demo import annotators, story

    demo, goes_on = place.begin(state, annotator=annotator)
    if goes_on:
        tell(f"Going on with the interrupted demo {demo.model}.")
    addresses = stack.addresses()
    if annotator == "simulated":
        answer = annotators.simulated(addresses.label_studio_url, addresses.label_studio_token, output.progress)
    else:
        answer = annotators.the_person_here(tell, f"Sign in with what stands in {stack.credentials_file}.")
    result = story.run(demo, answer, story.Teller(say=tell, progress=output.progress, check=noted.check))
    result["seconds"] = round(time.monotonic() - began, 1)
    result["dashboard"] = addresses.dashboard_url
    demo.finish(result)
    if not as_json:
        _tell_the_end(result, addresses, demo.model, annotator)
    return result


def _tell_the_end(result: dict[str, Any], addresses: Addresses, model: str, annotator: str) -> None:
    output.say()
    output.show_table(
        [
            {
                "version": f"{model}/{version['version']}",
                "type": version["model_type"],
                "in service": "yes" if version["version"] == result["champion"] else "",
                "December": f"{version['accuracy']['before']:.1%}",
                "after the shift": f"{version['accuracy']['after']:.1%}",
            }
            for version in result["versions"]
        ],
        title="Accuracy on held-out December queries, and on the days after the promotion",
        right=("December", "after the shift"),
    )
    output.say()
    output.show_table(tables.labour(result["labour"]), title="What it cost", right=("quantity",))
    studio = result["label_studio"]
    output.say(
        f"\nLabel Studio holds {studio['items']} items ({studio['duplicate_items']} twice) "
        f"and {studio['annotations']} answers."
    )
    output.say(REAL_AND_MADE_UP)
    if annotator == "simulated":
        output.say(SIMULATED)
    output.say(f"\nThis run took {result['seconds']:.0f} s. The servers keep running until `kempelen down`.")
    output.say(f"Dashboard  {addresses.dashboard_url}", strong=True)
    output.say(f"MLflow     {addresses.mlflow_uri}")
