"""Project folders, their settings, and the command `newsreel`."""
