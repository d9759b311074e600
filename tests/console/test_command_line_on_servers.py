"""The command line on real servers that the settings name: a model of one's own, from the first version on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.prediction_log.writer import PredictionLog
from console.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
LABELS = ("food_and_drink", "health")
WORDS = {"food_and_drink": ("beer", "wine", "bread"), "health": ("fever", "cough", "doctor")}
SETTINGS = """
[model]
name = "{name}"
labels = ["food_and_drink", "health"]
types = ["linear"]

[training]
base = "{base}"

[prediction_log]
folder = "predictions"

[gate]
min_before = 20

[servers]
prefect_api = "{prefect}"
mlflow_uri = "{mlflow}"
label_studio_url = "{label_studio}"
label_studio_token = "{token}"
"""


@dataclass(frozen=True, kw_only=True)
class Started:
    """A command that goes on, and where it writes."""

    process: "subprocess.Popen[bytes]"
    output: Path

    def said(self) -> str:
        """What it wrote so far."""
        return self.output.read_text()


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A folder with settings and base data, and the command line in it."""

    folder: Path
    run: Callable[..., "subprocess.CompletedProcess[str]"]
    servers: dict[str, str]
    secrets: dict[str, str]

    @contextmanager
    def started(self, *words: str) -> "Iterator[Started]":
        """A command that runs until it is stopped; ended at the latest with the block."""
        output = self.folder / "started.out"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **self.secrets}
        with output.open("w") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", "console.main", *words], cwd=self.folder, env=environment, stdout=sink
            )
        try:
            yield Started(process=process, output=output)
        finally:
            process.kill()
            process.wait()

    def settings(self, file: str, **other: str) -> str:
        """A settings file that differs in something; its name."""
        content = SETTINGS.format(**{"name": "queries-of-ours", "base": "base.csv", **self.servers, **other})
        (self.folder / file).write_text(content, encoding="utf-8")
        return file


@pytest.fixture(scope="module")
def deployment(
    real_stack: tuple[Stack, float],
    kempelen_in: Callable[..., "subprocess.CompletedProcess[str]"],
    tmp_path_factory: pytest.TempPathFactory,
) -> Deployment:
    folder = tmp_path_factory.mktemp("deployment")
    stack, _ = real_stack
    addresses = stack.addresses()
    secrets = {"PREFECT_API_AUTH_STRING": stack.client_environment()["PREFECT_API_AUTH_STRING"]}
    rows = [f"{word} {n},{label}" for label, words in WORDS.items() for word in words for n in range(60)]
    (folder / "base.csv").write_text("text,label\n" + "\n".join(rows), encoding="utf-8")
    servers = {
        "prefect": addresses.prefect_api,
        "mlflow": addresses.mlflow_uri,
        "label_studio": addresses.label_studio_url,
        "token": addresses.label_studio_token,
    }
    made = Deployment(folder=folder, run=partial(kempelen_in, folder, more=secrets), servers=servers, secrets=secrets)
    made.settings("kempelen.toml")
    return made


@pytest.fixture(scope="module")
def in_service(deployment: Deployment) -> Deployment:
    """Version 1 is in service, and 40 queries were asked today and yesterday, each by two people."""
    ran = deployment.run("retrain", "--json")
    assert ran.returncode == 0, ran.stderr
    (first,) = json.loads(ran.stdout)["finished"]
    assert (first["model"], first["version"], first["promoted"]) == ("queries-of-ours", "1", True)
    now = datetime.now(UTC)
    with PredictionLog(deployment.folder / "predictions", model_version="1", labels=LABELS) as log:
        log.record_many(
            [
                {
                    "prediction_id": f"{n}-{user}",
                    "at": now - timedelta(minutes=n),
                    "text": f"{WORDS[LABELS[n % 2]][n % 3]} in town {n}",
                    "probabilities": {LABELS[n % 2]: 0.9, LABELS[1 - n % 2]: 0.1},
                    "user": f"person {user}",
                }
                for n in range(40)
                for user in range(2)
            ]
        )
    return deployment


@pytest.fixture(scope="module")
def asked(in_service: Deployment) -> "subprocess.CompletedProcess[str]":
    """A person has opened a cycle."""
    return in_service.run("watch", "--open", "--json")


def test_the_first_version_is_champion(in_service: Deployment) -> None:
    (row,) = json.loads(in_service.run("champion", "--json").stdout)
    assert (row["model"], row["champion"]) == ("queries-of-ours", "1")


def test_watch_with_questions_for_people_ends_with_3_and_one_document(
    asked: "subprocess.CompletedProcess[str]",
) -> None:
    assert asked.returncode == 3, asked.stderr
    document = json.loads(asked.stdout)
    assert document["asked"] > 0
    assert document["opened"].startswith("queries-of-ours-")
    assert document["alarms"] == []
    assert document["undecided"], "the reference of a version that is one day old cannot be there"


@pytest.mark.parametrize("command", ["collect", "retrain"])
def test_a_cycle_that_waits_for_people_is_shown_and_ends_with_3(
    in_service: Deployment, asked: "subprocess.CompletedProcess[str]", command: str
) -> None:
    opened = json.loads(asked.stdout)["opened"]
    ran = in_service.run(command, "--json")
    assert ran.returncode == 3, ran.stderr
    assert opened in ran.stdout
    assert json.loads(ran.stdout)


