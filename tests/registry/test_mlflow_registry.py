"""The MLflow connector against a real server: every step may be repeated, and killed anywhere."""

import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.registry import _mlflow_client as mlflow_client
from connectors.registry.mlflow import ALIAS, KEY, LARGEST_METRIC, LONGEST_DESCRIPTION, SUPERSEDED, build
from console.stack import Stack
from kempelen.errors import BadData, ConnectorError, ConnectorRefused, ConnectorUnavailable
from kempelen.protocols import ModelRegistry
from kempelen.records import ModelVersion, SavedModel

# A classifier that needs no library: its probabilities stand in its one artifact, its accent in its code.
SERVING = """
import json
from pathlib import Path
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Fixed(PythonModel):
    def load_context(self, context):
        self.probabilities = json.loads(Path(context.artifacts["probabilities"]).read_text())

    def predict(self, context, model_input: list[str], params: dict | None = None) -> list[dict]:
        return [ANSWER for text in model_input]

set_model(Fixed())
"""
GOOD = '{"label": "health", "confidence": 0.5, "probabilities": self.probabilities}'

Log = Callable[..., str]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def server(real_stack: tuple[Stack, float]) -> str:
    """The address of a real MLflow server."""
    return real_stack[0].addresses().mlflow_uri


@pytest.fixture
def model(request: pytest.FixtureRequest) -> str:
    """A model, and an experiment, of the test's own."""
    return "".join(c if c.isalnum() else "-" for c in request.node.name)[:100]


@pytest.fixture
def registry(server: str, model: str) -> ModelRegistry:
    return build(server, model)


@pytest.fixture
def raw(server: str) -> Any:
    """MLflow's own client, to look behind the connector's back."""
    return mlflow_client.client(server)


@pytest.fixture
def log(registry: ModelRegistry, tmp_path: Path) -> Log:
    """Log a run of a tiny model."""

    def log_run(key: str, *, health: float = 0.5, answer: str = GOOD, to: ModelRegistry = registry) -> str:
        folder = tmp_path / key
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "serve.py").write_text(SERVING.replace("ANSWER", answer))
        (folder / "p.json").write_text(f'{{"food": {1 - health}, "health": {health}}}')
        artifacts = {"probabilities": str(folder / "p.json")}
        saved = SavedModel(serving_file=str(folder / "serve.py"), artifacts=artifacts, requirements=("mlflow",))
        return to.log_run(
            key=key,
            model_type="fixed",
            saved=saved,
            params={"c": "10"},
            metrics={"accuracy": 0.75},
            documents={"gate.json": '{"passed": true}'},
        )

    return log_run


def runs_of(raw: Any, model: str, status: str) -> list[Any]:
    experiment = raw.get_experiment_by_name(model).experiment_id
    return list(raw.search_runs([experiment], filter_string=f"attributes.status = '{status}'"))


def document(raw: Any, run_id: str, name: str, folder: Path) -> str:
    return Path(raw.download_artifacts(run_id, name, str(folder))).read_text()


# ---------------------------------------------------------------- runs


def test_a_run_holds_parameters_metrics_documents_and_the_model(log: Log, raw: Any, model: str, tmp_path: Path) -> None:
    run = raw.get_run(log("cycle-1/fixed"))
    assert run.info.status == "FINISHED"
    assert run.data.params == {"c": "10"}
    assert run.data.metrics == {"accuracy": 0.75}
    assert run.data.tags[KEY] == "cycle-1/fixed"
    assert run.data.tags["kempelen.model_type"] == "fixed"
    assert document(raw, run.info.run_id, "gate.json", tmp_path) == '{"passed": true}'
    assert raw.get_experiment_by_name(model) is not None
    assert len(run.outputs.model_outputs) == 1


def test_a_run_is_logged_once_however_often_it_is_asked_for(log: Log, raw: Any, model: str) -> None:
    assert log("c1/fixed") == log("c1/fixed") == log("c1/fixed")
    assert log("c2/fixed") != log("c1/fixed")
    assert len(runs_of(raw, model, "FINISHED")) == 2


def test_a_run_that_a_kill_left_half_done_is_buried_and_logged_anew(log: Log, raw: Any, model: str) -> None:
    experiment = raw.create_experiment(model)
    half = raw.create_run(experiment, tags={KEY: "c1/fixed"}).info.run_id
    run_id = log("c1/fixed")
    assert run_id != half
    assert raw.get_run(half).info.status == "KILLED"
    assert [run.info.run_id for run in runs_of(raw, model, "FINISHED")] == [run_id]
    assert log("c1/fixed") == run_id


