"""Killed with `kill -9` at any moment and started again, the loop ends where it would have ended."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from console.demo import place

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("driver.py")

STORIES = {
    "killed-while-labelling": (
        "look recorded, no cycle opened",
        "round recorded, nothing submitted",
        "project made, nothing imported",
        "import sent, answer not read",
        "imported, not recorded",
        "asked, alarm not published",
        "half of the answers given",
        "half of the entries in the transaction",
        "booked, answers not recorded",
        "people disagree, nobody asked again",
        "settled, cycle not ready",
    ),
    "killed-while-retraining": (
        "run logged, version not registered",
        "first version registered, not promoted",
        "registered, version not recorded",
        "promoted, alias not moved",
        "promoted, nothing accounted for",
        "half of the effort assigned",
        "a part of the labour card attached",
        "accounted for, cycle not closed",
    ),
}

EndState = Callable[[str], Any]


@dataclass(frozen=True, kw_only=True)
class Story:
    """A story that was killed, once at each of its moments, and then ended by itself."""

    endings: list[int]
    complaints: str


def differences(expected: Any, found: Any, where: str = "") -> list[str]:
    """Where two documents differ, and how."""
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = sorted({*expected, *found})
        return [line for key in keys for line in differences(expected.get(key), found.get(key), f"{where}/{key}")]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [line for at, (one, other) in pairs for line in differences(one, other, f"{where}/{at}")]
    return [] if expected == found else [f"{where}: {expected} became {found}"]


def play(state: Path, folder: Path, *moments: str) -> Story:
    """Run the story to its end, killed at each moment and started again."""
    driver = subprocess.run(
        [sys.executable, str(DRIVER), str(state), str(folder), *moments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert driver.returncode == 0, driver.stderr
    return Story(endings=json.loads(driver.stdout), complaints=driver.stderr)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo as `kempelen demo` makes it."""
    demo, goes_on = place.begin(tmp_path_factory.mktemp("template"), annotator="simulated")
    assert not goes_on
    return demo.folder


@pytest.fixture(scope="module")
def make(world: Any, template: Path) -> Callable[..., Path]:
    """A small demo of its own: a sixth of the base data, one model type, two rounds, two weeks of reference."""

    def make(model: str, traffic_of: Path | None = None) -> Path:
        folder: Path = world.state / "demo" / model
        folder.mkdir(parents=True)
        base = pyarrow.parquet.read_table(template / "base.parquet")
        pyarrow.parquet.write_table(base.take(list(range(0, len(base), 6))), folder / "base.parquet")
        settings = (template / "kempelen.toml").read_text()
        for usual, ours in (
            ('name = "corona"', f'name = "{model}"\ntypes = ["linear"]'),
            ("rounds = 3", "rounds = 2"),
            ("round_items = 36", "round_items = 24"),
        ):
            assert usual in settings
            settings = settings.replace(usual, ours)
        (folder / "kempelen.toml").write_text(settings + "\n[drift]\nreference_days = 14\n")
        # The quiet days before the first look are the same in every story.
        for day in sorted((traffic_of or folder).glob("predictions/date=*")):
            if day.name < "date=2020-01-22":
                shutil.copytree(day, folder / "predictions" / day.name)
        return folder

    return make


@pytest.fixture(scope="module")
def undisturbed(make: Callable[..., Path], world: Any) -> Path:
    folder = make("undisturbed")
    played = play(world.state, folder)
    assert played.endings == [0], played.complaints
    return folder


@pytest.fixture(scope="module")
def stories(make: Callable[..., Path], undisturbed: Path, world: Any) -> dict[str, Story]:
    """All killed stories at the same time: their loops also get in each other's way."""

    def tell(model: str) -> Story:
        return play(world.state, make(model, undisturbed), *STORIES[model])

    with ThreadPoolExecutor(len(STORIES)) as threads:
        return dict(zip(STORIES, threads.map(tell, STORIES), strict=True))


each_story = pytest.mark.parametrize("model", STORIES)


@each_story
def test_it_was_killed_at_every_moment_and_came_to_its_end(stories: dict[str, Story], model: str) -> None:
    assert stories[model].endings == [*(-signal.SIGKILL for _ in STORIES[model]), 0], stories[model].complaints


def test_the_undisturbed_story_reaches_every_moment_that_is_tested(undisturbed: Path, end_state: EndState) -> None:
    """Or the comparison below would compare little."""
    end = end_state(undisturbed.name)
    (cycle,) = end["cycles"]
    states = [event["state"] for event in cycle["events"]]
    assert states == ["open", "labelling", "ready", "trained", "passed", "promoted", "closed"]
    assert len(cycle["rounds"]) == 2
    assert any(statement["unused"] for statement in end["statement"]), "not all effort may be of use"
    assert [promotion["version"] for promotion in end["promotions"]] == ["1", "2"]
    assert set(end["mlflow"]["versions"]) == {"1", "2"}
    assert [count for _, count in end["mlflow"]["runs"]] == [1, 1]


@each_story
def test_it_ends_as_if_it_had_never_been_killed(
    stories: dict[str, Story], undisturbed: Path, end_state: EndState, model: str
) -> None:
    assert stories[model].endings[-1] == 0, stories[model].complaints
    assert differences(end_state(undisturbed.name), end_state(model)) == []


@each_story
def test_nothing_is_twice_and_nothing_is_lost(stories: dict[str, Story], world: Any, model: str) -> None:
    assert stories[model].endings[-1] == 0, stories[model].complaints
    store, ledger = world.books
    for cycle in store.cycles(model):
        items = world.items(cycle.cycle_id)
        held = [item["data"]["item_id"] for item in items]
        assert sorted(held) == sorted(request.item_id for request in store.requests(cycle.cycle_id))
        assert len(held) == len(set(held))
        given = [e for e in ledger.entries(cycle=cycle.cycle_id) if e.given is None]
        assert len(given) == sum(len(item["annotations"]) for item in items)
        assert len(store.answers(cycle.cycle_id)) == len(given)


@each_story
def test_there_is_one_champion_and_the_alias_points_to_it(stories: dict[str, Story], world: Any, model: str) -> None:
    assert stories[model].endings[-1] == 0, stories[model].complaints
    store, _ = world.books
    assert store.champion(model) == "2"
    assert [p.sequence for p in store.promotions(model)] == [1, 2]
    assert world.registered(model)["aliases"] == [{"alias": "champion", "version": "2"}]
    assert set(world.versions(model)) == {"1", "2"}


def test_the_books_balance_after_all_of_it(stories: dict[str, Story], world: Any) -> None:
    store, ledger = world.books
    closed = [cycle.cycle_id for model in stories for cycle in store.cycles(model)]
    assert len(closed) == len(STORIES)
    assert ledger.check(closed) == []
