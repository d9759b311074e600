"""One pass of the loop as plain functions, and the wiring that builds what they need."""
