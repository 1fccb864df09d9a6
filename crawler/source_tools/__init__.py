"""Making and mending source definitions: drafts, dry runs over an archive, recorded cases."""
