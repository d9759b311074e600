"""Where model versions are kept, one system a file."""
