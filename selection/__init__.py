"""Which predictions are worth a person, and with what probability: one strategy a file."""

from selection._draws import Draw, Part
from selection._estimation import estimate, estimate_by, estimate_difference
from selection._mixture import AUDIT, ExpectedDraw, choose, expected_draw

__all__ = [
    "AUDIT",
    "Draw",
    "ExpectedDraw",
    "Part",
    "choose",
    "estimate",
    "estimate_by",
    "estimate_difference",
    "expected_draw",
]
