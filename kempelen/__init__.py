"""What users import: records, protocols, errors, settings, and the prediction log.

`PredictionLog`, `serve_human_answer` and `record_feedback` live above this package. They are looked up by name when
they are first asked for, so that the kernel itself imports nothing of the project.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "PredictionLog": "connectors.prediction_log.writer",
    "record_feedback": "cycle.in_service",
    "serve_human_answer": "cycle.in_service",
}

__all__ = ["PredictionLog", "__version__", "record_feedback", "serve_human_answer"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
