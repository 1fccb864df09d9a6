"""Posts made again from the archive alone, and the proof that they are the posts that are there."""
