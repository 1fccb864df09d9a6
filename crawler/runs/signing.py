"""Updates the signed log of a collection if a key is configured."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from archives.errors import SignatureError
from archives.signed_log.keys import SigningKey
from archives.signed_log.log import LogWriter, extend_log
from archives.signed_log.timestamps import add_timestamp

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from archives.storage.collection import Collection

logger = logging.getLogger(__name__)


def sign_files(collection: Collection, settings: BaseSettings) -> int:
    """Log closed files that are not in the log yet, and have the last entry time-stamped if a setting says by whom.

    What cannot be signed is logged as an error: the files are whole, and the next call signs them.

    Returns:
        How many entries were added.
    """
    if not settings["ARCHIVE_LOG_KEY"]:
        return 0
    try:
        key = SigningKey.load(Path(settings["ARCHIVE_LOG_KEY"]), create=True)
        added = extend_log(collection, key)
        if added and settings["ARCHIVE_TIMESTAMP_URL"]:
            with LogWriter(collection, key) as writer:
                add_timestamp(writer, settings["ARCHIVE_TIMESTAMP_URL"])
    except (SignatureError, OSError) as error:
        logger.error("The log of %s is not up to date: %s", collection.name, error)
        return 0
    return added
