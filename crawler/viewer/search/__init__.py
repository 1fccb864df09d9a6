"""Search of posts: the query language, the index, and the results."""
