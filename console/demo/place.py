"""Where a demo keeps its files, and which demo goes on or begins.

Each demo has a model name of its own ("corona", "corona-2", ...), which keys everything it records
in the store, the books, MLflow and Label Studio: a new one cannot mix with an older one, and one that was
interrupted goes on under its own name.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from console.demo import stream

MODEL = "corona"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """One demo: its model name and folder."""

    model: str
    folder: Path

    @property
    def config(self) -> Path:
        """Its settings, an ordinary kempelen.toml."""
        return self.folder / "kempelen.toml"

    @property
    def predictions(self) -> Path:
        """Its prediction log."""
        return self.folder / "predictions"

    @property
    def result(self) -> Path:
        """What it found, written when it has ended."""
        return self.folder / "result.json"

    def finish(self, result: dict[str, object]) -> None:
        """Write the result: from now on the demo has ended."""
        _write(self.result, json.dumps(result, indent=1, default=str))


def begin(state: Path, *, annotator: str) -> tuple[Demo, bool]:
    """The demo to run, and whether it is one that goes on. An unfinished one goes on if its annotators are the same."""
    folder = state / "demo"
    number = 1
    while True:
        model = MODEL if number == 1 else f"{MODEL}-{number}"
        demo = Demo(model=model, folder=folder / model)
        if not demo.config.exists():
            _prepare(demo, annotator)
            return demo, False
        if not demo.result.exists() and f'# annotator = "{annotator}"' in demo.config.read_text(encoding="utf-8"):
            return demo, True
        number += 1


def _prepare(demo: Demo, annotator: str) -> None:
    """Write the base data and, last of all, the settings that make the demo exist."""
    demo.folder.mkdir(parents=True, exist_ok=True)
    rows = stream.train_fold()
    base = demo.folder / "base.parquet"
    partial = base.with_suffix(".partial")
    pyarrow.parquet.write_table(pa.table({"text": [r.text for r in rows], "label": [r.label for r in rows]}), partial)
    partial.replace(base)
    _write(demo.config, _settings(demo.model, annotator))


def _settings(model: str, annotator: str) -> str:
    labels = ", ".join(f'"{label}"' for label in stream.labels())
    alone = annotator == "me"
    return f"""# Settings of the demo, written by `kempelen demo`; an ordinary kempelen.toml.
# annotator = "{annotator}"
state = "../.."

[model]
name = "{model}"
labels = [{labels}]
use = "choosing what a search page shows for a query"

[training]
base = "base.parquet"
base_source = "{stream.SOURCE}"
base_note = "who made these labels, and how long it took, is unknown"

[prediction_log]
folder = "predictions"

[selection]
min_users = 2
rounds = 3
round_items = {24 if alone else 36}
audit_fraction = 0.5
audit_every_days = {366 if alone else 7}

[annotation]
answers_per_item = {1 if alone else 2}
asker = "the Kempelen demo on this machine"
contact = "whoever started `kempelen demo`"
"""


def _write(file: Path, content: str) -> None:
    """All of it or nothing, also under `kill -9`."""
    partial = file.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as sink:
        sink.write(content)
        sink.flush()
        os.fsync(sink.fileno())
    partial.replace(file)
