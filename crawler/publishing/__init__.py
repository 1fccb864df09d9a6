"""What becomes of posts once they are made: versions, the log of changes, exports and those who are told of them."""
