"""Alerts: notify people once when a problem begins and once when it ends."""
