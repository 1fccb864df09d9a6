"""Where posts go that is not a file here: a database, a message broker, a bucket."""
