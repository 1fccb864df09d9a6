"""Pages and documents that no rule describes: feeds, sitemaps, lists, and articles recognised by their content."""
