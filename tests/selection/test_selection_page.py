"""The page about selection says what the run found."""

from typing import Any

import numpy as np

from benchmarks._selection_methods import LESS_AUDIT, MIXTURES, OURS, RANDOM
from benchmarks._selection_page import page
from benchmarks._selection_tally import Reached
from benchmarks.selection import _rows
from kempelen.settings import SelectionSettings


def level() -> dict[str, Reached]:
    minutes = {"Kempelen": (20.0, 30.0), RANDOM[0]: (200.0, 300.0), RANDOM[1]: (100.0, 150.0), "margin": (50.0, 60.0)}
    return {name: Reached(minutes=np.array(of), reached=2, trained_share=0.7) for name, of in minutes.items()}


def test_rows_are_sorted_and_compared_with_the_quicker_way_of_asking_at_random() -> None:
    rows = _rows(level())
    assert [row["asking"] for row in rows] == ["Kempelen", "margin", RANDOM[1], RANDOM[0]]
    assert [row["over_random"] for row in rows] == [0.2, 0.447, 1.0, 2.0]


def test_a_quick_run_says_so_and_every_figure_is_on_the_page() -> None:
    ratios = ("random_query", "random_prediction", "best_classic", "best_peer")
    figures: dict[str, Any] = {f"minutes_over_{name}": 0.1 + n / 10 for n, name in enumerate(ratios)}
    figures["stationary_minutes_over_random_worst"] = 0.8
    figures |= {f"less_audit_{name}": value / 2 for name, value in figures.items()}
    figures |= {f"{name}_interval": [0.05, 1.5] for name in figures}
    figures |= {"best_classic": "margin", "best_peer": "badge", "corona": _rows(level())}
    figures["stationary, within 1%"] = _rows(level())
    mixtures = {OURS: {"shares": {"audit": 0.2, "margin": 0.8}, "audit_fraction": 1 / 3}}
    mixtures[LESS_AUDIT] = {"shares": {"audit": 0.1, "margin": 0.9}, "audit_fraction": 0.2}
    settings = {"quick": True, "seeds": 2, **mixtures}
    written = page({"figures": figures, "peers": {"p": "1.0"}, "settings": settings | {"items": [36], "columns": 8192}})
    for found in (
        "not for quoting",
        "p 1.0, 2 seeds",
        "**10 %** (5 % to 150 %)",
        "**40 %**",
        "audit 0.2, margin 0.8; `audit_fraction` 0.33",
        "**20 %**",
        "margin 0.9",
    ):
        assert found in written
    assert "| Kempelen | 25 (20 to 30) | 20 %" in written


def test_ours_is_measured_as_it_is_delivered() -> None:
    default = SelectionSettings()
    assert (MIXTURES[OURS].shares, MIXTURES[OURS].audit_fraction) == (default.shares, default.audit_fraction)
