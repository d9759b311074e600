"""Servers that crash, hang or are ended: nothing is lost, nothing is left, nobody else is hurt."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest

from console.stack import ServerState, Stack
from console.stack.processes import Identity
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


@pytest.mark.parametrize("habit", ["none", "in-a-child"])
def test_a_killed_server_is_noticed_with_its_last_words_and_only_it_is_started_again(
    make_stack: Make, progress: Shown, eventually: Eventually, habit: str, living: Living
) -> None:
    stack = make_stack("store", tracker=habit)
    stack.up(progress)
    store, tracker = stack.status()
    psutil.Process(tracker.pid).kill()
    eventually(lambda: by_name(stack)["tracker"] is ServerState.CRASHED)
    found = stack.status()[1]
    assert f"its process {tracker.pid} ended by itself" in found.detail
    assert found.last_lines[0].startswith("first line of tracker")
    done = stack.up(progress)
    assert (done.started, done.kept) == (("tracker",), ("store",))
    assert "The tracker had ended by itself and was started again." in done.notices[0]
    assert stack.status()[0].pid == store.pid
    assert len(living()) == {"none": 2, "in-a-child": 3}[habit]


def test_a_server_that_hangs_is_unhealthy_and_started_again(
    make_stack: Make, progress: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.stack.look.PATIENT_S", 0.5)
    stack = make_stack("store")
    stack.up(progress)
    (before,) = stack.status()
    os.kill(before.pid, signal.SIGSTOP)
    try:
        assert stack.status()[0].state is ServerState.UNHEALTHY
        done = stack.up(progress)
    finally:
        if psutil.pid_exists(before.pid):
            os.kill(before.pid, signal.SIGCONT)
    assert done.notices == ("The store ran without answering and was started again.",)
    assert by_name(stack) == {"store": ServerState.RUNNING}


def test_somebody_else_answering_on_our_port_is_not_ours(
    make_stack: Make, progress: Shown, remembered: Remembered, eventually: Eventually
) -> None:
    """Another program with the very same answer, on the port of a server of ours that was killed."""
    stack = make_stack("store")
    stack.up(progress)
    port = remembered("store")["port"]
    psutil.Process(remembered("store")["identity"]["pid"]).kill()
    eventually(lambda: by_name(stack)["store"] is ServerState.CRASHED)
    script = Path(__file__).with_name("stand_in.py")
    other = subprocess.Popen(
        [sys.executable, str(script), "--port", str(port), "--known-as", "store"], stdout=subprocess.DEVNULL
    )
    try:
        eventually(lambda: _answers(port))
        assert by_name(stack) == {"store": ServerState.CRASHED}
        with pytest.raises(KempelenError, match="The store is not running: crashed"):
            stack.addresses()
        stack.up(progress)
        assert remembered("store")["port"] != port
        stack.down(progress)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def _answers(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("habit", ["none", "in-a-child", "stubborn"])
def test_down_leaves_no_process_and_no_open_port(
    make_stack: Make,
    progress: Shown,
    living: Living,
    habit: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("console.stack.place.ASK_TO_END_S", 1.0)
    stack = make_stack(store=habit)
    stack.up(progress)
    port = int(stack.status()[0].url.rpartition(":")[2])
    assert stack.down(progress) == ("store",)
    assert living() == []
    assert not _answers(port)
    assert by_name(stack) == {"store": ServerState.STOPPED}
    assert stack.down(progress) == ()


def test_down_before_any_up_makes_nothing(state: Path, make_stack: Make, progress: Shown) -> None:
    assert make_stack("store").down(progress) == ()
    assert not state.exists()


@pytest.mark.parametrize("blows", [1, 2])
def test_ctrl_c_during_up_leaves_no_process(run_up: RunUp, living: Living, blows: int) -> None:
    starter = run_up("store=in-a-child", "tracker=silent", start_new_session=True)
    for line in starter.stdout:
        if line.startswith("Waiting for the tracker"):
            break
    for _ in range(blows):
        os.killpg(starter.pid, signal.SIGINT)
    output, _ = starter.communicate(timeout=60)
    assert starter.returncode != 0
    assert "KeyboardInterrupt" in output
    assert living() == []


def test_an_up_that_was_killed_is_finished_by_the_next_one(
    run_up: RunUp, make_stack: Make, living: Living, progress: Shown
) -> None:
    starter = run_up("store=in-a-child", "tracker=silent")
    for line in starter.stdout:
        if line.startswith("Waiting for the tracker"):
            break
    starter.kill()
    starter.communicate()
    stack = make_stack("store", "tracker")
    assert by_name(stack) == {"store": ServerState.RUNNING, "tracker": ServerState.STARTING}
    stack.down(progress)
    assert living() == []


def test_servers_are_found_without_the_state_file(
    state: Path, make_stack: Make, progress: Shown, living: Living
) -> None:
    stack = make_stack("store", tracker="in-a-child")
    stack.up(progress)
    (state / "stack.json").unlink()
    assert sorted(one.server for one in stack.strays()) == ["store", "tracker", "tracker"]
    assert stack.down(progress) == ("store", "tracker")
    assert living() == []


def test_a_half_written_state_file_cannot_stop_down(
    state: Path, make_stack: Make, progress: Shown, living: Living
) -> None:
    stack = make_stack("store")
    stack.up(progress)
    (state / "stack.json").write_text('{"servers": {"store": {"po')
    assert stack.down(progress) == ("store",)
    assert living() == []


def test_a_recycled_process_id_is_never_killed(state: Path, make_stack: Make, progress: Shown) -> None:
    stack = make_stack("store")
    stack.up(progress)
    stack.down(progress)
    bystander = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    try:
        document = json.loads((state / "stack.json").read_text())
        document["servers"]["store"]["identity"] = {"pid": bystander.pid, "created": 1_000_000.0}
        (state / "stack.json").write_text(json.dumps(document))
        assert by_name(stack) == {"store": ServerState.CRASHED}
        stack.down(progress)
        assert bystander.poll() is None
        assert Identity(pid=bystander.pid, created=psutil.Process(bystander.pid).create_time()).process() is not None
    finally:
        bystander.communicate(b"\n")


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", "pass"])
    created = psutil.Process(child.pid).create_time()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert Identity(pid=child.pid, created=created).process() is None
    child.wait()


def test_up_works_in_a_thread_that_is_not_the_main_one(make_stack: Make, progress: Shown) -> None:
    stack, failures = make_stack(tracker="breaks"), []

    def body() -> None:
        try:
            stack.up(progress)
        except KempelenError as error:
            failures.append(str(error))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert re.match("The tracker did not start", failures[0])
