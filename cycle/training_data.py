"""What models learn from: the base data that was there before, and what people said since."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from cycle.app import App
from cycle.records import Cycle
from kempelen import text
from kempelen.errors import BadData
from kempelen.records import Example, Purpose, TrainingSet
from kempelen.settings import Settings, TrainingSettings
from kempelen.states import State

BASE = "base"
"""The source of examples that were there before the first cycle."""


def base_examples(settings: Settings) -> list[Example]:
    """Read `[training] base`: one example a row, weight 1.

    Rows without a text or a label are left out. Raises BadData for a file that cannot be read, lacks a
    column, has no rows, or has a label that the model does not know.
    """
    file = settings.training.base
    table = _read(file)
    missing = {"text", "label"} - set(table.column_names)
    if missing:
        raise BadData(
            f"{file} has no column {' and no column '.join(sorted(missing))}.",
            hint=f"It has {', '.join(table.column_names)}; [training] base needs `text` and `label`.",
        )
    rows = zip(table.column("text").to_pylist(), table.column("label").to_pylist(), strict=True)
    examples = [
        Example(query=text.normalise(str(t)), label=str(label), weight=1.0, source=BASE)
        for t, label in rows
        if t is not None and label is not None
    ]
    if not examples:
        raise BadData(f"{file} has no rows.", hint="[training] base needs labelled queries to train the first version.")
    unknown = Counter(e.label for e in examples if e.label not in settings.model.labels)
    if unknown:
        label, count = unknown.most_common(1)[0]
        raise BadData(
            f"{file} has {unknown.total()} rows with labels the model does not know, as {label!r} ({count} rows).",
            hint=f"Add them to [model] labels, or mend the file. Known: {', '.join(settings.model.labels)}.",
        )
    return examples


def split(examples: Sequence[Example], settings: TrainingSettings) -> tuple[list[Example], list[Example]]:
    """Training and validation part. A query's part depends on its text alone, so it never changes sides."""
    threshold = int(settings.validation_share * 16**8)
    kept = [e for e in examples if int(text.item_id(e.query)[:8], 16) < threshold]
    rest = [e for e in examples if int(text.item_id(e.query)[:8], 16) >= threshold]
    return rest, kept


def training_set(app: App, base: Sequence[Example]) -> tuple[TrainingSet, tuple[str, ...]]:
    """Base and human labels together, and the cycles that the human labels come from.

    What a word meant may have changed when it surged: old labels on queries with such a word count
    `stale_weight`, and every human label counts `human_weight`.
    """
    cycles = [cycle for cycle in app.store.cycles(app.model) if cycle.trains and _is_settled(app, cycle)]
    surged = {word for cycle in cycles for round_ in app.store.rounds(cycle.cycle_id) for word in round_.surging}
    settings = app.settings.training
    aged = [replace(e, weight=settings.stale_weight) if surged & set(text.terms(e.query)) else e for e in base]
    human = [example for cycle in cycles for example in human_examples(app, cycle, Purpose.TRAINING)]
    weighted = [replace(e, weight=settings.human_weight) for e in human]
    # An old label of a query that people were asked about gives way: to the new one, or to judging by it.
    asked = {r.query for cycle in cycles for r in app.store.requests(cycle.cycle_id)}
    kept = [e for e in aged if e.query not in asked]
    return TrainingSet(examples=(*kept, *weighted)), tuple(dict.fromkeys(e.source for e in human))


def _is_settled(app: App, cycle: Cycle) -> bool:
    """Whether the cycle's labels may be trained on: those of an abandoned one are too few to be judged by."""
    states = {event.state for event in app.store.events(cycle.cycle_id)}
    return State.READY in states and State.ABANDONED not in states


def human_examples(app: App, cycle: Cycle, purpose: Purpose) -> list[Example]:
    """The settled items of a cycle that were asked for a purpose, weight 1, source the cycle."""
    consensus = app.store.consensus(cycle.cycle_id)
    return [
        Example(query=r.query, label=consensus[r.item_id].label, weight=1.0, source=cycle.cycle_id)
        for r in app.store.requests(cycle.cycle_id)
        if r.purpose is purpose and r.item_id in consensus
    ]


def _read(file: Path) -> pa.Table:
    try:
        return pa.csv.read_csv(file) if file.suffix == ".csv" else pa.parquet.read_table(file)
    except FileNotFoundError as missing:
        raise BadData(f"There is no file {file}.", hint="[training] base must name a Parquet or CSV file.") from missing
    except (pa.ArrowInvalid, OSError) as broken:
        raise BadData(
            f"{file} cannot be read: {broken}.", hint="It may be cut short: write it again, or restore a copy."
        ) from broken
