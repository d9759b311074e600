"""Outside systems: one folder a role, one file a system."""
