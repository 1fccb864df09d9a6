"""Merges small WARC files into one per day, and lists where the bytes of each file are now."""
