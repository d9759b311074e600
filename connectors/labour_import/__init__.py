"""Work that people did elsewhere, as the exports of those places tell it: one format a file."""
