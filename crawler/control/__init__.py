"""Start and stop crawls from a browser: only where it is asked for, on a port and behind a token of its own."""
