"""Where the files of a collection lie: on this disk, in object storage, locked or free."""
