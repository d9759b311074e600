"""The benchmarks' own machinery: what is printed, how a side is measured, and how a peer's environment is made."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as listing
from benchmarks import _measure, _peers, _report

ROOT = Path(__file__).resolve().parents[2]


def test_every_benchmark_is_listed_with_one_line_of_its_own() -> None:
    listed = listing.listing()
    assert {"drift_speed", "drift_detection"} <= set(listed)
    assert all(line and "\n" not in line for line in listed.values())
    assert not [name for name in listed if name.startswith("_")]


def test_the_list_is_printed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks"], capture_output=True, text=True, cwd=ROOT, check=True, timeout=60
    )
    assert "drift_speed" in done.stdout
    assert "--json" in done.stdout


def test_a_run_is_one_document_with_the_five_keys() -> None:
    outcome = _report.Outcome(figures={"ratio": 2.0}, peers={"peer": "1.0"}, settings={"rows": 5})
    written = _report.document("drift_speed", outcome, quick=True, seconds=1.25)
    assert list(written) == ["name", "figures", "peers", "settings", "seconds"]
    assert written["settings"] == {"quick": True, "rows": 5}
    assert json.loads(json.dumps(written)) == written


def test_the_table_for_people_shows_rows_as_columns() -> None:
    figures = {"ratio": 2.5, "ratio_range": [2.0, 3.0], "rows": [{"method": "a", "n": 1}, {"method": "bb", "n": None}]}
    shown = _report.table(_report.document("x", _report.Outcome(figures=figures), quick=False, seconds=0)).splitlines()
    assert any(line.split() == ["ratio_range", "2", "to", "3"] for line in shown)
    assert [line.split() for line in shown if "bb" in line] == [["bb", "-"]]


def test_json_goes_to_standard_output_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[bool] = []

    def measure(quick: bool) -> _report.Outcome:  # noqa: FBT001 - what every benchmark is called with
        asked.append(quick)
        return _report.Outcome(figures={"one": 1})

    monkeypatch.setattr(sys, "argv", ["x", "--quick", "--json"])
    _report.main("x", "What?", measure)
    assert json.loads(capsys.readouterr().out)["figures"] == {"one": 1}
    assert asked == [True]


SIDE = """
import sys
sys.path.insert(0, {sides!r})
from _inside import answer

def work(question, stopwatch):
    print("noise that is no answer")
    with stopwatch("work"):
        held = bytearray(question["mebibytes"] * 2**20)
        for place in range(0, len(held), 4096):
            held[place] = 1
    return {{"twice": 2 * question["n"]}}

answer(work)
"""


def _side(folder: Path) -> list[str]:
    script = folder / "side.py"
    script.write_text(SIDE.format(sides=str(ROOT / "benchmarks" / "sides")), encoding="utf-8")
    return [sys.executable, str(script)]


def test_a_side_answers_with_its_time_and_a_memory_peak_of_its_own(tmp_path: Path) -> None:
    ballast = bytearray(300 * 2**20)
    ballast[::4096] = b"1" * len(ballast[::4096])
    small, large = (
        _measure.ask(_side(tmp_path), {"n": 21, "mebibytes": mebibytes}, environment=None, folder=tmp_path)
        for mebibytes in (1, 101)
    )
    assert small.found == {"twice": 42}
    assert small.seconds["work"] > 0
    # The 300 MiB of the process that asks are not the side's.
    assert small.peak_bytes < 100 * 2**20
    assert 95 <= _measure.mebibytes(large.peak_bytes - small.peak_bytes) <= 105


def test_a_side_that_breaks_says_why(tmp_path: Path) -> None:
    with pytest.raises(_measure.SideFailed, match="KeyError"):
        _measure.ask(_side(tmp_path), {"mebibytes": 1}, environment=None, folder=tmp_path)


@pytest.mark.parametrize("peer", ["evidently", "nannyml"])
def test_every_package_of_a_peer_is_pinned_to_one_version(peer: str) -> None:
    lines = (_peers.PINS / f"{peer}.txt").read_text(encoding="utf-8").splitlines()
    assert peer in _peers.versions(peer)
    assert len(_peers.versions(peer)) == len(lines)
    assert not [line for line in lines if "://" in line or line.startswith("-")]


def _fake_pip(made: list[Path]) -> Any:
    def pip(command: list[str]) -> None:
        if "venv" in command:
            folder = Path(command[-1])
            (folder / "bin").mkdir(parents=True)
            made.append(folder)

    return pip


def test_a_peers_environment_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made: list[Path] = []
    monkeypatch.setattr(_peers, "_pip", _fake_pip(made))
    place = _peers.environment("evidently")
    assert _peers.environment("evidently") == place
    assert place.parent == tmp_path / "kempelen"
    assert len(made) == 1


def test_a_making_that_was_killed_leaves_no_half_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made: list[Path] = []
    fake = _fake_pip(made)

    def killed(command: list[str]) -> None:
        fake(command)
        if "install" in command:
            raise KeyboardInterrupt

    monkeypatch.setattr(_peers, "_pip", killed)
    with pytest.raises(KeyboardInterrupt):
        _peers.environment("nannyml")
    assert not list((tmp_path / "kempelen").glob("peers-*"))
    (made[0] / "half").touch()
    monkeypatch.setattr(_peers, "_pip", fake)
    place = _peers.environment("nannyml")
    assert not (place / "half").exists()


def test_other_pins_are_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(_peers, "PINS", tmp_path)
    monkeypatch.setattr(_peers, "_pip", _fake_pip([]))
    (tmp_path / "tool.txt").write_text("tool==1\n", encoding="utf-8")
    before = _peers.environment("tool")
    (tmp_path / "tool.txt").write_text("tool==2\n", encoding="utf-8")
    assert _peers.environment("tool") != before


def test_what_pip_says_about_its_index_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "WARNING: Location 'file:///somewhere' is ignored\nERROR: no such version"
    failed = subprocess.CompletedProcess(["pip"], 1, stdout="", stderr=said)
    monkeypatch.setattr(_peers.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(_peers.PeerUnavailable) as caught:
        _peers._pip(["pip"])  # noqa: SLF001 - the one place that knows pip's noise
    assert "no such version" in str(caught.value)
    assert "Location" not in str(caught.value)
