"""`kempelen demo --json`, run once on real servers: what it claims, checked where others keep it."""

import ast
import json
import os
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.prediction_log import parquet
from console.demo import place
from kempelen import text
from kempelen.records import Purpose
from kempelen.text import terms
from ledger.units import Unit

ROOT = Path(__file__).resolve().parents[2]
OURS = sorted(folder.name for folder in ROOT.iterdir() if (folder / "__init__.py").exists())
PRODUCT = [package for package in OURS if package != "benchmarks"]
BEFORE_THE_SHIFT = "2020-01-20"

Kempelen = Callable[..., "subprocess.CompletedProcess[str]"]
Document = dict[str, Any]


@pytest.fixture(scope="module")
def demo(kempelen: Kempelen) -> Document:
    """The one JSON document, of the one run that all these tests look at."""
    played = kempelen("demo", "--json", timeout_s=500)
    assert played.returncode == 0, played.stderr
    document: Document = json.loads(played.stdout)
    return document


@pytest.fixture(scope="module")
def cycles(demo: Document) -> list[str]:
    return [cycle["cycle"] for cycle in demo["cycles"]]


# ---------------------------------------------------------------- the document


def test_the_document_has_the_documented_keys(demo: Document) -> None:
    assert {"alarms", "cycles", "versions", "champion", "labour", "label_studio", "seconds"} <= set(demo)
    assert all({"at", "detector", "terms"} <= set(alarm) for alarm in demo["alarms"])
    assert all({"version", "trained_at", "promoted", "accuracy"} <= set(version) for version in demo["versions"])
    assert all({"before", "after"} <= set(version["accuracy"]) for version in demo["versions"])
    assert set(demo["label_studio"]) == {"items", "duplicate_items", "annotations"}
    assert demo["seconds"] > 0


def test_the_alarm_names_the_word_within_three_days_and_never_before_it_surged(demo: Document) -> None:
    assert [alarm["at"] for alarm in demo["alarms"] if alarm["at"] < BEFORE_THE_SHIFT] == []
    first = next(alarm for alarm in demo["alarms"] if alarm["detector"] == "term_surge")
    assert first["at"] < "2020-01-24"
    assert {"corona", "coronavirus"} & set(first["terms"])


def test_the_second_version_is_promoted_and_better_and_forgets_nothing(demo: Document) -> None:
    first, second = demo["versions"]
    assert (first["version"], second["version"], second["promoted"], demo["champion"]) == ("1", "2", True, "2")
    assert second["accuracy"]["after"] >= first["accuracy"]["after"] + 0.08
    assert second["accuracy"]["before"] >= first["accuracy"]["before"] - 0.01


def test_every_cycle_is_closed(demo: Document) -> None:
    assert {cycle["state"] for cycle in demo["cycles"]} == {"closed"}
    assert Counter(cycle["reason"] for cycle in demo["cycles"])["alarm"] == 1


# ---------------------------------------------------------------- Label Studio against the books


def test_people_are_asked_little_and_nothing_twice(demo: Document, cycles: list[str], world: Any) -> None:
    items = [(cycle, item["data"]["item_id"]) for cycle in cycles for item in world.items(cycle)]
    assert len(items) == len(set(items)) == demo["label_studio"]["items"] <= 150
    assert demo["label_studio"]["duplicate_items"] == 0
    store, _ = world.books
    asked = [(cycle, request.item_id) for cycle in cycles for request in store.requests(cycle)]
    assert sorted(items) == sorted(asked)
    # Only a surge of one of its words, which may have changed its meaning, has an item asked about once more.
    seen: set[str] = set()
    for cycle in cycles:
        surging = {word for round_ in store.rounds(cycle) for word in round_.surging}
        again = [request for request in store.requests(cycle) if request.item_id in seen]
        assert all(surging & set(terms(request.query)) for request in again)
        seen |= {request.item_id for request in store.requests(cycle)}


