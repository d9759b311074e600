"""A plug-in is a file; its name is the file's name."""

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kempelen.errors import ConfigError

_ROOT = Path(__file__).resolve().parent.parent


def available(stage: str) -> list[str]:
    """The plug-ins of a stage: its files, without those that begin with `_`.

    >>> "term_surge" in available("drift")
    True
    """
    return sorted(file.stem for file in (_ROOT / stage).glob("*.py") if not file.stem.startswith("_"))


def build(stage: str, name: str, params: Mapping[str, Any], *, section: str | None = None) -> Any:
    """Call `build(**params)` of `<stage>/<name>.py`, or of a user's own `"package.module:build"`.

    `section` of the settings names the plug-in and its parameters; it is told if they do not fit.

    Raises ConfigError if there is no such plug-in, or it does not take `params`.
    """
    named_in = section or stage
    factory = _own(named_in, name) if ":" in name else _shipped(stage, named_in, name)
    try:
        inspect.signature(factory).bind(**params)
    except TypeError as mismatch:
        raise ConfigError(
            f"[{named_in}] does not fit the plug-in {name}: {mismatch}.",
            hint=f"build() takes {str(inspect.signature(factory)).partition(' -> ')[0]}.",
        ) from mismatch
    return factory(**params)


def _shipped(stage: str, named_in: str, name: str) -> Any:
    if name not in available(stage):
        raise ConfigError(
            f"[{named_in}] names {name!r}, but there is no file {stage}/{name}.py.",
            hint=f"Use one of {', '.join(available(stage))}, or add that file with a build() function.",
        )
    return importlib.import_module(f"{stage.replace('/', '.')}.{name}").build


def _own(named_in: str, name: str) -> Any:
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as missing:
        raise ConfigError(
            f"[{named_in}] names {name!r}, but it cannot be imported: {missing}.",
            hint='Write "package.module:build", and install that package beside Kempelen.',
        ) from missing
