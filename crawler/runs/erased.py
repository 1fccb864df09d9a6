"""The erased addresses of the collection that a run writes to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from archives.erasure.register import Register, load_register
from archives.storage.collection import Collection

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings


def find_register(settings: BaseSettings) -> Register:
    """Return the register of a run's collection; it is empty if the run keeps no archive.

    Raises:
        archives.errors.CollectionError: the register is damaged.
    """
    name = settings["COLLECTION"]
    if settings.get("ARCHIVE_MODE") != "capture" or not name:
        return Register(Path())
    return load_register(Collection(Path(settings["DATA_DIR"], "collections", name)))