def test_every_annotation_of_label_studio_is_in_the_books_exactly_once(
    demo: Document, cycles: list[str], world: Any
) -> None:
    store, ledger = world.books
    seen: dict[str, tuple[str, str, Decimal]] = {}
    for cycle in cycles:
        for project in world.projects(cycle):
            for item in world.items(cycle):
                for answer in item["annotations"]:
                    made = datetime.fromisoformat(answer["created_at"]) - datetime(1970, 1, 1, tzinfo=UTC)
                    microseconds = round(made.total_seconds() * 1_000_000)
                    name = f"given:label-studio:{project['id']}:{answer['id']}:{microseconds}"
                    seen[name] = (cycle, item["data"]["item_id"], Decimal(str(answer["lead_time"])))
    booked = {e.source_id: e for e in ledger.entries(model=demo["model"]) if e.source_id.startswith("given:")}
    assert len(seen) == demo["label_studio"]["annotations"] > 100
    assert set(booked) == set(seen)
    for name, (cycle, item_id, lead_time) in seen.items():
        entry = booked[name]
        assert (entry.cycle, entry.item_id) == (cycle, item_id)
        assert entry.receiver == f"simulated:pool:{cycle}"
        # lead-time/2: what was reported is the high bound, and the low one up to 60 s; nothing is certain beyond.
        certain = lead_time if lead_time <= 60 else Decimal(0)
        assert entry.amounts == {Unit.ANNOTATIONS: 1, Unit.S_HIGH: lead_time, Unit.S_LOW: certain}
    assert sum(len(store.answers(cycle)) for cycle in cycles) == len(seen)


def test_skips_are_in_the_books_too(cycles: list[str], world: Any) -> None:
    cancelled = [a["id"] for c in cycles for item in world.items(c) for a in item["annotations"] if a["was_cancelled"]]
    _, ledger = world.books
    skipped = [e for c in cycles for e in ledger.entries(cycle=c) if e.narration == "skipped an item"]
    assert len(cancelled) == len(skipped) > 0


def test_sums_agree_from_label_studio_to_the_statement(demo: Document, cycles: list[str], world: Any) -> None:
    answers = [a for cycle in cycles for item in world.items(cycle) for a in item["annotations"]]
    lines = [line for statement in demo["labour"] for line in (*statement["effort"], *statement["unused"])]
    charged = [line for line in lines if line.get("share") != "inherited" and line["provenance"] == "simulated"]
    assert sum(line["annotations"] for line in charged) == len(answers)
    reported = sum(Decimal(str(a["lead_time"])) for a in answers)
    assert sum(Decimal(str(line["high_s"])) for line in charged) == reported


def test_the_books_balance_and_the_pools_are_empty(cycles: list[str], world: Any) -> None:
    _, ledger = world.books
    assert ledger.check(cycles) == []
    pools = {
        account: sums for account, sums in ledger.balances().items() if ":".join(account.split(":")[-2:-1]) == "pool"
    }
    assert pools
    assert all(amount == 0 for sums in pools.values() for amount in sums.values())


# ---------------------------------------------------------------- nothing simulated is human


def test_no_simulated_second_is_shown_as_human(
    demo: Document, cycles: list[str], kempelen: Kempelen, world: Any
) -> None:
    store, ledger = world.books
    assert {a.simulated for cycle in cycles for a in store.answers(cycle)} == {True}
    assert {entry.provenance for cycle in cycles for entry in ledger.entries(cycle=cycle)} == {"simulated"}
    shown = json.loads(kempelen("labour", demo["model"], "--json").stdout)
    assert shown == demo["labour"]
    for statement in shown:
        totals = statement["totals"]
        assert (totals["human_annotations"], totals["human_annotators"]) == (0, 0)
        assert totals["human_high_s"] in {None, 0.0}
        assert totals["unused_human_high_s"] == 0.0
        assert totals["simulated_high_s"] > 0
        given = [line for line in (*statement["effort"], *statement["unused"]) if "annotations" in line]
        assert {line["provenance"] for line in given} == {"simulated"}


def test_the_registry_says_so_as_well(demo: Document, world: Any) -> None:
    version = world.versions(demo["model"])["2"]
    tags = version["tags"]
    assert (tags["labour.human_annotations"], tags["labour.human_annotators"]) == ("0", "0")
    assert tags["labour.human_high_s"] in {"unknown", "0.0"}
    assert int(tags["labour.simulated_annotations"]) > 50
    card = world.artifact(version["run_id"], "labour_card.md")
    assert card == version["description"]
    assert "Simulated effort (not human work)" in card
    statement = json.loads(world.artifact(version["run_id"], "labour_card.json"))
    (declared,) = statement["effort"]
    assert (declared["provenances"], declared["labels"], declared["high_s"]) == (["declared"], 14_900, None)
    assert (statement["unused"], statement["totals"]["human"]["annotations"]) == ([], 0)
    assert statement["totals"]["simulated"]["high_s"] > 0
    assert statement["digest"] == demo["labour"][1]["digest"] == tags["labour.digest"]


# ---------------------------------------------------------------- MLflow, and the model itself


