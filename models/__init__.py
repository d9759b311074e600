"""Text classifiers, one a file."""
