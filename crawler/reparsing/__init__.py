"""Rebuilding posts from the archive, and comparing them with the existing ones."""