def test_the_alias_points_to_the_promoted_version_with_its_card(demo: Document, world: Any) -> None:
    assert world.registered(demo["model"])["aliases"] == [{"alias": "champion", "version": "2"}]
    for version in world.versions(demo["model"]).values():
        assert {"labour_card.json", "labour_card.md", "training_set.json"} <= world.artifacts(version["run_id"])
        assert version["tags"]["labour.digest"] in version["description"]


def test_the_second_version_trained_on_what_people_said_beside_the_base(demo: Document, world: Any) -> None:
    store, _ = world.books
    (alarm,) = [cycle for cycle in store.cycles(demo["model"]) if cycle.trains]
    settled = store.consensus(alarm.cycle_id)
    asked = [r for r in store.requests(alarm.cycle_id) if r.item_id in settled and r.purpose is Purpose.TRAINING]
    run = world.versions(demo["model"])["2"]["run_id"]
    sources = json.loads(world.artifact(run, "training_set.json"))["examples"]
    assert set(sources) == {"base", alarm.cycle_id}
    assert sources[alarm.cycle_id] == len(asked) > 10


CHILD = """
import json, sys
sys.path.append(sys.argv[1])  # the libraries, without the .pth file that leads to the project
for module in json.loads(sys.argv[2]):
    try:
        __import__(module)
    except ModuleNotFoundError:
        continue
    sys.exit(f"{module} can be imported here: this proves nothing")
import mlflow
mlflow.set_tracking_uri(sys.argv[3])
print("ANSWERS" + json.dumps(mlflow.pyfunc.load_model(sys.argv[4]).predict(json.loads(sys.argv[5]))))
"""


