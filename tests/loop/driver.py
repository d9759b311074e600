"""Play the short story of one model, and be killed with `kill -9` at one chosen moment.

`python driver.py STATE FOLDER [MOMENT]`: the real loop of the demo on the real servers of STATE. At the
moment one function of the product is replaced by one that does a part of its work and ends the process.
"""

import http.client
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FIRST_LOOK, LAST_DAY = date(2020, 1, 21), date(2020, 1, 24)


def die(*_args: Any, **_more: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def replace(owner: Any, name: str, at_the_moment: Callable[..., None], *, call: int = 1) -> None:
    """Let the `call`-th call of `owner.name` be `at_the_moment(original, *args)`."""
    original, calls = getattr(owner, name), 0

    def instead(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        return at_the_moment(original, *args, **more) if calls == call else original(*args, **more)

    setattr(owner, name, instead)


def import_sent_and_no_answer_read(
    _original: Any, server: Any, project: Any, items: Sequence[Any], _limit: float
) -> None:
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port)
    headers = {"Authorization": f"Token {server._token}", "Content-Type": "application/json"}
    connection.request("POST", f"/api/projects/{project.id}/import", json.dumps(list(items)), headers)
    die()


def half(original: Any, first: Any, several: Sequence[Any], *_rest: Any) -> None:
    """The first half of the work, in the transaction that the caller has open."""
    original(first, several[: len(several) // 2])
    die()


def half_the_posts(original: Any, url: str, people: Any, posts: Sequence[Any]) -> None:
    original(url, people, posts[: len(posts) // 2])
    die()


def all_of_it(original: Any, *args: Any, **more: Any) -> None:
    original(*args, **more)
    die()


def one_document(original: Any, registry: Any, version: str, **card: Any) -> None:
    name = min(card["documents"])
    original(registry, version, documents={name: card["documents"][name]}, tags={}, description="")
    die()


def prepare(moment: str) -> None:
    import console.personas
    import cycle.account
    import cycle.retrain
    import ledger.store
    from connectors.annotation._server import Server
    from connectors.annotation.label_studio import LabelStudio
    from connectors.registry.mlflow import MlflowRegistry
    from cycle.store import Store

    moments: dict[str, Callable[[], None]] = {
        "round recorded, nothing submitted": lambda: replace(LabelStudio, "submit", die),
        "import sent, answer not read": lambda: replace(Server, "import_items", import_sent_and_no_answer_read),
        "half of the answers given": lambda: replace(console.personas, "send", half_the_posts),
        "half of the entries in the transaction": lambda: replace(ledger.store, "insert_entries", half, call=2),
        "booked, answers not recorded": lambda: replace(Store, "record_answers", die, call=2),
        "one run logged, none registered": lambda: replace(MlflowRegistry, "log_run", all_of_it, call=1),
        "registered, version not recorded": lambda: replace(Store, "record_version", die),
        "promoted, alias not moved": lambda: replace(MlflowRegistry, "set_champion", die),
        "promoted, nothing accounted for": lambda: replace(cycle.retrain, "account", die),
        "half of the effort assigned": lambda: replace(ledger.store, "insert_entries", half),
        "a part of the labour card attached": lambda: replace(MlflowRegistry, "attach", one_document),
        "card attached, cycle not closed": lambda: replace(LabelStudio, "close", die),
    }
    moments[moment]()


def main(state: Path, folder: Path, moment: str | None) -> None:
    from console import flows
    from console.stack import Stack

    stack = Stack(state)
    flows.use_servers(stack)
    flows.quiet(debug=False)
    from console.demo import annotators, story
    from console.demo.place import Demo

    if moment:
        prepare(moment)
    addresses = stack.addresses()
    answer = annotators.simulated(addresses.label_studio_url, addresses.label_studio_token, lambda _: nullcontext())
    teller = story.Teller(say=lambda line: print(line, file=sys.stderr), progress=lambda _: nullcontext())
    story.run(Demo(model=folder.name, folder=folder), answer, teller, first_look=FIRST_LOOK, last_day=LAST_DAY)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *(sys.argv[3:] or [None]))
