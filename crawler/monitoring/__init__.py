"""How a crawl goes and how it went: progress, events, exit codes, health, metrics."""
