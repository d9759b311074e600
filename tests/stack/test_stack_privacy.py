"""What the stack writes and passes on: closed to other accounts, and only what is allowed."""

import json
import os
import re
import stat
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest

from console.stack import ServerState, Stack
from console.stack.processes import SERVER_MARK, STATE_MARK, clean_environment
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


def test_everything_written_is_closed_to_other_accounts(state: Path, make_stack: Make, progress: Shown) -> None:
    before = os.umask(0)
    try:
        make_stack("store").up(progress)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [state, *state.rglob("*")] if path.exists()}
    assert modes["credentials.json"] == modes["stack.json"] == modes["store.log"] == modes["stack.lock"] == 0o600
    assert modes["state"] == modes["log"] == modes["servers"] == 0o700


def test_the_credentials_are_long_random_and_kept(state: Path, make_stack: Make, progress: Shown) -> None:
    stack = make_stack("store")
    stack.up(progress)
    token = stack.addresses().label_studio_token
    assert re.fullmatch("[0-9a-f]{40}", token)
    assert make_stack("store").addresses().label_studio_token == token
    assert token not in repr(stack.addresses())
    stack.down(progress)
    (state / "credentials.json").unlink()
    assert make_stack("store").client_environment()["PREFECT_API_AUTH_STRING"].startswith("kempelen:")
    stored = json.loads((state / "credentials.json").read_text())
    assert stored["label_studio_token"] != token


def test_a_spoilt_credentials_file_says_what_to_do(state: Path, make_stack: Make) -> None:
    stack = make_stack("store")
    stack.client_environment()
    (state / "credentials.json").write_text('{"prefect_auth": 1}')
    with pytest.raises(KempelenError) as caught:
        make_stack("store").client_environment()
    assert "credentials.json" in str(caught.value)
    assert "delete that file" in caught.value.hint


def test_secrets_stand_on_no_command_line(make_stack: Make, progress: Shown, living: Living, state: Path) -> None:
    make_stack("store").up(progress)
    secrets = [value.split(":")[-1] for value in json.loads((state / "credentials.json").read_text()).values()]
    words = " ".join(word for process in living() for word in process.cmdline())
    assert not [secret for secret in secrets if secret in words]


def test_servers_inherit_only_what_is_allowed(
    make_stack: Make, progress: Shown, living: Living, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    for name in ("HOST", "PORT", "DEBUG", "USERNAME", "PASSWORD", "CI", "PREFECT_API_KEY", "HTTP_PROXY", "PYTHONPATH"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    make_stack("store").up(progress)
    (process,) = living()
    inherited = process.environ()
    assert set(inherited) <= {*clean_environment(), STATE_MARK, SERVER_MARK, "LC_CTYPE"}
    assert inherited[STATE_MARK] == str(state)
    assert not {"HOST", "PORT", "DEBUG", "USERNAME", "PASSWORD", "CI", "HTTP_PROXY", "PYTHONPATH"} & set(inherited)


def test_clients_are_told_to_reach_the_loopback_without_a_proxy(
    make_stack: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "example.org")
    environment = make_stack("store").client_environment()
    assert environment["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert environment["DO_NOT_TRACK"] == "true"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_a_full_disk_is_told_in_words(make_stack: Make, monkeypatch: pytest.MonkeyPatch, progress: Shown) -> None:
    def full(*_args: Any, **_keywords: Any) -> None:
        raise OSError(28, "No space left on device")

    stack = make_stack("store")
    monkeypatch.setattr("console.stack.files.tempfile.mkstemp", full)
    with pytest.raises(KempelenError, match="cannot be written: No space left on device") as caught:
        stack.up(progress)
    assert "Make room" in caught.value.hint


def test_the_addresses_of_a_stopped_stack_say_how_to_start_it(make_stack: Make) -> None:
    with pytest.raises(KempelenError, match="The store is not running: stopped, not started") as caught:
        make_stack("store").addresses()
    assert "kempelen up" in caught.value.hint


def test_only_the_needed_servers_must_run_for_their_addresses(make_stack: Make, progress: Shown) -> None:
    make_stack("store").up(progress)
    both = make_stack("store", "tracker")
    assert both.addresses(needed=["store"]) is not None
    with pytest.raises(KempelenError, match="The tracker is not running"):
        both.addresses()
