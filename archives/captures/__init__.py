"""Writing captures, deduplicating them, resolving revisits, and recovering what a killed writer left."""
