"""Search of posts: what a reader types, the index that answers it, and what is shown of what was found."""
