"""A log of closed files: each entry is chained to the previous one, signed, and may be time-stamped."""
