"""Alerts: who hears of what goes wrong, once when it begins and once when it ends."""
