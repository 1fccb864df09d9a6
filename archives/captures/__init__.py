"""Writing captures, deduplicating them, resolving revisits, and recovering files of killed writers."""
