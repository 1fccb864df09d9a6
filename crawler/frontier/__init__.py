"""What is still to fetch: leased to a worker, acknowledged when its work is on disk, never lost."""
