"""Fixity: checks every byte of a collection against its digests and its index."""
