"""A definition drafted from a page as a browser shows it, and from the JSON that its scripts fetched."""
