"""One captured page: its text, its tree, and what its head and its scripts say about it."""
