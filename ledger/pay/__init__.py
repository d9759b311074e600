"""Pay: what people are owed for their effort, the floor under it, and what a version cost."""
