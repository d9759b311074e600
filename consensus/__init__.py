"""Which label the answers support: one rule a file."""
