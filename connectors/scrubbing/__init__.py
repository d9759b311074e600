"""Personal data is taken out of queries before people see them: one scrubber a file, and what becomes of candidates."""

from connectors.scrubbing._merging import merged, showable

__all__ = ["merged", "showable"]
