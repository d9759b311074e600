"""The system in which people label."""
