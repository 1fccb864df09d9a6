"""Monitoring of crawls: progress, events, exit codes, health, metrics."""
