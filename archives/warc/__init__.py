"""What a WARC file holds: records and the HTTP messages in them, parsed, digested and decoded."""