def test_the_status_names_the_cycle_under_way(
    in_service: Deployment, asked: "subprocess.CompletedProcess[str]"
) -> None:
    (cycle,) = json.loads(in_service.run("status", "--json").stdout)["cycles"]
    assert cycle["cycle"] == json.loads(asked.stdout)["opened"]
    assert (cycle["state"], cycle["answers"]) == ("labelling", 0)
    assert cycle["items"] == json.loads(asked.stdout)["asked"]


def refused(ran: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr
    assert "\nWhat to do: " in f"\n{ran.stderr}"
    for word in words:
        assert word in " ".join(ran.stderr.split()), ran.stderr


def test_a_wrong_token_for_label_studio_is_said_to_be_one(
    in_service: Deployment, asked: "subprocess.CompletedProcess[str]"
) -> None:
    assert asked.returncode == 3
    other = in_service.settings("wrong-token.toml", token="0" * 40)
    refused(in_service.run("collect", "--config", other, "--json"), "Label Studio", "label_studio_token")


def test_a_prefect_that_does_not_answer_is_named(in_service: Deployment) -> None:
    other = in_service.settings("no-prefect.toml", prefect="http://127.0.0.1:9/api")
    refused(in_service.run("watch", "--config", other, "--json"), "Prefect", "prefect_api")


def test_base_data_with_a_label_that_the_model_does_not_know_are_named_by_file_and_label(
    deployment: Deployment,
) -> None:
    (deployment.folder / "rain.csv").write_text("text,label\nbeer,food_and_drink\nrain,weather\n", encoding="utf-8")
    other = deployment.settings("rain.toml", base="rain.csv", name="queries-never-trained")
    refused(deployment.run("retrain", "--config", other, "--json"), "rain.csv", "'weather' (1 rows)", "[model] labels")


# ---------------------------------------------------------------- by Prefect's clock


def test_scheduled_flows_are_deployments_and_a_run_of_one_ends_well(
    in_service: Deployment, real_stack: tuple[Stack, float]
) -> None:
    stack, _ = real_stack
    secret = stack.client_environment()["PREFECT_API_AUTH_STRING"]
    yearly = "\n[schedule]\nwatch = '0 0 1 1 *'\ncollect = ''\nretrain = '0 0 1 1 *'\nreconcile = '0 0 1 1 *'\n"
    file = in_service.folder / in_service.settings("scheduled.toml")
    file.write_text(file.read_text(encoding="utf-8") + yearly, encoding="utf-8")
    with (
        in_service.started("schedule", "--json", "--config", str(file)) as serving,
        httpx.Client(base_url=in_service.servers["prefect"], auth=tuple(secret.split(":", 1))) as prefect,
    ):
        told = json.JSONDecoder().raw_decode(_until(lambda: serving.said() if "]" in serving.said() else None))[0]
        assert [row["in Prefect"] for row in told] == [
            f"{flow}/queries-of-ours" for flow in ("watch", "retrain", "reconcile")
        ]
        found = _until(lambda: _found(prefect, "reconcile/queries-of-ours"))
        assert [one["schedule"]["cron"] for one in found["schedules"]] == ["0 0 1 1 *"]
        run = _until(lambda: _run_of(prefect, found["id"]))
        ended = _until(lambda: _ended(prefect, run["id"]))
        assert ended["state"]["type"] == "COMPLETED", ended["state"]
        serving.process.send_signal(signal.SIGINT)
        assert serving.process.wait(timeout=60) == 0
        assert prefect.get("/deployments/name/reconcile/queries-of-ours").json()["paused"]


def test_a_schedule_that_is_none_is_said_to_be_one(in_service: Deployment) -> None:
    file = in_service.folder / in_service.settings("never.toml")
    file.write_text(file.read_text(encoding="utf-8") + "\n[schedule]\nwatch = 'hourly'\n", encoding="utf-8")
    ran = in_service.run("schedule", "--config", str(file))
    assert ran.returncode == 1
    assert "[schedule] watch is 'hourly', which is no cron expression" in ran.stderr


def _found(prefect: httpx.Client, name: str) -> Any:
    answer = prefect.get(f"/deployments/name/{name}")
    return answer.json() if answer.status_code == httpx.codes.OK else None


def _run_of(prefect: httpx.Client, deployment: str) -> Any:
    """A run, the same however often it is asked for; Prefect's SQLite is at times too busy to write it."""
    answer = prefect.post(f"/deployments/{deployment}/create_flow_run", json={"idempotency_key": "once"})
    assert answer.status_code < httpx.codes.BAD_REQUEST or answer.is_server_error, answer.text
    return answer.json() if answer.is_success else None


def _ended(prefect: httpx.Client, run: str) -> Any:
    answer = prefect.get(f"/flow_runs/{run}")
    if answer.is_server_error:
        return None
    found = answer.json()
    return found if found["state"]["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None


def _until(look: Callable[[], Any], patience_s: float = 120) -> Any:
    """What a look finds, once it finds something."""
    deadline = time.monotonic() + patience_s
    while (found := look()) is None:
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.3)
    return found
