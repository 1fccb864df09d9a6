"""The commands a user types, one verb a file."""
