"""What a person types: the command line, the local stack, the demo."""
