"""The collection named on a command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.storage.collection import Collection, list_collections

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings


def find_data_dir(settings: BaseSettings | None) -> Path:
    """Return the data directory.

    Raises:
        UsageError: there is none, so it may be mistyped.
    """
    assert settings is not None
    data_dir = Path(settings["DATA_DIR"])
    if not data_dir.is_dir():
        words = f"there is no data directory {data_dir}: nothing was crawled yet, or DATA_DIR names another place"
        raise UsageError(words, print_help=False)
    return data_dir


def open_named(settings: BaseSettings | None, names: list[str]) -> Collection:
    """Return the one collection that is named.

    Raises:
        UsageError: none or several are, or there is no such collection.
    """
    if len(names) != 1:
        raise UsageError("name one collection")
    return _open(settings, names[0])


def open_only(settings: BaseSettings | None, names: list[str], *, how: str) -> Collection:
    """Return the one collection that is named; without a name the only one there is.

    Args:
        how: a collection is named, for the sentence that asks for it.

    Raises:
        UsageError: several are named, or none and there is not just one; or there is no such collection.
    """
    names = names or list_collections(find_data_dir(settings))
    if len(names) != 1:
        raise UsageError(f"{how}; there are {', '.join(names) or 'none'}", print_help=False)
    return _open(settings, names[0])


def _open(settings: BaseSettings | None, name: str) -> Collection:
    assert settings is not None
    try:
        return Collection.open(Path(settings["DATA_DIR"]), name)
    except ArchiveError as error:
        raise UsageError(str(error), print_help=False) from error
