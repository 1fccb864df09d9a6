"""Fetching pages: capture, limits, and the addresses that may be requested."""
