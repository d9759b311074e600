"""Evidently's default data drift verdicts, day by day: each day against the reference."""

from typing import Any

from _inside import Stopwatch, answer

DISTINCT = "text drift, each query once"


def work(question: dict[str, Any], stopwatch: Stopwatch) -> dict[str, Any]:
    """Look at every live day of the runs in `file`; the days with an alarm, by method and run."""
    with stopwatch("imports"):
        import pandas as pd
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import ValueDrift
        from evidently.presets import DataDriftPreset

    columns = {"text": "text drift", "label": "drift of the label", "confidence": "drift of the confidence"}
    definition = DataDefinition(text_columns=["text"], categorical_columns=["label"], numerical_columns=["confidence"])
    texts = DataDefinition(text_columns=["text"])
    alarms: dict[str, dict[str, list[str]]] = {what: {} for what in [*columns.values(), "data set drift", DISTINCT]}
    rows = pd.read_parquet(question["file"], columns=["run", "day", "live", *columns])
    with stopwatch("verdicts"):
        for run, of_run in rows.groupby("run"):
            reference = Dataset.from_pandas(of_run.loc[~of_run["live"], [*columns]], data_definition=definition)
            once = Dataset.from_pandas(_each_once(of_run[~of_run["live"]]), data_definition=texts)
            for found in alarms.values():
                found[str(run)] = []
            for day, of_day in of_run[of_run["live"]].groupby("day"):
                current = Dataset.from_pandas(of_day[[*columns]], data_definition=definition)
                told = Report([DataDriftPreset()], include_tests=True).run(current, reference).dict()
                for what in _alarms(told, columns):
                    alarms[what][str(run)].append(str(day))
                queries = Dataset.from_pandas(_each_once(of_day), data_definition=texts)
                told = Report([ValueDrift(column="text")], include_tests=True).run(queries, once).dict()
                if _alarms(told, columns):
                    alarms[DISTINCT][str(run)].append(str(day))
    return {"alarms": alarms}


def _each_once(rows: Any) -> Any:
    """The texts, the same query once: a kinder input, for repeats in both of its halves mislead its classifier."""
    return rows[["text"]].drop_duplicates()


def _alarms(told: dict[str, Any], columns: dict[str, str]) -> list[str]:
    """Which of its tests failed: Evidently's own verdict on each column, and on the data set (half of the columns)."""
    failed = [one for one in told["tests"] if "FAIL" in str(one["status"])]
    found = []
    for one in failed:
        config = one["metric_config"]["params"]
        found.append(columns[config["column"]] if "column" in config else "data set drift")
    return found


answer(work)