def test_the_champion_answers_without_the_project_as_it_answered_in_service(
    demo: Document, world: Any, tmp_path: Path
) -> None:
    log = parquet.build(world.state / "demo" / demo["model"] / "predictions")
    day = date(2020, 1, 27)
    served = log.candidates(day, day, min_users=1, model_version="2").candidates[:40]
    queries = json.dumps([candidate.query for candidate in served])
    libraries, mlflow = sysconfig.get_path("purelib"), str(world.mlflow.base_url).rstrip("/")
    name = f"models:/{demo['model']}@champion"
    child = subprocess.run(
        [sys.executable, "-I", "-S", "-c", CHILD, libraries, json.dumps(OURS), mlflow, name, queries],
        cwd=tmp_path,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    answers = json.loads(child.stdout.partition("ANSWERS")[2])
    assert len(answers) == len(served) == 40
    for answer, candidate in zip(answers, served, strict=True):
        assert answer["probabilities"] == pytest.approx(dict(candidate.probabilities), abs=1e-6)


# ---------------------------------------------------------------- the other commands, the page, Prefect


@pytest.mark.parametrize(("moment", "version"), [("2020-01-20", "1"), ("2020-01-24", "2")])
def test_the_champion_of_any_day_is_known(demo: Document, kempelen: Kempelen, moment: str, version: str) -> None:
    (row,) = json.loads(kempelen("champion", demo["model"], "--at", moment, "--json").stdout)
    assert row["champion"] == version


def test_labor_is_labour(demo: Document, kempelen: Kempelen) -> None:
    (version,) = json.loads(kempelen("labor", f"{demo['model']}/2", "--json").stdout)
    assert version == demo["labour"][1]
    table = kempelen("labour", demo["model"])
    assert table.returncode == 0
    assert "simulated, not human" in table.stdout


def test_status_shows_four_modest_servers_and_no_cycle_under_way(demo: Document, kempelen: Kempelen) -> None:
    shown = kempelen("status", "--json")
    document = json.loads(shown.stdout)
    assert shown.returncode == 0
    assert {server["state"] for server in document["servers"]} == {"running"}
    assert len(document["servers"]) == 4
    assert 0 < document["memory_bytes"] < 2_500_000_000
    assert [cycle for cycle in document["cycles"] if cycle["model"] == demo["model"]] == []


def test_the_dashboard_shows_the_model_the_alarm_and_that_all_is_simulated(demo: Document, kempelen: Kempelen) -> None:
    address = kempelen("dashboard").stdout.strip()
    with httpx.Client(base_url=address, trust_env=False, follow_redirects=True, timeout=60) as browser:
        assert demo["model"] in browser.get("/").raise_for_status().text
        page = browser.get(f"/models/{demo['model']}").raise_for_status().text
    assert demo["alarms"][0]["terms"][0] in page
    assert "simulated" in page


@pytest.mark.parametrize(("flow", "at_least"), [("watch", 31), ("collect", 3), ("retrain", 2)])
def test_prefect_has_the_flow_runs_completed(demo: Document, world: Any, flow: str, at_least: int) -> None:
    query = {"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_ASC"}
    runs = world.prefect.post("/flow_runs/filter", json=query).raise_for_status().json()
    ours = [run for run in runs if f"/demo/{demo['model']}/" in run["parameters"]["config"]]
    assert len(ours) >= at_least
    assert {run["state_name"] for run in ours} == {"Completed"}


# ---------------------------------------------------------------- who may read the answers


def imported(tree: ast.Module) -> set[str]:
    """Every module, and every name in one, that a file imports: `console.demo.stream`, `console.demo.stream.Truth`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def uses_of_the_stream() -> dict[str, set[str]]:
    """What each file of the product takes from the labelled stream, by name; benchmarks measure, and may read all."""
    found: dict[str, set[str]] = {}
    for file in (file for package in PRODUCT for file in (ROOT / package).rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        if not any(name.startswith("console.demo.stream") for name in imported(tree)):
            continue
        names = {name.split(".")[3] for name in imported(tree) if name.startswith("console.demo.stream.")}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "stream":
                names.add(node.attr)
        found[file.relative_to(ROOT).as_posix()] = names
    return found


def test_only_the_annotators_and_the_final_measurement_read_later_answers() -> None:
    uses = uses_of_the_stream()
    assert all(file.startswith("console/demo/") for file in uses)
    readers = {name: {file for file, names in uses.items() if name in names} for name in set().union(*uses.values())}
    assert readers["Truth"] == {"console/demo/annotators.py"}
    assert readers["held_out"] == {"console/demo/result.py"}
    assert readers["train_fold"] == {"console/demo/place.py"}
    assert readers["of_day"] == {"console/demo/result.py", "console/demo/story.py", "console/demo/traffic.py"}
    assert not {"rows", "FILE"} & set(readers)
    for file in ("story.py", "traffic.py"):
        tree = ast.parse((ROOT / "console" / "demo" / file).read_text(encoding="utf-8"))
        assert "label" not in {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}, file


def test_nothing_but_one_file_of_the_command_line_knows_the_demo() -> None:
    files = {file for package in PRODUCT for file in (ROOT / package).rglob("*.py")}
    outside = {file for file in files if "demo" not in file.parent.parts}
    knowing = {f for f in outside if any(n.startswith("console.demo") for n in imported(ast.parse(f.read_text())))}
    assert knowing == {ROOT / "console" / "commands" / "loop.py"}


# ---------------------------------------------------------------- which demo goes on


def test_an_unfinished_demo_goes_on_and_a_finished_one_is_left_alone(tmp_path: Path) -> None:
    first, goes_on = place.begin(tmp_path, annotator="simulated")
    assert (first.model, goes_on) == ("corona", False)
    assert place.begin(tmp_path, annotator="simulated") == (first, True)
    first.finish({"champion": "2"})
    second, goes_on = place.begin(tmp_path, annotator="simulated")
    assert (second.model, goes_on) == ("corona-2", False)
    assert second.predictions != first.predictions
    assert json.loads(first.result.read_text()) == {"champion": "2"}


def test_answers_of_a_person_and_of_simulated_annotators_never_meet(tmp_path: Path) -> None:
    simulated, _ = place.begin(tmp_path, annotator="simulated")
    mine, goes_on = place.begin(tmp_path, annotator="me")
    assert not goes_on
    assert mine.model != simulated.model
    assert place.begin(tmp_path, annotator="me") == (mine, True)
    assert place.begin(tmp_path, annotator="simulated") == (simulated, True)


def test_a_demo_that_was_killed_before_its_settings_stood_begins_anew(tmp_path: Path) -> None:
    first, _ = place.begin(tmp_path, annotator="simulated")
    whole = (first.folder / "base.parquet").read_bytes()
    first.config.unlink()
    (first.folder / "base.parquet").write_bytes(whole[:1000])
    again, goes_on = place.begin(tmp_path, annotator="simulated")
    assert (again, goes_on) == (first, False)
    assert (first.folder / "base.parquet").read_bytes() == whole
    assert {file.name for file in first.folder.iterdir()} == {"base.parquet", "kempelen.toml"}


def test_the_base_data_are_the_queries_from_before_and_nothing_later(tmp_path: Path) -> None:
    import pyarrow.parquet

    from console.demo import stream

    demo, _ = place.begin(tmp_path, annotator="simulated")
    given = pyarrow.parquet.read_table(demo.folder / "base.parquet").to_pylist()
    early = Counter((row.text, row.label) for row in stream.rows() if row.day < stream.IN_SERVICE_FROM)
    assert Counter((row["text"], row["label"]) for row in given) == early
    assert not any("coronavirus" in text.terms(text.normalise(row["text"])) for row in given)
