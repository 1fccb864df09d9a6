"""The former name of `crawler.publishing`: imports of it that were documented still work, and warn."""
