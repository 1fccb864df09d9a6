"""What is going on: crawls under way, what is due, and how each source is doing."""
