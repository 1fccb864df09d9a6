"""The change log of a collection, and cursors in it."""
