"""WARC files: records and their HTTP messages, parsed, digested and decoded."""
