"""The measured sides: each runs in a process of its own, so that time and memory are its own."""
