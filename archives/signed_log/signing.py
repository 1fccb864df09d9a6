"""Updates a log: entries for files, a time-stamp, a new key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archives.signed_log.keys import SigningKey
from archives.signed_log.log import LogWriter, extend_log
from archives.signed_log.timestamps import add_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archives.storage.collection import Collection


def sign_collection(
    collection: Collection,
    key_file: Path,
    *,
    authority: str = "",
    next_key_file: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> str:
    """Log every closed file that is not in the log, then announce a key, then have the last entry time-stamped.

    Args:
        key_file: made if it is not there.
        authority: address of a time-stamp authority; empty for none.
        next_key_file: likewise made; later entries are signed with it.

    Returns:
        What was done, in words.

    Raises:
        SignatureError: a key cannot be read, the log is damaged or signed with another, the authority gives nothing.
        OSError: the log cannot be written.
    """
    key = SigningKey.load(key_file, create=True)
    added = extend_log(collection, key, progress=progress)
    done = [f"{added} entries added to the signed log"]
    with LogWriter(collection, key) as writer:
        # First, since what follows is signed with the new key.
        if authority:
            add_timestamp(writer, authority)
            done.append("time-stamped")
        if next_key_file is not None:
            writer.announce_key(SigningKey.load(next_key_file, create=True))
            done.append(f"later entries are signed with {next_key_file.name}")
    return ", ".join(done)
