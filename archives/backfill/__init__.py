"""What others hold of the past: captures from their WARC files and web archives, taken into a collection."""
