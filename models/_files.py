"""The files of a saved model: what it learned, and a serving file that needs no project module."""

import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from kempelen.records import SavedModel

_HERE = Path(__file__).resolve().parent


def saved(folder: Path, *, serving: str, artifacts: Mapping[str, Path], needs: tuple[str, ...]) -> SavedModel:
    """Copy the serving file beside the artifacts, and pin the distributions it needs to those that trained it."""
    copy = Path(shutil.copy(_HERE / serving, folder / serving.lstrip("_")))
    return SavedModel(
        serving_file=str(copy),
        artifacts={name: str(file) for name, file in artifacts.items()},
        # "2.13.0+cpu" names one build of torch; the version it has on every machine ends before the plus.
        requirements=tuple(f"{name}=={version(name).partition('+')[0]}" for name in needs),
    )
