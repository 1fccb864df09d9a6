"""Thirty sources made by code, and what may happen to them."""
