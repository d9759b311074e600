"""What `kempelen COMMAND` does, one file a kind of command; console/main.py lists them."""
