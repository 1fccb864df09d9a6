"""Reading pages without rules: feeds, sitemaps, lists, and articles recognised by their content."""
