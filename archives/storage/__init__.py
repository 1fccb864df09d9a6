"""Storage of a collection's files: on the local disk or in object storage, with locks."""
