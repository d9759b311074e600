"""NannyML's default alerts, day by day: univariate drift of label and confidence, and CBPE's estimate of accuracy."""

from typing import Any

from _inside import Stopwatch, answer

METHODS = {
    "chi-square (label)": ("label", "chi2"),
    "Jensen-Shannon (label)": ("label", "jensen_shannon"),
    "Kolmogorov-Smirnov (confidence)": ("confidence", "kolmogorov_smirnov"),
    "Jensen-Shannon (confidence)": ("confidence", "jensen_shannon"),
}
CBPE = "CBPE (estimated accuracy)"


def work(question: dict[str, Any], stopwatch: Stopwatch) -> dict[str, Any]:
    """Look at every live day of the runs in `file`; the days with an alert, by method and run, and CBPE's mean."""
    with stopwatch("imports"):
        import nannyml
        import pandas as pd

    alerts: dict[str, dict[str, list[str]]] = {what: {} for what in [*METHODS, CBPE]}
    estimates = {}
    rows = pd.read_parquet(question["file"])
    with stopwatch("verdicts"):
        for run, of_run in rows.groupby("run"):
            prepared = of_run.assign(at=pd.to_datetime(of_run["day"])).reset_index(drop=True)
            reference, live = prepared[~prepared["live"]], prepared[prepared["live"]]
            drift = nannyml.UnivariateDriftCalculator(
                column_names=["label", "confidence"],
                treat_as_categorical=["label"],
                timestamp_column_name="at",
                chunk_period="D",
                categorical_methods=["chi2", "jensen_shannon"],
                continuous_methods=["kolmogorov_smirnov", "jensen_shannon"],
            )
            drifts = drift.fit(reference).calculate(live).filter(period="analysis").to_df()
            days = [str(day)[:10] for day in drifts[("chunk", "chunk", "start_date")]]
            for what, (column, method) in METHODS.items():
                alerts[what][str(run)] = _days(days, drifts[(column, method, "alert")])
            estimate = nannyml.CBPE(
                problem_type="classification_multiclass",
                y_pred="label",
                y_true="truth",
                y_pred_proba={name.removeprefix("p_"): name for name in rows.columns if name.startswith("p_")},
                metrics=["accuracy"],
                timestamp_column_name="at",
                chunk_period="D",
            )
            told = estimate.fit(reference).estimate(live).filter(period="analysis").to_df()
            alerts[CBPE][str(run)] = _days(days, told[("accuracy", "alert")])
            estimates[str(run)] = float(told[("accuracy", "value")].mean())
    return {"alarms": alerts, "estimated_accuracy": estimates}


def _days(days: list[str], alerts: Any) -> list[str]:
    return [day for day, alert in zip(days, alerts, strict=True) if alert]


answer(work)
