"""Starting servers and choosing their ports, shown on stand-ins that live for a second."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from console.stack import Running, ServerState, Stack
from console.stack.servers import Server, Site
from kempelen.errors import KempelenError

Make = Callable[..., Stack]
Shown = Any
Living = Callable[[], list[psutil.Process]]
Remembered = Callable[[str], dict[str, Any]]
Somebody = Callable[[int], AbstractContextManager[None]]
Eventually = Callable[[Callable[[], Any]], None]

RunUp = Callable[..., subprocess.Popen[str]]


def by_name(stack: Stack) -> dict[str, ServerState]:
    return {status.name: status.state for status in stack.status()}


def test_up_starts_every_server_and_a_second_up_keeps_them(make_stack: Make, progress: Shown) -> None:
    stack = make_stack("store", "tracker")
    assert stack.up(progress) == Running(started=("store", "tracker"), kept=(), notices=())
    pids = {status.name: status.pid for status in stack.status()}
    assert stack.up(progress) == Running(started=(), kept=("store", "tracker"), notices=())
    assert {status.name: status.pid for status in stack.status()} == pids
    assert "Waiting for the store" in progress.shown


def test_a_running_server_is_described_with_address_memory_and_age(make_stack: Make, progress: Shown) -> None:
    stack = make_stack(tracker="in-a-child")
    stack.up(progress)
    (status,) = stack.status()
    assert status.state is ServerState.RUNNING
    assert status.detail == "healthy"
    assert status.url.startswith("http://127.0.0.1:")
    assert 2_000_000 < status.memory_bytes < 200_000_000
    assert 0 <= status.uptime_s < 60
    assert status.last_lines == ()


def test_memory_is_that_of_parent_and_child_together(make_stack: Make, progress: Shown, living: Living) -> None:
    stack = make_stack(tracker="in-a-child")
    stack.up(progress)
    parts = [process.memory_full_info().uss for process in living()]
    (status,) = stack.status()
    assert len(parts) == 2
    assert status.memory_bytes >= sum(parts) * 0.9


def test_servers_outlive_the_process_that_started_them_and_take_ctrl_c_as_usual(
    run_up: RunUp, make_stack: Make
) -> None:
    # Started as a shell starts `up &`: SIGINT ignored, which children would inherit.
    starter = run_up("store=none", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    output, _ = starter.communicate(timeout=60)
    assert starter.returncode == 0, output
    stack = make_stack("store")
    (status,) = stack.status()
    assert status.state is ServerState.RUNNING
    assert os.getsid(status.pid) == status.pid
    assert "default_int_handler" in status.log.read_text()


def test_two_ups_at_once_start_each_server_once(run_up: RunUp, make_stack: Make, living: Living) -> None:
    starters = [run_up("store=none", "tracker=none") for _ in range(2)]
    outputs = [starter.communicate(timeout=60)[0] for starter in starters]
    assert [starter.returncode for starter in starters] == [0, 0], outputs
    assert sorted("started=('store', 'tracker')" in output for output in outputs) == [False, True]
    assert len(living()) == 2
    assert set(by_name(make_stack("store", "tracker")).values()) == {ServerState.RUNNING}


def test_a_server_that_breaks_is_named_with_its_last_words_and_nothing_is_left(
    make_stack: Make, progress: Shown, living: Living
) -> None:
    stack = make_stack("store", tracker="breaks")
    with pytest.raises(KempelenError, match=r"(?s)The tracker did not start: it ended.*the database is of another"):
        stack.up(progress)
    assert living() == []
    assert by_name(stack) == {"store": ServerState.STOPPED, "tracker": ServerState.STOPPED}


def test_a_failed_up_leaves_the_servers_that_ran_before(make_stack: Make, progress: Shown) -> None:
    make_stack("store").up(progress)
    with pytest.raises(KempelenError, match="tracker did not start"):
        make_stack("store", tracker="breaks").up(progress)
    assert by_name(make_stack("store")) == {"store": ServerState.RUNNING}


def test_a_command_that_does_not_exist_is_told(
    state: Path, progress: Shown, stand_in_server: Callable[..., Server], living: Living
) -> None:
    broken = stand_in_server("store", command=lambda _: ["/nowhere/server"])
    with pytest.raises(KempelenError, match=r"/nowhere/server cannot be run"):
        Stack(state, [broken]).up(progress)
    assert living() == []


def test_a_server_that_never_answers_is_given_up_after_its_time(
    state: Path, progress: Shown, stand_in_server: Callable[..., Server], living: Living
) -> None:
    stack = Stack(state, [stand_in_server("store", "silent", start_limit_s=1.0)])
    with pytest.raises(KempelenError, match=r"after 1 s it does not listen on port \d+"):
        stack.up(progress)
    assert living() == []


def test_a_server_with_the_wrong_answer_is_not_healthy(
    state: Path, progress: Shown, stand_in_server: Callable[..., Server]
) -> None:
    stack = Stack(state, [stand_in_server("store", "wrong", start_limit_s=1.0)])
    with pytest.raises(KempelenError, match=r"GET /health was answered with 200 .*somebody else"):
        stack.up(progress)


def test_a_server_that_other_machines_could_reach_is_refused(
    state: Path, progress: Shown, stand_in_server: Callable[..., Server], living: Living
) -> None:
    stack = Stack(state, [stand_in_server("store", "open", start_limit_s=1.0)])
    with pytest.raises(KempelenError, match=r"it listens on 0\.0\.0\.0, which other machines may reach"):
        stack.up(progress)
    assert living() == []


def test_the_port_is_the_same_after_down_and_up(make_stack: Make, progress: Shown, remembered: Remembered) -> None:
    stack = make_stack("store")
    stack.up(progress)
    port = remembered("store")["port"]
    stack.down(progress)
    stack.up(progress)
    assert remembered("store")["port"] == port


def test_a_port_that_somebody_took_meanwhile_is_left_to_them_and_said(
    make_stack: Make, progress: Shown, remembered: Remembered, somebody_on: Somebody
) -> None:
    stack = make_stack("store")
    stack.up(progress)
    stack.down(progress)
    port = remembered("store")["port"]
    with somebody_on(port):
        done = stack.up(progress)
    new = remembered("store")["port"]
    assert new != port
    assert done.notices[0].startswith(f"Port {port} is held by another program: the store moved to {new}.")


@pytest.mark.parametrize("habit", ["none", "moves"])
def test_a_port_lost_between_choice_and_start_is_found_out(
    state: Path,
    progress: Shown,
    stand_in_server: Callable[..., Server],
    somebody_on: Somebody,
    habit: str,
) -> None:
    """With `moves` the server does as Label Studio: it silently listens on the next port."""
    with ExitStack() as held:

        def lose_the_port(site: Site, _progress: Shown) -> None:
            held.enter_context(somebody_on(site.ports["store"]))

        stack = Stack(state, [stand_in_server("store", habit, prepare=lose_the_port)])
        done = stack.up(progress)
        (status,) = stack.status()
        assert "is held by another program" in done.notices[0]
        assert status.state is ServerState.RUNNING


def test_whoever_was_told_an_address_is_started_again_when_it_changes(
    state: Path, progress: Shown, stand_in_server: Callable[..., Server], remembered: Remembered, somebody_on: Somebody
) -> None:
    table = [stand_in_server("store"), stand_in_server("pages", told=("store",))]
    stack = Stack(state, table)
    stack.up(progress)
    port, before = remembered("store")["port"], remembered("pages")["identity"]["pid"]
    psutil.Process(remembered("store")["identity"]["pid"]).kill()
    with _as_soon_as_free(port, somebody_on):
        assert stack.up(progress).started == ("store", "pages")
    assert remembered("pages")["identity"]["pid"] != before


@contextmanager
def _as_soon_as_free(port: int, somebody_on: Somebody) -> Iterator[None]:
    """Somebody takes the port at the moment when its server is gone."""
    with ExitStack() as held:
        while True:
            with suppress(OSError):
                held.enter_context(somebody_on(port))
                break
        yield
