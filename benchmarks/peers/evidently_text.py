"""Evidently's text drift with its defaults, on two files of texts."""

from typing import Any

from _inside import Stopwatch, answer


def work(question: dict[str, Any], stopwatch: Stopwatch) -> dict[str, Any]:
    """Compare `reference` and `current`, Parquet files with a column `text`."""
    with stopwatch("imports"):
        import pandas as pd
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

    with stopwatch("load"):
        definition = DataDefinition(text_columns=["text"])
        reference, current = (
            Dataset.from_pandas(pd.read_parquet(question[name], columns=["text"]), data_definition=definition)
            for name in ("reference", "current")
        )
    with stopwatch("verdict"):
        told = Report([DataDriftPreset()], include_tests=True).run(current, reference).dict()
    metric = next(one for one in told["metrics"] if "ValueDrift" in one["metric_name"])
    test = next(one for one in told["tests"] if "text" in one["name"])
    return {
        "method": metric["config"]["method"],
        "threshold": metric["config"]["threshold"],
        "value": float(metric["value"]),
        "drifted": "FAIL" in str(test["status"]),
    }


answer(work)
