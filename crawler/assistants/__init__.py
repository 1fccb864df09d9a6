"""The archive for AI assistants: bounded, read-only tools with verifiable answers."""
