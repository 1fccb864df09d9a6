"""Statements merged into posts, and posts written to files."""
