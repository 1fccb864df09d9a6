"""Scheduled crawls: the loop that starts them, and their state."""
