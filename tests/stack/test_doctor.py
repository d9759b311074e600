"""The doctor says what is wrong and what to do about it, and changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from console.doctor import Finding, Machine, doctor
from console.stack import Stack, label_studio, processes

GOOD = {"prefect": "3.8.8", "mlflow": "3.17.2", "torch": "2.13.0+cpu"}
PINS = [
    "prefect<3.9,>=3.8.8",
    "mlflow<3.18,>=3.17",
    'torch<2.14,>=2.13; extra == "torch"',
    'ruff>=0.12; extra == "dev"',
]


@pytest.fixture
def machine() -> Machine:
    """A machine on which all is well."""
    return Machine(
        disk_usage=lambda _: SimpleNamespace(free=50_000_000_000),
        available_memory=lambda: 8_000_000_000,
        installed=GOOD.get,
        requirements=lambda: PINS,
        python="3.11.7",
    )


@pytest.fixture
def look(state: Path, make_stack: Callable[..., Stack], machine: Machine) -> Callable[..., dict[str, Finding]]:
    """The doctor's findings by name: `look(disk_usage=...)` on a machine that differs in that."""

    def examine(settings_file: Path | None = None, **differs: Any) -> dict[str, Finding]:
        findings = doctor(state, settings_file, stack=make_stack("store"), machine=replace(machine, **differs))
        return {finding.name: finding for finding in findings}

    return examine


Look = Callable[..., dict[str, Finding]]


def test_all_is_well_when_all_is_well(look: Look, make_stack: Callable[..., Stack], progress: Any) -> None:
    make_stack("store").up(progress)
    found = look()
    assert {name for name, finding in found.items() if finding.ok is False} == set()
    assert found["Packages"].ok
    assert found["The store"].ok
    assert found["State folder"].ok
    assert found["Disk"].found.startswith("50.0 GB are free")


def test_every_finding_that_is_not_well_says_what_to_do(look: Look) -> None:
    found = look(installed=lambda _: None, python="3.9.1", disk_usage=lambda _: SimpleNamespace(free=1))
    troubles = [finding for finding in found.values() if finding.ok is not True]
    assert len(troubles) >= 6
    assert [finding.name for finding in troubles if not finding.advice] == []


def test_a_wrong_version_is_named_with_the_tested_one(look: Look) -> None:
    found = look(installed={**GOOD, "prefect": "3.9.1"}.get)
    assert found["Package prefect"].ok is False
    assert found["Package prefect"].found == "3.9.1 is installed; <3.9,>=3.8.8 was tested."
    assert "pip install 'prefect<3.9,>=3.8.8'" in found["Package prefect"].advice
    assert "Packages" not in found


def test_a_missing_package_is_named(look: Look) -> None:
    found = look(installed={**GOOD, "mlflow": None}.get)
    assert found["Package mlflow"].found == "It is not installed."


def test_torch_may_be_absent(look: Look) -> None:
    finding = look(installed={**GOOD, "torch": None}.get)["Package torch"]
    assert finding.ok is None
    assert "embedding_bag" in finding.advice


def test_the_real_pins_are_met_here() -> None:
    """This very environment, as importlib.metadata describes it."""
    real = Machine()
    assert real.requirements()
    findings = doctor(Path("/nowhere/at/all"), None, machine=real)
    assert [f.name for f in findings if f.name.startswith("Package ") and f.ok is False] == []


def test_kempelen_that_is_not_installed_is_told(look: Look) -> None:
    assert "make setup" in look(requirements=lambda: None)["Packages"].advice


@pytest.mark.parametrize("version", ["3.10.14", "3.13.0"])
def test_a_python_that_was_not_tested_is_told(look: Look, version: str) -> None:
    assert look(python=version)["Python"].ok is False


def test_wrong_settings_are_explained(look: Look, tmp_path: Path) -> None:
    file = tmp_path / "kempelen.toml"
    file.write_text('[model]\nname = "queries"\nlabels = ["a"]\n')
    finding = look(settings_file=file)["Settings"]
    assert finding.ok is False
    assert "training is missing" in finding.found
    assert "Add [training]." in finding.advice


def test_right_settings_are_named(look: Look, tmp_path: Path) -> None:
    file = tmp_path / "kempelen.toml"
    file.write_text('[model]\nname = "queries"\nlabels = ["a", "b"]\n[training]\nbase = "base.csv"\n')
    assert look(settings_file=file)["Settings"].found.endswith("for the model queries")


