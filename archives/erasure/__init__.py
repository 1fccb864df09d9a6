"""Erasing captures: records made unreadable in their WARC files, and a register that keeps them erased."""
