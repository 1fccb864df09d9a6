"""Publishing posts and changes: exports, feeds, webhooks, erasure."""
