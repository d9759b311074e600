"""The world after a story: what the store, the books, Label Studio, MLflow and Prefect say, each read by itself."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from console.stack import Stack
from cycle.store import Store
from cycle.wiring import books
from ledger.statement import labour
from ledger.store import Ledger
from ledger.units import Measure

ROOT = Path(__file__).resolve().parents[2]

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything on record, read past the product where it is kept by others."""

    stack: Stack
    label_studio: httpx.Client
    mlflow: httpx.Client
    prefect: httpx.Client

    @property
    def state(self) -> Path:
        return self.stack.credentials_file.parent

    @property
    def books(self) -> tuple[Store, Ledger]:
        return books(self.state)

    def projects(self, cycle_id: str) -> list[Document]:
        """The projects that Label Studio holds for a cycle."""
        found = self.label_studio.get("/api/projects/", params={"page_size": 1000}).raise_for_status().json()["results"]
        return [p for p in found if p["description"].split("\n")[0] == f"kempelen-cycle: {cycle_id}"]

    def items(self, cycle_id: str) -> list[Document]:
        """The items that Label Studio holds for a cycle, with all their annotations."""
        wanted = {"fields": "all", "page_size": 1000}
        return [
            item
            for project in self.projects(cycle_id)
            for item in self.label_studio.get("/api/tasks", params={**wanted, "project": project["id"]})
            .raise_for_status()
            .json()["tasks"]
        ]

    def people(self) -> dict[int, str]:
        """The address of each user of Label Studio."""
        return {user["id"]: user["email"] for user in self.label_studio.get("/api/users").raise_for_status().json()}

    def registered(self, model: str) -> Document:
        """The model in MLflow, with its aliases."""
        found = self.mlflow.get("/api/2.0/mlflow/registered-models/get", params={"name": model})
        return dict(found.raise_for_status().json()["registered_model"])

    def versions(self, model: str) -> dict[str, Document]:
        """The versions in MLflow, with their tags as a dictionary."""
        found = self.mlflow.get("/api/2.0/mlflow/model-versions/search", params={"filter": f"name='{model}'"})
        return {
            v["version"]: {**v, "tags": {t["key"]: t["value"] for t in v["tags"]}}
            for v in found.raise_for_status().json().get("model_versions", [])
        }

    def artifacts(self, run_id: str) -> set[str]:
        """The names of a run's artifacts."""
        found = self.mlflow.get("/api/2.0/mlflow/artifacts/list", params={"run_id": run_id}).raise_for_status().json()
        return {file["path"] for file in found.get("files", [])}

    def artifact(self, run_id: str, name: str) -> str:
        """The content of one artifact."""
        run = self.mlflow.get("/api/2.0/mlflow/runs/get", params={"run_id": run_id}).raise_for_status().json()["run"]
        where = run["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
        return self.mlflow.get(f"/api/2.0/mlflow-artifacts/artifacts/{where}/{name}").raise_for_status().text

    def finished_runs(self, model: str) -> Counter[str]:
        """How many finished runs there are by cycle and model type, those of a double left out."""
        experiment = self.mlflow.get("/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": model})
        query = {
            "experiment_ids": [experiment.raise_for_status().json()["experiment"]["experiment_id"]],
            "filter": "attributes.status = 'FINISHED'",
        }
        found = self.mlflow.post("/api/2.0/mlflow/runs/search", json=query).raise_for_status().json().get("runs", [])
        tags = [{t["key"]: t["value"] for t in run["data"]["tags"]} for run in found]
        keys = [t["kempelen.key"] for t in tags if "kempelen.superseded" not in t]
        # The last part of a key is a digest over names of cycles.
        return Counter(key.rpartition("/")[0] for key in keys)


