"""What users import: records, protocols, errors, settings, and the prediction log.

`PredictionLog` lives above this package, among the connectors. It is looked up by name when it is
first asked for, so that the kernel itself imports nothing of the project.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {"PredictionLog": "connectors.prediction_log.writer"}

__all__ = ["PredictionLog", "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
