"""The folder that a user works in, its settings, and the command `newsreel`."""