@pytest.fixture(scope="session")
def world(real_stack: tuple[Stack, float]) -> Iterator[World]:
    stack, _ = real_stack
    addresses, environment = stack.addresses(), stack.client_environment()
    user, _, password = environment["PREFECT_API_AUTH_STRING"].partition(":")
    label_studio = {"Authorization": f"Token {addresses.label_studio_token}"}
    with ExitStack() as connections:
        client = partial(httpx.Client, timeout=60, trust_env=False)
        yield World(
            stack=stack,
            label_studio=connections.enter_context(client(base_url=addresses.label_studio_url, headers=label_studio)),
            mlflow=connections.enter_context(client(base_url=addresses.mlflow_uri)),
            prefect=connections.enter_context(client(base_url=addresses.prefect_api, auth=(user, password))),
        )


@pytest.fixture(scope="session")
def kempelen(real_stack: tuple[Stack, float]) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """The command line on the real servers: `kempelen("labour", "corona", "--json")`."""
    state = str(real_stack[0].credentials_file.parent)

    def run(*words: str, timeout_s: float = 120) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "console.main", *words, "--state", state],
            cwd=ROOT,
            env={**os.environ, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def end_state(world: World) -> Callable[[str], Any]:
    """Everything that a story leaves behind, without what differs between two equal ones: names, ids, digests."""

    def read(model: str) -> Any:
        store, ledger = world.books
        document = _plain(
            {
                "cycles": [_cycle(world, store, cycle) for cycle in store.cycles(model)],
                "looks": store.looks(model),
                "references": [
                    json.loads(r.to_json()) for v in store.versions(model) if (r := store.reference(model, v.version))
                ],
                "versions": [
                    (v.version, v.model_type, v.trained_at, v.examples, v.cycle_id, v.trained_on_cycles)
                    for v in store.versions(model)
                ],
                "promotions": store.promotions(model),
                "accounts": _accounts(ledger, model),
                "statement": [
                    {**statement.as_json(), "digest": ""} for statement in labour(ledger, model, store.lineage(model))
                ],
                "mlflow": {
                    "aliases": world.registered(model).get("aliases", []),
                    "runs": sorted(world.finished_runs(model).items()),
                    "versions": {
                        number: {
                            "tags": {k: v for k, v in version["tags"].items() if not k.endswith(_DIGESTS)},
                            "described": version["description"].split("Digest")[0],
                            "artifacts": sorted(world.artifacts(version["run_id"])),
                        }
                        for number, version in world.versions(model).items()
                    },
                },
            }
        )
        return json.loads(json.dumps(document).replace(model, "MODEL"))

    return read


_DIGESTS = ("digest", "training_set")


def _plain(value: object) -> Any:
    return TypeAdapter(Any).dump_python(value, mode="json")


def _cycle(world: World, store: Store, cycle: Any) -> Document:
    people, items = world.people(), world.items(cycle.cycle_id)
    return {
        "cycle": cycle,
        "events": store.events(cycle.cycle_id),
        "rounds": store.rounds(cycle.cycle_id),
        "requests": store.requests(cycle.cycle_id),
        "answers": sorted(
            (a.item_id, a.annotator, a.label or "", a.lead_time_s, a.simulated) for a in store.answers(cycle.cycle_id)
        ),
        "consensus": store.consensus(cycle.cycle_id),
        "judgements": store.judgements(cycle.cycle_id),
        "label studio": {
            "projects": [p["maximum_annotations"] for p in world.projects(cycle.cycle_id)],
            "items": sorted(item["data"]["item_id"] for item in items),
            "annotations": sorted(
                (item["data"]["item_id"], people[a["completed_by"]], a["was_cancelled"], a["lead_time"], _choices(a))
                for item in items
                for a in item["annotations"]
            ),
        },
    }


def _choices(annotation: Document) -> list[str]:
    return [choice for region in annotation["result"] for choice in region["value"]["choices"]]


def _accounts(ledger: Ledger, model: str) -> dict[str, str]:
    """What a model's entries put on each account."""
    sums: Counter[tuple[str, Measure]] = Counter()
    for entry in ledger.entries(model=model):
        for posting in entry.postings:
            sums[posting.account, posting.unit] += int(posting.amount * posting.unit.per_unit)
    return {f"{account} {unit}": str(parts) for (account, unit), parts in sorted(sums.items())}
