"""One captured page: its text, its tree, and the metadata in its head and scripts."""