def test_a_run_whose_model_cannot_be_logged_fails_and_can_be_logged_later(log: Log, raw: Any, model: str) -> None:
    with pytest.raises(ConnectorRefused, match="invalid syntax"):
        log("c1/fixed", answer="this is no Python")
    assert len(runs_of(raw, model, "FAILED")) == 1
    assert raw.get_run(log("c1/fixed")).info.status == "FINISHED"


def test_of_two_finished_runs_of_one_key_the_first_to_end_is_the_one(log: Log, raw: Any, model: str) -> None:
    experiment = raw.create_experiment(model)
    later, earlier = (raw.create_run(experiment, tags={KEY: "c1/fixed"}).info.run_id for _ in range(2))
    raw.set_terminated(earlier, "FINISHED", end_time=1_000)
    raw.set_terminated(later, "FINISHED", end_time=2_000)
    assert log("c1/fixed") == earlier


def test_a_run_overtaken_while_it_was_logged_points_to_the_one_that_stays(
    log: Log, raw: Any, registry: Any, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill = type(registry)._fill  # noqa: SLF001 - the moment at which the other process overtakes us

    def overtaken(self: Any, run_id: str, *rest: Any) -> None:
        other = raw.create_run(raw.get_experiment_by_name(model).experiment_id, tags={KEY: "c1/fixed"}).info.run_id
        raw.set_terminated(other, "FINISHED", end_time=1_000)
        fill(self, run_id, *rest)

    monkeypatch.setattr(type(registry), "_fill", overtaken)
    kept = log("c1/fixed")
    (double,) = (run for run in runs_of(raw, model, "FINISHED") if run.info.run_id != kept)
    assert double.data.tags[SUPERSEDED] == kept


# ---------------------------------------------------------------- versions


def register(registry: ModelRegistry, log: Log, key: str, **how: Any) -> ModelVersion:
    return registry.register(log(key, **how), key=key, model_type="fixed", tags={"kempelen.cycle": "c1"})


def test_a_version_is_registered_once_and_carries_its_tags(registry: ModelRegistry, log: Log, model: str) -> None:
    first = register(registry, log, "c1/fixed")
    assert first == register(registry, log, "c1/fixed")
    assert first == ModelVersion(
        model=model,
        version="1",
        model_type="fixed",
        mlflow_run_id=log("c1/fixed"),
        tags={"kempelen.cycle": "c1", "kempelen.key": "c1/fixed", "kempelen.model_type": "fixed"},
    )
    assert registry.versions() == [first]


def test_versions_come_oldest_first_and_the_tenth_after_the_ninth(registry: ModelRegistry, log: Log) -> None:
    assert registry.versions() == []
    run_id = log("c1/fixed")
    for i in range(11):
        registry.register(run_id, key=f"k{i}", model_type="fixed", tags={})
    assert [version.version for version in registry.versions()] == [str(i) for i in range(1, 12)]


def test_a_double_version_of_a_key_goes_and_the_smallest_number_stays(
    registry: ModelRegistry, log: Log, raw: Any, model: str
) -> None:
    first = register(registry, log, "c1/fixed")
    source = raw.get_model_version(model, "1").source
    model_id = source.removeprefix("models:/")
    raw.create_model_version(model, source, run_id=first.mlflow_run_id, model_id=model_id, tags={KEY: "c1/fixed"})
    assert len(registry.versions()) == 2
    assert register(registry, log, "c1/fixed") == first
    assert registry.versions() == [first]


def test_many_who_register_one_key_at_once_get_one_version(server: str, log: Log, model: str) -> None:
    run_id, start = log("c1/fixed"), threading.Barrier(6)

    def once(_: int) -> str:
        registry = build(server, model)
        start.wait(60)
        return registry.register(run_id, key="c1/fixed", model_type="fixed", tags={}).version

    with ThreadPoolExecutor(6) as pool:
        versions = set(pool.map(once, range(6)))
    left = build(server, model).versions()
    assert len(left) == 1
    assert versions == {left[0].version}


def test_a_run_without_a_model_cannot_be_registered(registry: ModelRegistry, raw: Any, model: str) -> None:
    run_id = raw.create_run(raw.create_experiment(model)).info.run_id
    with pytest.raises(ConnectorRefused, match="holds no model"):
        registry.register(run_id, key="c1/fixed", model_type="fixed", tags={})
    assert registry.versions() == []


@pytest.mark.parametrize("key", ["", "it's", "a\nb", "x" * 251], ids=["empty", "quote", "line break", "long"])
def test_a_key_that_could_not_be_looked_up_again_is_bad_data(registry: ModelRegistry, key: str) -> None:
    with pytest.raises(BadData, match="key"):
        registry.register("run", key=key, model_type="fixed", tags={})


def test_tags_that_are_not_ours_are_bad_data(registry: ModelRegistry) -> None:
    with pytest.raises(BadData, match="user"):
        registry.register("run", key="k", model_type="fixed", tags={"mlflow.user": "x"})
    with pytest.raises(BadData, match="stage"):
        registry.attach("1", documents={}, tags={"stage": "x"}, description="")


# ---------------------------------------------------------------- champion


def test_nobody_is_champion_of_an_unknown_model_or_of_one_without_alias(registry: ModelRegistry, log: Log) -> None:
    assert registry.champion() is None
    register(registry, log, "c1/fixed")
    assert registry.champion() is None


def test_the_alias_moves_from_version_to_version(registry: ModelRegistry, log: Log, raw: Any, model: str) -> None:
    register(registry, log, "c1/fixed")
    register(registry, log, "c2/fixed")
    registry.set_champion("1")
    registry.set_champion("2")
    registry.set_champion("2")
    assert registry.champion() == "2"
    assert raw.get_model_version_by_alias(model, ALIAS).version == "2"


def test_a_version_that_does_not_exist_cannot_become_champion(registry: ModelRegistry, log: Log) -> None:
    register(registry, log, "c1/fixed")
    with pytest.raises(ConnectorRefused, match="not found"):
        registry.set_champion("7")
    assert registry.champion() is None


# ---------------------------------------------------------------- loading


def test_champion_and_challenger_with_different_code_answer_side_by_side(registry: ModelRegistry, log: Log) -> None:
    register(registry, log, "c1/fixed", health=0.25)
    other_code = '{"label": "health", "confidence": 1.0, "probabilities": {"food": 0.0, "health": float(len(text))}}'
    register(registry, log, "c2/fixed", health=0.75, answer=other_code)
    champion, challenger = registry.load("1"), registry.load("2")
    assert champion.labels == challenger.labels == ("food", "health")
    for _ in range(2):
        np.testing.assert_array_equal(champion.predict(["abc", ""]), [[0.75, 0.25], [0.75, 0.25]])
        np.testing.assert_array_equal(challenger.predict(["abc", ""]), [[0.0, 3.0], [0.0, 0.0]])
    assert champion.predict([]).shape == (0, 2)


def test_threads_that_load_versions_at_once_get_their_own(registry: ModelRegistry, log: Log) -> None:
    healths = [i / 8 for i in range(6)]
    for i, health in enumerate(healths):
        register(registry, log, f"c{i}/fixed", health=health)
    with ThreadPoolExecutor(6) as pool:
        loaded = list(pool.map(registry.load, [str(i + 1) for i in range(6)]))
    assert [float(predictor.predict(["x"])[0, 1]) for predictor in loaded] == healths


def test_a_version_is_loaded_once_in_a_process(server: str, registry: ModelRegistry, log: Log, model: str) -> None:
    register(registry, log, "c1/fixed")
    assert registry.load("1") is build(server, model).load("1")


def test_a_version_that_does_not_exist_cannot_be_loaded(registry: ModelRegistry) -> None:
    with pytest.raises(ConnectorRefused, match="not found"):
        registry.load("1")


@pytest.mark.parametrize(
    ("answer", "found"),
    [('{"answer": 42}', "does not answer with label"), ('"health"', "does not answer with label"), ("1 / 0", "failed")],
    ids=["other keys", "no dictionary", "an exception"],
)
def test_a_version_that_does_not_answer_as_it_should_cannot_be_loaded(
    registry: ModelRegistry, log: Log, answer: str, found: str
) -> None:
    version = register(registry, log, "c1/fixed", answer=answer)
    with pytest.raises(ConnectorRefused, match=found):
        registry.load(version.version)


# ---------------------------------------------------------------- what is attached


def test_what_is_attached_can_be_attached_again_and_replaced(
    registry: ModelRegistry, log: Log, raw: Any, model: str, tmp_path: Path
) -> None:
    run_id = register(registry, log, "c1/fixed").mlflow_run_id
    for hours in ("1.5", "1.5", "2.0"):
        card = {"labour_card.json": f'{{"hours": {hours}}}'}
        registry.attach("1", documents=card, tags={"labour.hours": hours}, description=f"# {hours} hours")
    assert document(raw, run_id, "labour_card.json", tmp_path) == '{"hours": 2.0}'
    assert raw.get_model_version(model, "1").description == "# 2.0 hours"
    assert registry.versions()[0].tags["labour.hours"] == "2.0"


def test_a_long_description_is_cut_at_a_line_and_kept_whole_as_a_document(
    registry: ModelRegistry, log: Log, raw: Any, model: str, tmp_path: Path
) -> None:
    run_id = register(registry, log, "c1/fixed").mlflow_run_id
    whole = "\n".join(f"| line {i} | labour |" for i in range(400))
    registry.attach("1", documents={}, tags={}, description=whole)
    shown = raw.get_model_version(model, "1").description
    kept, pointer = shown.split("\n\n")
    assert len(shown) <= LONGEST_DESCRIPTION < 5_000
    assert whole.startswith(kept + "\n")
    assert "description.md" in pointer
    assert document(raw, run_id, "description.md", tmp_path) == whole


def test_what_is_not_given_stays_as_it_was(registry: ModelRegistry, log: Log, raw: Any, model: str) -> None:
    register(registry, log, "c1/fixed")
    registry.attach("1", documents={}, tags={"labour.hours": "1.5"}, description="# 1.5 hours")
    registry.attach("1", documents={"drift/alarm.json": "{}"})
    registry.attach("1", documents={}, description="")
    assert registry.versions()[0].tags["labour.hours"] == "1.5"
    assert not raw.get_model_version(model, "1").description


def test_a_document_is_read_as_it_was_attached(registry: ModelRegistry, log: Log) -> None:
    register(registry, log, "c1/fixed")
    registry.attach("1", documents={"card.md": "# Karte für drei\n"})
    assert registry.document("1", "card.md") == "# Karte für drei\n"
    assert registry.document("1", "card.html") is None


def test_documents_are_those_at_the_top_and_one_folder_down(registry: ModelRegistry, log: Log) -> None:
    register(registry, log, "c1/fixed")
    registry.attach("1", documents={"drift/reference.json": "{}", "card.md": "# Card", "a/b/deep.json": "{}"})
    registry.attach("1", documents={"drift/reference.json": '{"again": 1}', "drift/m-1.json": "{}"})
    assert registry.documents("1") == ["card.md", "drift/m-1.json", "drift/reference.json", "gate.json"]


# ---------------------------------------------------------------- figures of a version in service


def test_figures_of_a_day_are_a_series_with_the_day_as_its_step(registry: ModelRegistry, log: Log, raw: Any) -> None:
    run_id = register(registry, log, "c1/fixed").mlflow_run_id
    for day, value in ((21, 0.4), (22, 3.25), (23, float("inf"))):
        figures = {"drift.term_surge": value, "drift.class_mix": 0.1}
        registry.log_metrics("1", figures, datetime(2020, 1, day, 9, tzinfo=UTC))
    series = sorted(raw.get_metric_history(run_id, "drift.term_surge"), key=lambda one: int(one.step))
    # 2020-01-21 is day 18,282 of the calendar that begins on 1970-01-01.
    assert [(one.step, one.value) for one in series] == [(18_282, 0.4), (18_283, 3.25), (18_284, LARGEST_METRIC)]
    assert series[0].timestamp == 18_282 * 86_400_000 + 9 * 3_600_000
    assert raw.get_run(run_id).data.metrics["accuracy"] == 0.75
    assert raw.get_run(run_id).info.status == "FINISHED"


def test_figures_of_a_moment_may_be_written_again(registry: ModelRegistry, log: Log, raw: Any) -> None:
    run_id = register(registry, log, "c1/fixed").mlflow_run_id
    for hour in (9, 9, 15):
        registry.log_metrics("1", {"drift.confidence": 0.5}, datetime(2020, 1, 21, hour, tzinfo=UTC))
    assert len(raw.get_metric_history(run_id, "drift.confidence")) == 2
    registry.log_metrics("1", {}, datetime(2020, 1, 21, tzinfo=UTC))


def test_a_version_that_does_not_exist_has_neither_documents_nor_figures(registry: ModelRegistry, log: Log) -> None:
    register(registry, log, "c1/fixed")
    for ask in (
        lambda: registry.documents("7"),
        lambda: registry.log_metrics("7", {"drift.confidence": 0.5}, datetime(2020, 1, 21, tzinfo=UTC)),
        lambda: registry.attach("7", documents={"a.json": "{}"}),
    ):
        with pytest.raises(ConnectorRefused, match="not found"):
            ask()


# ---------------------------------------------------------------- what can go wrong outside


def test_a_server_that_is_down_is_reported_within_seconds() -> None:
    registry = build(f"http://127.0.0.1:{free_port()}", "queries")
    for ask in (registry.champion, registry.versions, lambda: registry.load("1"), lambda: registry.set_champion("1")):
        began = time.monotonic()
        with pytest.raises(ConnectorUnavailable, match="no answer") as caught:
            ask()
        assert time.monotonic() - began < 10
        assert "kempelen up" in caught.value.hint


def test_a_server_that_never_answers_is_reported_within_its_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        registry = build(f"http://127.0.0.1:{silent.getsockname()[1]}", "queries")
        began = time.monotonic()
        with pytest.raises(ConnectorUnavailable, match="Timeout"):
            registry.champion()
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("INTERNAL_ERROR", ConnectorUnavailable),
        ("TEMPORARILY_UNAVAILABLE", ConnectorUnavailable),
        ("REQUEST_LIMIT_EXCEEDED", ConnectorUnavailable),
        ("INVALID_PARAMETER_VALUE", ConnectorRefused),
        ("RESOURCE_DOES_NOT_EXIST", ConnectorRefused),
        ("PERMISSION_DENIED", ConnectorRefused),
        ("UNAUTHENTICATED", ConnectorRefused),
    ],
)
def test_every_code_of_mlflow_becomes_an_error_of_ours(code: str, ours: type[ConnectorError]) -> None:
    from mlflow.exceptions import RestException

    with pytest.raises(ours) as caught, mlflow_client.speaking("http://127.0.0.1"):
        raise RestException({"error_code": code, "message": "first line\nsecond line"})
    assert type(caught.value) is ours
    assert "first line" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("message", "ours"),
    [
        ("API request to http://127.0.0.1 failed with exception Max retries exceeded", ConnectorUnavailable),
        ("(sqlite3.OperationalError) database is locked", ConnectorUnavailable),
        ("Failed to run user code from serve.py", ConnectorRefused),
    ],
)
def test_what_mlflow_calls_internal_is_told_apart(message: str, ours: type[ConnectorError]) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(ours), mlflow_client.speaking("http://127.0.0.1"):
        raise MlflowException(message)


