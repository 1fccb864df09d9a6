"""Dates as publishers write them, read as aware instants with a precision."""
