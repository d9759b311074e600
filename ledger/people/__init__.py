"""The rights of those who did the work: pseudonyms that can be cut, a statement of their own, a say, and privacy."""
