"""Where posts go that is no file here: a database, a message broker, a bucket."""
