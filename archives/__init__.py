"""What came over the wire: exchanges kept as WARC records, found again by index, proved by digest.

This package knows bytes. It imports neither a crawler nor a post, and works for someone who holds only the
files.
"""
