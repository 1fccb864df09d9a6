"""Statements joined into posts, and posts written to files."""
