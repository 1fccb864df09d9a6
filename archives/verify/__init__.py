"""Fixity: whether every byte of a collection is what its digests and its index say."""
