"""Copies of files whose writer was wrong, with what was wrong made right and each change told."""
