"""Telling the orchestrator what happened: its artifacts and events."""
