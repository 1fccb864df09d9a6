"""The frontier: requests are leased to a worker, acknowledged when their results are on disk, and never lost."""
