"""Tools for source definitions: drafts, dry runs over an archive, recorded cases."""
