"""How much personal data the scrubber takes out of queries, how often it takes out what is none, and how fast it is."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import parquet

from benchmarks import _nobodys, _personal, _report
from benchmarks._personal import Labelled
from benchmarks._report import Outcome
from connectors.scrubbing.presidio import LEAST_SCORE, PresidioScrubber
from kempelen.text import normalise

SEED = 20200120
STREAM = Path(__file__).resolve().parent.parent / "console" / "data" / "corona" / "stream.parquet"
SCORES = (0.01, 0.2, 0.4, 0.55, 0.7)
NOT_SOUGHT = ("name", "address", "plate", "number")
"""Kinds that have too little shape; measured, so that nobody believes they are found."""


def measure(quick: bool) -> Outcome:  # noqa: FBT001 - what every benchmark is called with
    """A made-up corpus, numbers that are nobody's, and the distinct queries of the corona stream."""
    rng = np.random.default_rng(SEED)
    each = 8 if quick else 100
    labelled, nobodys = list(_personal.corpus(rng, each)), list(_nobodys.queries(rng, each))
    stream = _stream()
    scrubber = PresidioScrubber()
    scrubber.findings("import what it needs")
    started = time.perf_counter()
    of_stream = [found for found in scrubber.scrub(stream) if found.kinds]
    seconds = time.perf_counter() - started
    answers = _asked(scrubber, labelled)
    taken = [bool(found.kinds) for found in scrubber.scrub(nobodys)]
    return Outcome(
        figures={
            "recall_of_kinds_sought": _recall(answers),
            "false_per_1000_numbers_of_nobody": round(1000 * float(np.mean(taken)), 2),
            "scrubbed_per_1000_of_the_stream": round(1000 * len(of_stream) / len(stream), 3),
            "scrubbed_of_the_stream": len(of_stream),
            "queries_per_s": round(len(stream) / seconds),
            "by_form": _by_form(answers),
            "by_least_score": [] if quick else [_at(score, labelled[::4], nobodys[::4]) for score in SCORES],
        },
        peers={"presidio-analyzer": version("presidio-analyzer"), "phonenumbers": version("phonenumbers")},
        settings={
            "seed": SEED,
            "queries_of_each_form": each,
            "numbers_of_nobody": len(nobodys),
            "queries_of_the_stream": len(stream),
            "least_score": LEAST_SCORE,
        },
    )


def _stream() -> list[str]:
    texts = parquet.read_table(STREAM, columns=["text"])["text"].to_pylist()
    return sorted({normalise(one) for one in texts})


Answer = tuple[Labelled, bool, bool]
"""What was asked, whether anything was taken out, and whether it was called what it is."""


def _asked(scrubber: PresidioScrubber, labelled: Sequence[Labelled]) -> list[Answer]:
    found = scrubber.scrub([one.query for one in labelled])
    return [(one, bool(said.kinds), one.kind in said.kinds) for one, said in zip(labelled, found, strict=True)]


def _recall(answers: Sequence[Answer]) -> float:
    sought = [scrubbed for one, scrubbed, _ in answers if one.kind not in NOT_SOUGHT]
    return round(float(np.mean(sought)), 4)


def _by_form(answers: Sequence[Answer]) -> list[Mapping[str, Any]]:
    """The share that was taken out, and the share that was called by its name, for each kind and form."""
    groups: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one, scrubbed, named in answers:
        groups[one.kind, one.form].update(all=1, scrubbed=scrubbed, named=named)
    return [
        {"kind": kind, "form": form, "recall": _part(n, "scrubbed"), "called_so": _part(n, "named")}
        for (kind, form), n in sorted(groups.items())
    ]


def _part(counts: Counter[str], what: str) -> float:
    return round(counts[what] / counts["all"], 3)


def _at(score: float, labelled: Sequence[Labelled], nobodys: Sequence[str]) -> Mapping[str, float]:
    """Recall and false scrubs if findings below another score were left."""
    scrubber = PresidioScrubber(score)
    false = [bool(found.kinds) for found in scrubber.scrub(nobodys)]
    return {
        "least_score": score,
        "recall": _recall(_asked(scrubber, labelled)),
        "false_per_1000_numbers_of_nobody": round(1000 * float(np.mean(false)), 2),
    }


if __name__ == "__main__":
    _report.main("scrubbing", __doc__, measure)
