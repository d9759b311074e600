"""Base data that cannot be what it claims to be is refused by name; what is good is weighted as said."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from cycle.training_data import base_examples, split, training_set
from kempelen.errors import BadData
from kempelen.settings import Settings


def settings_with(base: Path) -> Settings:
    return Settings.model_validate(
        {"model": {"name": "queries", "labels": ["food", "health"]}, "training": {"base": base}, "state": base.parent}
    )


def written(tmp_path: Path, content: str) -> Settings:
    file = tmp_path / "base.csv"
    file.write_text(content, encoding="utf-8")
    return settings_with(file)


@pytest.mark.parametrize(
    ("content", "found", "advice"),
    [
        ("query,label\nbeer,food\n", "no column text", "It has query, label"),
        ("words\nbeer\n", "no column label and no column text", "needs `text` and `label`"),
        ("text,label\n", "has no rows", "labelled queries"),
        (
            "text,label\nbeer,food\nflu,helth\n",
            "1 rows with labels the model does not know, as 'helth'",
            "food, health",
        ),
        ("text,label\nbeer,food\nflu,health,extra,more\n", "cannot be read", "restore"),
    ],
)
def test_bad_base_data_is_named_with_what_to_do(tmp_path: Path, content: str, found: str, advice: str) -> None:
    with pytest.raises(BadData) as error:
        base_examples(written(tmp_path, content))
    assert found in str(error.value)
    assert "base.csv" in str(error.value)
    assert advice in error.value.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="There is no file"):
        base_examples(settings_with(tmp_path / "nowhere.parquet"))


def test_a_parquet_file_cut_short_is_named(tmp_path: Path) -> None:
    file = tmp_path / "base.parquet"
    pyarrow.parquet.write_table(pa.table({"text": ["beer"] * 500, "label": ["food"] * 500}), file)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(BadData, match=r"base\.parquet cannot be read"):
        base_examples(settings_with(file))


def test_rows_without_text_or_label_are_left_out_and_figures_are_texts(tmp_path: Path) -> None:
    file = tmp_path / "base.parquet"
    pyarrow.parquet.write_table(pa.table({"text": [7, None, 8], "label": ["food", "food", None]}), file)
    assert [(e.query, e.label) for e in base_examples(settings_with(file))] == [("7", "food")]


def test_a_query_never_changes_sides(tmp_path: Path) -> None:
    settings = written(tmp_path, "text,label\n" + "".join(f"beer {n},food\n" for n in range(1_000)))
    examples = base_examples(settings)
    train, kept = split(examples, settings.training)
    again, kept_again = split(examples[::-1], settings.training)
    assert {e.query for e in kept} == {e.query for e in kept_again}
    assert len(train) + len(kept) == 1_000
    assert not {e.query for e in train} & {e.query for e in kept}
    assert {e.query for e in again} == {e.query for e in train}
    # A tenth of 1,000, within 4 binomial standard deviations.
    assert abs(len(kept) - 100) <= 4 * (1_000 * 0.1 * 0.9) ** 0.5


def test_without_cycles_the_base_is_the_training_set(loop: Any) -> None:
    base = base_examples(loop.app.settings)
    examples, cycles = training_set(loop.app, base)
    assert set(examples.examples) == set(base)
    assert cycles == ()
