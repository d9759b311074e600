"""What models learn from: the base data that was there before, and what people said since."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from cycle.app import App
from cycle.records import Cycle
from kempelen import text
from kempelen.errors import BadData
from kempelen.records import ConsensusLabel, Example, Purpose, TrainingSet
from kempelen.settings import Settings, TrainingSettings
from kempelen.states import State

BASE = "base"
"""The source of examples that were there before the first cycle."""


def base_examples(settings: Settings) -> list[Example]:
    """Read `[training] base`: one example a row, weight 1. BadData for a file that cannot be used."""
    rows = labelled_queries(settings.training.base, settings.model.labels, "[training] base")
    return [Example(query=query, label=label, weight=1.0, source=BASE) for query, label in rows]


def labelled_queries(file: Path, labels: Sequence[str], setting: str) -> list[tuple[str, str]]:
    """The normalised queries of a file that a setting names, with their labels.

    Rows without a text or a label are left out. Raises BadData for a file that cannot be read, lacks a
    column, has no rows, or has a label that the model does not know.
    """
    table = _read(file, setting)
    missing = {"text", "label"} - set(table.column_names)
    if missing:
        raise BadData(
            f"{file} has no column {' and no column '.join(sorted(missing))}.",
            hint=f"It has {', '.join(table.column_names)}; {setting} needs `text` and `label`.",
        )
    rows = [
        (text.normalise(str(t)), str(label))
        for t, label in zip(table.column("text").to_pylist(), table.column("label").to_pylist(), strict=True)
        if t is not None and label is not None
    ]
    if not rows:
        raise BadData(f"{file} has no rows.", hint=f"{setting} needs labelled queries.")
    unknown = Counter(label for _, label in rows if label not in labels)
    if unknown:
        label, count = unknown.most_common(1)[0]
        raise BadData(
            f"{file} has {unknown.total()} rows with labels the model does not know, as {label!r} ({count} rows).",
            hint=f"Add them to [model] labels, or mend the file. Known: {', '.join(labels)}.",
        )
    return rows


def split(examples: Sequence[Example], settings: TrainingSettings) -> tuple[list[Example], list[Example]]:
    """Training and validation part. A query's part depends on its text alone, so it never changes sides."""
    threshold = int(settings.validation_share * 16**8)
    kept = [e for e in examples if int(text.item_id(e.query)[:8], 16) < threshold]
    rest = [e for e in examples if int(text.item_id(e.query)[:8], 16) >= threshold]
    return rest, kept


Labels = Mapping[str, ConsensusLabel]
"""Consensus labels by item id."""


def training_set(
    app: App, base: Sequence[Example], so_far: tuple[Cycle, Labels] | None = None
) -> tuple[TrainingSet, tuple[str, ...]]:
    """Base and human labels together, and the cycles that the human labels come from.

    What a word meant may have changed when it surged: old labels on queries with such a word count
    `stale_weight`, and every human label counts `human_weight`. `so_far` adds a cycle that is not settled yet,
    with the labels that its answers support by now.
    """
    settled = [cycle for cycle in app.store.cycles(app.model) if cycle.trains and _is_settled(app, cycle)]
    labels = {cycle.cycle_id: app.store.consensus(cycle.cycle_id) for cycle in settled}
    cycles = settled
    if so_far and so_far[0].cycle_id not in labels:
        cycles = [*settled, so_far[0]]
        labels[so_far[0].cycle_id] = dict(so_far[1])
    surged = {word for cycle in cycles for round_ in app.store.rounds(cycle.cycle_id) for word in round_.surging}
    settings = app.settings.training
    aged = [replace(e, weight=settings.stale_weight) if surged & set(text.terms(e.query)) else e for e in base]
    human = _to_train_on(app, labels)
    weighted = [replace(e, weight=settings.human_weight) for e in human]
    # An old label of a query that people were asked about gives way: to the new one, or to judging by it.
    asked = {r.query for cycle in cycles for r in app.store.requests(cycle.cycle_id)}
    kept = [e for e in aged if e.query not in asked]
    return TrainingSet(examples=(*kept, *weighted)), tuple(dict.fromkeys(e.source for e in human))


def _is_settled(app: App, cycle: Cycle) -> bool:
    """Whether the cycle's labels may be trained on: those of an abandoned one are too few to be judged by."""
    states = {event.state for event in app.store.events(cycle.cycle_id)}
    return State.READY in states and State.ABANDONED not in states


def _to_train_on(app: App, labels: Mapping[str, Labels]) -> list[Example]:
    """The settled items that were asked for training, weight 1, source the cycle.

    Of an item that was asked about again, since its word had surged, the last asking alone counts: for what it
    was asked, and what people said then.
    """
    last: dict[str, Example | None] = {}
    for cycle_id, consensus in labels.items():
        for r in app.store.requests(cycle_id):
            last[r.query] = None
            if r.purpose is Purpose.TRAINING and r.item_id in consensus:
                label = consensus[r.item_id].label
                last[r.query] = Example(query=r.query, label=label, weight=1.0, source=cycle_id)
    return [example for example in last.values() if example]


def _read(file: Path, setting: str) -> pa.Table:
    try:
        return pa.csv.read_csv(file) if file.suffix == ".csv" else pa.parquet.read_table(file)
    except FileNotFoundError as missing:
        raise BadData(f"There is no file {file}.", hint=f"{setting} must name a Parquet or CSV file.") from missing
    except (pa.ArrowInvalid, OSError) as broken:
        raise BadData(
            f"{file} cannot be read: {broken}.", hint="It may be cut short: write it again, or restore a copy."
        ) from broken
