"""What must be forgotten: captures made unreadable in their WARC files, and a register that keeps them so."""