def test_a_full_disk_fails_and_a_tight_one_is_told(look: Look) -> None:
    assert look(disk_usage=lambda _: SimpleNamespace(free=100_000_000))["Disk"].ok is False
    tight = look(disk_usage=lambda _: SimpleNamespace(free=1_900_000_000))["Disk"]
    assert tight.ok is None
    assert "Make room" in tight.advice


def test_a_missing_chromium_is_told_and_is_no_fault(look: Look) -> None:
    finding = look(program=lambda _: None)["Chromium"]
    assert finding.ok is None
    assert "apt-get install chromium" in finding.advice
    assert look(program=lambda name: f"/usr/bin/{name}")["Chromium"].ok


def test_little_memory_is_told(look: Look) -> None:
    assert look(available_memory=lambda: 1_000_000_000)["Memory"].ok is None


def test_a_state_folder_that_is_no_folder_fails(look: Look, state: Path) -> None:
    state.write_text("a file")
    finding = look()["State folder"]
    assert finding.ok is False
    assert f"Nothing can be written to {state}" in finding.found


def test_open_permissions_are_told(look: Look, state: Path, make_stack: Callable[..., Stack]) -> None:
    make_stack("store").client_environment()
    state.chmod(0o755)
    (state / "credentials.json").chmod(0o644)
    found = look()
    assert found["State folder"].advice == f"Run: chmod 700 {state}"
    assert found["Credentials"].ok is False
    assert found["Credentials"].advice == f"Run: chmod 600 {state / 'credentials.json'}"


def test_a_stopped_server_is_no_fault(look: Look, state: Path) -> None:
    found = look()
    assert found["The store"].ok is None
    assert found["The store"].advice == "Start it with `kempelen up`."
    assert not state.exists()


def test_a_crashed_server_is_told_with_its_last_words(
    look: Look, make_stack: Callable[..., Stack], progress: Any, eventually: Callable[..., None]
) -> None:
    stack = make_stack("store")
    stack.up(progress)
    psutil.Process(stack.status()[0].pid).kill()
    eventually(lambda: stack.status()[0].pid is None)
    finding = look()["The store"]
    assert finding.ok is False
    assert "first line of store" in finding.found
    assert "started again" in finding.advice


def test_spoilt_credentials_do_not_stop_the_examination(
    look: Look, make_stack: Callable[..., Stack], progress: Any, state: Path
) -> None:
    make_stack("store").up(progress)
    (state / "credentials.json").write_text("{")
    found = look()
    assert found["Servers"].ok is False
    assert "delete that file" in found["Servers"].advice
    assert found["Disk"].ok


def test_processes_that_nobody_knows_are_found(
    look: Look, make_stack: Callable[..., Stack], progress: Any, state: Path
) -> None:
    make_stack("store").up(progress)
    (state / "stack.json").unlink()
    finding = look()["Stray processes"]
    assert finding.ok is False
    assert "(store) belong to this stack" in finding.found
    assert "kempelen down" in finding.advice


def test_processes_of_a_deleted_state_folder_are_found(
    look: Look, tmp_path: Path, stand_in_server: Callable[..., Any], progress: Any
) -> None:
    other = tmp_path / "other"
    Stack(other, [stand_in_server("store")]).up(progress)
    pids = [one.process for one in processes.marked() if one.state == str(other)]
    try:
        other.rename(tmp_path / "renamed")
        finding = look()["Stray processes"]
        assert finding.advice == f"End them: kill {pids[0].pid}"
        assert str(other) in finding.found
    finally:
        processes.end(pids)


def test_a_label_studio_of_another_version_is_told(look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(label_studio.OVERRIDE, str(tmp_path))
    (tmp_path / "bin").mkdir()
    for program in ("python", "label-studio"):
        (tmp_path / "bin" / program).touch()
    (tmp_path / "lib/python3.11/site-packages/label_studio-1.13.0.dist-info").mkdir(parents=True)
    finding = look()["Label Studio's environment"]
    assert finding.ok is None
    assert finding.found.startswith("1.13.0")
    monkeypatch.setenv(label_studio.OVERRIDE, str(tmp_path / "nothing"))
    assert "installs it on first use" in look()["Label Studio's environment"].advice
