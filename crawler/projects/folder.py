"""A project folder: the location of settings, sources and data.

It is the nearest folder, from the working directory upwards, that holds `newsreel.toml` or `scrapy.cfg`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

CONFIGURATION: Final = "newsreel.toml"
SOURCES: Final = "sources"
_MARKS: Final = (CONFIGURATION, "scrapy.cfg")


def find_folder(start: Path | None = None) -> Path | None:
    """Return the project folder that a path is in, or None.

    Args:
        start: defaults to the working directory.
    """
    try:
        start = (start or Path.cwd()).resolve()
    except FileNotFoundError:  # the working directory was deleted
        return None
    for folder in (start, *start.parents):
        if any((folder / mark).is_file() for mark in _MARKS):
            return folder
    return None


def find_own_sources() -> Path | None:
    """Return the folder of the project's own source definitions, or None if there is none."""
    folder = find_folder()
    sources = folder / SOURCES if folder else None
    return sources if sources and sources.is_dir() else None
