"""Finding the parts of an article on a page that no rule describes."""
