"""Rewriting a captured page so that everything in it stays inside the archive."""
