"""Small WARC files joined to one a day, and a list of which file each byte was written to."""
