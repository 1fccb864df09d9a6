"""What is kept of a source and for how long, and how the rest is let go."""
