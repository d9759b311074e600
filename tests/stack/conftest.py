"""Stand-in servers, for the tests of the local stack."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from console.stack import Stack, processes
from console.stack.servers import Probe, Server

STAND_IN = Path(__file__).with_name("stand_in.py")


class Progress:
    """Keeps what was shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    @contextmanager
    def __call__(self, message: str) -> Iterator[None]:
        self.shown.append(message)
        yield


def stand_in(name: str, habit: str = "none", **more: object) -> Server:
    usual = Server(
        name=name,
        title=f"the {name}",
        command=lambda site: [
            *(sys.executable, "-S", "-E", str(STAND_IN), "--port", str(site.ports[name])),
            *("--known-as", name, "--habit", habit),
        ],
        environment=lambda _: {},
        probes=lambda _: [
            Probe(path="/health", expected=lambda body: body == {"status": "ok", "server": name}, headers={})
        ],
        start_limit_s=20.0,
    )
    return replace(usual, **more)


def living_in(state: Path) -> list[psutil.Process]:
    """Every living process that carries the mark of this stack."""
    return [one.process for one in processes.marked() if one.state == str(state.resolve())]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder; whatever still runs for it at the end of the test is ended."""
    folder = tmp_path / "state"
    yield folder
    processes.end(living_in(folder), patience_s=0.5)


@pytest.fixture
def make_stack(state: Path) -> Callable[..., Stack]:
    """A stack of stand-ins: `make_stack("store", tracker="in-a-child")`."""

    def make(*names: str, **habits: str) -> Stack:
        return Stack(state, [*(stand_in(name) for name in names), *(stand_in(n, h) for n, h in habits.items())])

    return make


@pytest.fixture
def stand_in_server() -> Callable[..., Server]:
    """One stand-in: `stand_in_server("store", "silent", start_limit_s=1.0)`."""
    return stand_in


@pytest.fixture
def progress() -> Progress:
    return Progress()


def _eventually(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


@contextmanager
def _somebody_on(port: int) -> Iterator[None]:
    """Another program listens there."""
    with closing(socket.create_server(("127.0.0.1", port))):
        yield


@pytest.fixture
def living(state: Path) -> Callable[[], list[psutil.Process]]:
    return lambda: living_in(state)


@pytest.fixture
def remembered(state: Path) -> Callable[[str], dict[str, Any]]:
    """What the state file says of a server."""
    return lambda name: json.loads((state / "stack.json").read_text())["servers"][name]


@pytest.fixture
def somebody_on() -> Callable[[int], AbstractContextManager[None]]:
    """`with somebody_on(port):` another program listens there."""
    return _somebody_on


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], None]:
    """Wait until a condition holds, looking often; fail after ten seconds."""
    return _eventually


@pytest.fixture
def run_up(state: Path) -> Callable[..., subprocess.Popen[str]]:
    """`up` in a process of its own: `run_up("store=none", "tracker=silent")`."""
    return lambda *servers, **more: _run_up(state, *servers, **more)


def _run_up(state: Path, *servers: str, **more: Any) -> subprocess.Popen[str]:
    root = str(Path(__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("run_up.py")), str(state), *servers],
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **more,
    )
