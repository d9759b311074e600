"""Log what a deployed model says, from inside the service that serves it.

>>> from tempfile import TemporaryDirectory
>>> from kempelen import PredictionLog
>>> with TemporaryDirectory() as folder, PredictionLog(folder, model_version="1") as log:
...     prediction_id = log.record(text="corona", probabilities={"food": 0.9, "health": 0.1}, user="ada")
"""

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from connectors.prediction_log import _rows
from connectors.prediction_log._parts import SYSTEM
from connectors.prediction_log._spool import Spool, recover, writing
from connectors.prediction_log._users import hasher
from kempelen.clock import Clock, WallClock
from kempelen.errors import BadData, ConnectorError, Problem
from kempelen.records import Prediction


class PredictionLog:
    """Writes predictions where the pipeline reads them; safe for threads, processes and `kill -9`.

    A prediction whose `record` returned is with the operating system and survives the process (a power
    cut may cost what was not rolled yet). Readers see it after the next roll: `flush`, `close`,
    `roll_rows` rows, `roll_s` seconds, or, if the process was killed, whenever anybody opens the log.

    Parameters
    ----------
    folder
        `prediction_log.folder` of kempelen.toml, on a local disk. Several processes may share it.
    model_version
        Version of the predictions whose `record` names none.
    labels
        All labels the model has; others are refused. None accepts any.
    roll_rows, roll_s
        Rows, and age in seconds of the oldest row, at which rows become a Parquet file.
    clock
        Says when a prediction was made that does not say it itself.

    Attributes
    ----------
    problems
        What could not be recovered from killed processes, and rolls that will be tried again.
    """

    def __init__(  # noqa: PLR0913 - all but the folder have defaults
        self,
        folder: str | Path,
        *,
        model_version: str | None = None,
        labels: Sequence[str] | None = None,
        roll_rows: int = 10_000,
        roll_s: float = 600.0,
        clock: Clock | None = None,
    ) -> None:
        self.folder = Path(folder)
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self.problems: list[Problem] = recover(self.folder)
        self._hash = hasher(self.folder)
        self._model_version = model_version
        self._labels = None if labels is None else frozenset(labels)
        self._roll_rows, self._roll_s = roll_rows, roll_s
        self._clock = clock or WallClock()
        self._lock = threading.RLock()
        self._spool: Spool | None = None
        self._timer: threading.Timer | None = None
        self._owner, self._failed_rolls, self._closed = os.getpid(), 0, False

    def record(  # noqa: PLR0913 - a prediction is exactly these things
        self,
        *,
        text: str,
        probabilities: Mapping[str, float],
        user: str,
        at: datetime | None = None,
        model_version: str | None = None,
        prediction_id: str | None = None,
    ) -> str:
        """Log one prediction; its id.

        Parameters
        ----------
        text
            The query as typed; cut at 2,000 characters.
        probabilities
            Label -> probability; they sum to 1.
        user
            Any string that is the same for the same person. Only a keyed hash of it is stored.
        at
            Timezone-aware; now, if left out.
        prediction_id
            Your own id. Predictions with the same id count once, so that logging again is harmless; readers pay
            for that by looking for repetitions. Ids that are left out are drawn, and never repeat.

        Raises BadData for what cannot be a prediction, ConnectorError if the disk refuses (ConnectorUnavailable
        if it is full); the log stays usable.
        """
        prediction = self._checked(
            {
                "text": text,
                "probabilities": probabilities,
                "user": user,
                "at": at,
                "model_version": model_version,
                "prediction_id": prediction_id,
            }
        )
        self._append([_rows.to_line(prediction, drawn=prediction_id is None)])
        return prediction.prediction_id

    def record_many(self, rows: Iterable[Mapping[str, Any]]) -> list[Problem]:
        """Log many predictions, each a mapping with the arguments of `record`, in one write.

        Rows that cannot be predictions come back as problems, numbered from 1; all others are logged.
        """
        lines: list[str] = []
        problems: list[Problem] = []
        for number, row in enumerate(rows, start=1):
            try:
                lines.append(_rows.to_line(self._checked(row), drawn=row.get("prediction_id") is None))
            except BadData as bad:
                problems.append(Problem(stage=SYSTEM, subject=f"row {number}", message=str(bad), hint=bad.hint))
        self._append(lines)
        return problems

    def flush(self) -> None:
        """Show readers everything recorded so far. After an error nothing is lost; flush again."""
        with self._lock:
            self._own_spool()
            if self._spool is not None:
                self.problems += self._spool.convert()
                self._spool, self._failed_rolls = None, 0
                self._stop_timer()

    def close(self) -> None:
        """Flush, and take no more. A second time does nothing."""
        with self._lock:
            self.flush()
            self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _checked(self, row: Mapping[str, Any]) -> Prediction:
        unknown = set(row) - {"text", "probabilities", "user", "at", "model_version", "prediction_id"}
        if unknown:
            raise BadData(f"{', '.join(sorted(unknown))}: unknown.", hint="A row has the arguments of record().")
        user, at = row.get("user"), row.get("at")
        if not isinstance(user, str) or not user:
            raise BadData(f"user is {user!r}.", hint="Give any string that is the same for the same person.")
        return _rows.checked(
            text=row.get("text"),
            probabilities=row.get("probabilities"),
            user=self._hash(user),
            at=self._clock.now() if at is None else at,
            model_version=self._model_version if row.get("model_version") is None else row["model_version"],
            prediction_id=row.get("prediction_id"),
            labels=self._labels,
        )

    def _append(self, lines: Sequence[str]) -> None:
        with self._lock:
            if self._closed:
                raise BadData("this prediction log is closed.", hint="Open another PredictionLog on the same folder.")
            if not lines:
                return
            self._own_spool()
            if self._spool is None:
                self._spool = Spool(self.folder)
                self._start_timer()
            self._spool.append(lines)
            if self._spool.rows >= self._roll_rows * (1 + self._failed_rolls):
                self._roll()

    def _roll(self) -> None:
        """Flush without a caller who could act on an error: it is kept as a problem, and tried again later."""
        with self._lock:
            try:
                self.flush()
            except ConnectorError as error:
                self._failed_rolls += 1
                self.problems.append(Problem(stage=SYSTEM, subject="roll", message=str(error), hint=error.hint))
                self._start_timer()

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = threading.Timer(self._roll_s, self._roll)
        self._timer.daemon = True
        self._timer.start()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _own_spool(self) -> None:
        """After a fork, leave the spool to the parent process; a spool has one writer."""
        if self._owner != os.getpid():
            if self._spool is not None:
                self._spool.abandon()
            self._spool, self._timer, self._owner = None, None, os.getpid()