def test_a_server_that_does_not_know_its_own_name_gets_a_hint(server: str) -> None:
    import requests
    from mlflow.exceptions import MlflowException

    answer = requests.get(f"{server}/api/2.0/mlflow/experiments/get", headers={"Host": "mlflow:5000"}, timeout=30)
    assert answer.status_code == 403
    with pytest.raises(ConnectorRefused) as caught, mlflow_client.speaking(server):
        raise MlflowException(f"Response body: '{answer.text}'", error_code=7)
    assert "--allowed-hosts" in caught.value.hint


def test_a_missing_file_is_refused_and_says_so() -> None:
    with pytest.raises(ConnectorRefused, match="could not be read"), mlflow_client.speaking("http://127.0.0.1"):
        raise FileNotFoundError("weights.pt")


def test_nothing_is_printed(registry: ModelRegistry, log: Log, capfd: pytest.CaptureFixture[str]) -> None:
    register(registry, log, "c1/fixed")
    registry.load("1").predict(["corona"])
    registry.attach("1", documents={"a.json": "{}"}, tags={}, description="")
    assert capfd.readouterr() == ("", "")


def test_what_the_operator_set_in_the_environment_stays(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    build(server, "queries")
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_bare_sqlite_file_works_without_a_server_and_keeps_its_files_together(log: Log, tmp_path: Path) -> None:
    registry = build(f"sqlite:///{tmp_path}/mlflow.db", "queries")
    version = register(registry, lambda key, **how: log(key, to=registry, **how), "c1/fixed", health=0.25)
    registry.set_champion(version.version)
    assert registry.champion() == "1"
    np.testing.assert_array_equal(registry.load("1").predict(["x"]), [[0.75, 0.25]])
    assert list((tmp_path / "artifacts").rglob("gate.json"))
