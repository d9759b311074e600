"""Rows for the prediction log."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

NOON = datetime(2020, 1, 20, 12, tzinfo=UTC)


def a_row(**changes: Any) -> dict[str, Any]:
    return {
        "text": "Corona beer?",
        "probabilities": {"food": 0.75, "health": 0.25},
        "user": "ada",
        "at": NOON,
        "model_version": "1",
    } | changes


@pytest.fixture(scope="session")
def row() -> Callable[..., dict[str, Any]]:
    return a_row
