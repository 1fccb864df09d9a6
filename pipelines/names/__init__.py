"""Short texts as they appear in a post: headlines, tags, symbols of securities, slugs."""
