"""The books of human effort: append-only, double entry, balanced by construction."""
