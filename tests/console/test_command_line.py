"""The command line without servers: exit codes, one JSON document or none, and errors that say what to do."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from console.main import app
from kempelen import __version__
from kempelen.settings import load

Kempelen = Callable[..., "subprocess.CompletedProcess[str]"]

COMMANDS = (
    "alarms",
    "answer",
    "archive",
    "asked",
    "champion",
    "collect",
    "dashboard",
    "demo",
    "doctor",
    "down",
    "init",
    "invite",
    "labor",
    "labour",
    "retrain",
    "schedule",
    "status",
    "up",
    "watch",
)


def must_be_a_clear_error(ran: "subprocess.CompletedProcess[str]", *words: str) -> None:
    """Exit code 1, nothing on standard output, and on the other what was found and what to do."""
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr
    assert ran.stderr.splitlines()[-2].startswith("Error: ") or "\nError: " in f"\n{ran.stderr}"
    assert "\nWhat to do: " in ran.stderr
    for word in words:
        assert word in ran.stderr.replace("\n", " "), ran.stderr


def test_every_command_is_known_to_these_tests() -> None:
    names = {name for command in app for name in (command,) if not name.startswith("-")}
    assert names == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_takes_the_common_options(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    app([command, "--help"], exit_on_error=False, result_action="return_value")
    shown = capsys.readouterr().out
    assert f"kempelen {command}" in shown or command == "labor"
    for option in ("--json", "--config", "--state", "--debug"):
        assert option in shown


def test_the_version_is_printed(kempelen: Kempelen) -> None:
    ran = kempelen("--version")
    assert (ran.returncode, ran.stdout.strip()) == (0, __version__)


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("watch", "--nonsense"),
        ("champion", "--at", "the day before"),
        ("demo", "--annotator", "somebody"),
        ("labour", "one", "two"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_leaves_standard_output_empty(
    kempelen: Kempelen, words: tuple[str, ...]
) -> None:
    ran = kempelen(*words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert words[-1] in ran.stderr or "nonsense" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("command", ["watch", "collect", "retrain"])
def test_without_settings_the_loop_says_how_to_get_some(kempelen: Kempelen, command: str) -> None:
    must_be_a_clear_error(kempelen(command, "--json"), "There is no settings file kempelen.toml", "kempelen init")


@pytest.mark.parametrize("command", ["champion", "labour"])
def test_without_books_the_reader_is_told_where_they_would_be(kempelen: Kempelen, tmp_path: Path, command: str) -> None:
    must_be_a_clear_error(kempelen(command), f"There are no books in {tmp_path / '.kempelen'}", "kempelen demo")


def test_init_writes_settings_that_can_be_read_and_never_overwrites_them(kempelen: Kempelen, tmp_path: Path) -> None:
    ran = kempelen("init", "intents", "--json")
    assert ran.returncode == 0
    assert json.loads(ran.stdout) == {"config": "kempelen.toml"}
    written = (tmp_path / "kempelen.toml").read_text()
    assert load(tmp_path / "kempelen.toml").model.name == "intents"
    must_be_a_clear_error(kempelen("init", "others"), "is there already")
    assert (tmp_path / "kempelen.toml").read_text() == written


def test_init_refuses_a_name_that_cannot_be_one_and_writes_nothing(kempelen: Kempelen, tmp_path: Path) -> None:
    must_be_a_clear_error(kempelen("init", "No Name"), "No Name", "lower-case letters")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        ("[model]\nname =", "not valid TOML"),
        ("[model]\nname = 'a-model'\nlabels = ['one']\n[training]\nbase = 'base.csv'", "model.labels"),
        ("[model]\nname = 'a-model'\nlabels = ['one', 'two']\nlables = 1\n[training]\nbase = 'base.csv'", "lables"),
    ],
)
def test_settings_that_cannot_be_are_named_by_their_key(
    kempelen: Kempelen, tmp_path: Path, setting: str, found: str
) -> None:
    (tmp_path / "kempelen.toml").write_text(setting)
    must_be_a_clear_error(kempelen("watch"), "kempelen.toml", found)


def test_with_stopped_servers_the_first_one_is_named_with_the_command_that_starts_it(kempelen: Kempelen) -> None:
    kempelen("init")
    must_be_a_clear_error(kempelen("watch", "--json"), "Prefect is not running", "kempelen up")


def test_the_dashboard_that_does_not_run_is_named(kempelen: Kempelen) -> None:
    must_be_a_clear_error(kempelen("dashboard"), "dashboard is not running", "kempelen up")


def test_status_of_nothing_is_one_document_and_no_error(kempelen: Kempelen) -> None:
    ran = kempelen("status", "--json")
    document = json.loads(ran.stdout)
    assert ran.returncode == 0
    assert {server["state"] for server in document["servers"]} == {"stopped"}
    assert (document["memory_bytes"], document["cycles"]) == (0, [])


def test_down_of_nothing_says_so(kempelen: Kempelen) -> None:
    ran = kempelen("down", "--json")
    assert (ran.returncode, json.loads(ran.stdout)) == (0, {"ended": []})


def test_debug_shows_the_traceback(kempelen: Kempelen) -> None:
    ran = kempelen("champion", "--debug")
    assert ran.returncode == 1
    assert "Traceback" in ran.stderr
    assert "ConfigError" in ran.stderr


@pytest.mark.parametrize("command", ["champion", "labour", "status"])
def test_a_damaged_database_is_named_and_left_as_it_was(kempelen: Kempelen, tmp_path: Path, command: str) -> None:
    database = tmp_path / ".kempelen" / "kempelen.db"
    database.parent.mkdir()
    database.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 40)
    before = database.read_bytes()
    must_be_a_clear_error(kempelen(command, "--json"), str(database), "backup")
    assert database.read_bytes() == before


def test_a_full_disk_is_said_to_be_one(kempelen: Kempelen, tmp_path: Path) -> None:
    # A limit on file size is met where a full disk would be: at the write.
    must_be_a_clear_error(kempelen("init", largest_file=0), "The machine refused", "kempelen doctor")
    assert not (tmp_path / "kempelen.toml").exists() or (tmp_path / "kempelen.toml").read_text() == ""


def test_a_folder_that_may_not_be_written_is_named(kempelen: Kempelen, tmp_path: Path) -> None:
    (tmp_path / ".kempelen").write_text("a file stands where the folder should be")
    must_be_a_clear_error(kempelen("up"), ".kempelen")
