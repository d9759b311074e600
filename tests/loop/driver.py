"""Play the short story of one model in processes that are killed with `kill -9`, each at one chosen moment.

`python driver.py STATE FOLDER MOMENT...`: the real loop of the demo on the real servers of STATE. At its
moment, one function of the product does a part of its work or none, and the process ends.
"""

import http.client
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

IN_SERVICE_FROM = date(2020, 1, 6)
"""Later than in the demo: two weeks of quiet traffic are enough for a reference."""

FIRST_LOOK, LAST_DAY = date(2020, 1, 22), date(2020, 1, 24)


def die(*_args: Any, **_more: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def replace(
    owner: Any, name: str, at_the_moment: Callable[..., None], when: Callable[..., bool] = lambda *_args, **_more: True
) -> None:
    """Let the first call of `owner.name` for which `when` holds be `at_the_moment(original, *args)`."""
    original = getattr(owner, name)

    def instead(*args: Any, **more: Any) -> Any:
        return (at_the_moment if when(*args, **more) else _as_usual)(original, *args, **more)

    setattr(owner, name, instead)


def _as_usual(original: Callable[..., Any], *args: Any, **more: Any) -> Any:
    return original(*args, **more)


def and_die(original: Callable[..., Any], *args: Any, **more: Any) -> None:
    original(*args, **more)
    die()


def send_and_die(_original: Any, server: Any, project: Any, items: Sequence[Any], _limit: float) -> None:
    """All of the import is sent, nothing of the answer is read."""
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port)
    headers = {"Authorization": f"Token {server._token}", "Content-Type": "application/json"}  # noqa: SLF001 - it has no public one
    connection.request("POST", f"/api/projects/{project.id}/import", json.dumps(list(items)), headers)
    die()


def half_of_the_entries(original: Any, connection: Any, entries: Sequence[Any]) -> None:
    """In the transaction that the caller has open."""
    original(connection, entries[: len(entries) // 2])
    die()


def half_of_the_answers(original: Any, url: str, people: Any, posts: Sequence[Any]) -> None:
    original(url, people, posts[: len(posts) // 2])
    die()


def one_document(original: Any, registry: Any, version: str, **card: Any) -> None:
    name = min(card["documents"])
    original(registry, version, documents={name: card["documents"][name]}, tags={}, description="")
    die()


def prepare(moment: str) -> None:
    """Replace the function that this moment lies in."""
    import console.personas
    import cycle.retrain
    import ledger.store
    from connectors.annotation._server import Server
    from connectors.annotation.label_studio import LabelStudio
    from connectors.registry.mlflow import MlflowRegistry
    from cycle.store import Store

    def second(_registry: Any, version: str, **_more: Any) -> bool:
        return version == "2"

    def second_card(_registry: Any, version: str, *, documents: Mapping[str, str], **_more: Any) -> bool:
        return version == "2" and "labour_card.json" in documents

    def an_alarm(_registry: Any, _version: str, *, documents: Mapping[str, str], **_more: Any) -> bool:
        return any(name.startswith("drift/") and "-term_surge" in name for name in documents)

    moments: dict[str, Callable[[], None]] = {
        "first version registered, not promoted": lambda: replace(Store, "promote", die),
        "look recorded, no cycle opened": lambda: replace(Store, "open_cycle", die),
        "asked, alarm not published": lambda: replace(MlflowRegistry, "attach", die, an_alarm),
        "round recorded, nothing submitted": lambda: replace(LabelStudio, "submit", die),
        "project made, nothing imported": lambda: replace(Server, "create_project", and_die),
        "import sent, answer not read": lambda: replace(Server, "import_items", send_and_die),
        "imported, not recorded": lambda: replace(LabelStudio, "submit", and_die),
        "half of the answers given": lambda: replace(console.personas, "send", half_of_the_answers),
        "half of the entries in the transaction": lambda: replace(
            ledger.store,
            "insert_entries",
            half_of_the_entries,
            lambda _connection, entries: any(e.source_id.startswith("given:") for e in entries),
        ),
        "booked, answers not recorded": lambda: replace(
            Store, "record_answers", die, lambda _store, _cycle, answers, **_more: bool(answers)
        ),
        "people disagree, nobody asked again": lambda: replace(LabelStudio, "ask_again", die),
        "settled, cycle not ready": lambda: replace(Store, "record_consensus", and_die),
        "run logged, version not registered": lambda: replace(MlflowRegistry, "log_run", and_die),
        "registered, version not recorded": lambda: replace(Store, "record_version", die),
        "promoted, alias not moved": lambda: replace(MlflowRegistry, "set_champion", die, second),
        "promoted, nothing accounted for": lambda: replace(cycle.retrain, "account", die),
        "half of the effort assigned": lambda: replace(
            ledger.store,
            "insert_entries",
            half_of_the_entries,
            lambda _connection, entries: any(e.source_id.startswith("assigned:") for e in entries),
        ),
        "a part of the labour card attached": lambda: replace(MlflowRegistry, "attach", one_document, second_card),
        "accounted for, cycle not closed": lambda: replace(MlflowRegistry, "attach", and_die, second_card),
    }
    moments[moment]()


def play(state: Path, folder: Path, moment: str | None) -> None:
    """Play the story, from its beginning or from where it was killed."""
    from console.demo import annotators, story, stream
    from console.demo.place import Demo
    from console.stack import Stack

    stream.IN_SERVICE_FROM = IN_SERVICE_FROM
    # Sketches of users depend on the log's salt: with one of our own two stories can be compared.
    salt = folder / "predictions" / ".salt"
    salt.parent.mkdir(exist_ok=True)
    salt.write_bytes(b"s" * 32)
    if moment:
        prepare(moment)
    addresses = Stack(state).addresses()
    answer = annotators.simulated(addresses.label_studio_url, addresses.label_studio_token, lambda _: nullcontext())
    teller = story.Teller(say=lambda line, **_style: print(line, file=sys.stderr), progress=lambda _: nullcontext())  # noqa: T201 - for the report of a failed test
    story.run(Demo(model=folder.name, folder=folder), answer, teller, first_look=FIRST_LOOK, last_day=LAST_DAY)


def load_everything(state: Path) -> None:
    """What takes seconds in each process, once."""
    from console import flows
    from console.stack import Stack

    flows.use_servers(Stack(state))
    flows.quiet(debug=False)
    import label_studio_sdk  # noqa: F401 - loaded for the children
    import mlflow.pyfunc  # noqa: F401
    import skops.io  # noqa: F401

    import flows.collect_flow
    import flows.retrain_flow
    import flows.watch_flow
    from console.demo import stream

    stream.rows()


def ending_of_a_child(state: Path, folder: Path, moment: str | None) -> int:
    """How a process of its own ended that played the story: 0, 1, or minus the signal that killed it."""
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        play(state, folder, moment)
    except BaseException:  # noqa: BLE001 - whatever it is, the parent is told, and the report shows it
        traceback.print_exc()
        os._exit(1)
    finally:
        sys.stderr.flush()
    os._exit(0)


def main(state: Path, folder: Path, *moments: str) -> None:
    """Play the story in one process after the other, each killed at its moment, the last one at none."""
    load_everything(state)
    sys.stdout.write(json.dumps([ending_of_a_child(state, folder, moment) for moment in (*moments, None)]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
