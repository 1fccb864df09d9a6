"""Finding the articles of a site that nobody has described: sitemaps, feeds, and the structure of its pages."""
