"""The counts of a profile by hand-written SQL and the `duckdb` package alone: what the engine itself costs."""

from typing import Any

from benchmarks.sides._inside import Stopwatch, answer

LOG = """(
    SELECT * FROM read_parquet('{folder}/*/*.parquet', hive_partitioning = true)
    WHERE date BETWEEN '{first}' AND '{last}'
)"""

BINS = """
SELECT date, label, least(floor(confidence * 20), 19)::INT AS bin, count(*) AS predictions
FROM {log}
GROUP BY ALL
"""

WORDS = """
WITH totals AS (
    SELECT date, ceil({fold} * count(*)) AS fold FROM {log} GROUP BY date
), words AS (
    SELECT date, label, confidence, user_bit, unnest(terms) AS term FROM {log}
), counted AS (
    SELECT date, term, label,
           count(*) AS predictions, sum(confidence) AS confidence, bit_or(user_bit) AS users
    FROM words GROUP BY ALL
), listed AS (
    SELECT *, sum(predictions) OVER (PARTITION BY date, term) AS of_term FROM counted
)
SELECT date, term, label, predictions, confidence, users
FROM listed JOIN totals USING (date)
WHERE of_term >= fold
"""


def work(question: dict[str, Any], stopwatch: Stopwatch) -> dict[str, Any]:
    """Count the days from `first` to `last` of the log in `folder`; words in a share below `fold` are left out."""
    with stopwatch("imports"):
        import duckdb
        import numpy as np

    log = LOG.format(**question)
    with stopwatch("counts"):
        engine = duckdb.connect()
        bins = engine.execute(BINS.format(log=log)).fetchnumpy()
        words = engine.execute(WORDS.format(log=log, fold=question["fold"])).fetchnumpy()
        engine.close()
    return {"predictions": int(np.sum(bins["predictions"])), "rows": len(words["term"])}


if __name__ == "__main__":
    answer(work)
