"""Which predictions are worth a person, and with what probability: one strategy a file."""

from selection._mixture import AUDIT, choose

__all__ = ["AUDIT", "choose"]
