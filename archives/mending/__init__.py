"""Repaired copies of WARC files from non-conforming writers, with a record of each change."""
