"""Sessions: secrets, cookies and log-in of a source, sent to its publisher only and never stored."""
