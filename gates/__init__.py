"""May the challenger replace the champion? One gate a file."""
