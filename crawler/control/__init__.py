"""Start and stop crawls from a browser: only where it is requested, on a port and behind its own token."""
