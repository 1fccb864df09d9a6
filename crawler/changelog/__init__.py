"""What has become of every post since when: the log of changes of a collection, and places in it."""
