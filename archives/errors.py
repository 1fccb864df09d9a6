"""Exceptions of the archive, as one hierarchy.

    ArchiveError
    ├── CollectionError   the directory: a bad name, missing, not writable, held by another process
    ├── RecordError       the bytes: a damaged member, record or message
    │   └── MessageError  ... or an undamaged message that browsers cannot read either
    ├── PackageError      the WACZ file: not a ZIP, not safe to read, not what it says
    ├── SignatureError    the signed log: a key that is none or another, a time-stamp that cannot be obtained
    ├── NotArchived       the question: no capture answers it
    ├── BackfillError     the server or file of others: not reached, or not what is requested
    ├── StoreError         the object storage: not reached, not there, not what was put
    ├── DatabaseError      the SQLite file: damaged, or of a version that this program cannot read
    ├── RegistryError      the database where machines tell what they hold: not reached, or refusing
    └── WriteError        the disk: it took fewer bytes than it was given
        └── DiskFull      ... because it has no more room, or less than is to be left

Every error reads *what - where - what next* and carries the where as attributes, so that a report can be
built without reading the sentence.
"""

from __future__ import annotations

import sqlite3
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class ArchiveError(Exception):
    """The root of the tree.

    Attributes:
        path: the file or directory concerned.
        offset: bytes from the start of the file to the member or record.
        record_id: `<urn:uuid:...>`, when the record could tell.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | None = None,
        offset: int | None = None,
        record_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.path = path
        self.offset = offset
        self.record_id = record_id


class CollectionError(ArchiveError):
    """The collection's directory or name cannot be used."""


class Damage(StrEnum):
    """In what way bytes are not the record they should be."""

    TRUNCATED_MEMBER = "truncated-member"
    DAMAGED_MEMBER = "damaged-member"
    OVERSIZE_MEMBER = "oversize-member"
    SHARED_MEMBER = "shared-member"
    INSIDE_DAMAGE = "inside-damage"
    BAD_RECORD = "bad-record"


class RecordError(ArchiveError):
    """Bytes that should be a record, or a message inside one, are not.

    Attributes:
        damage: whether the gzip member ends with the file, is damaged, is too large to read, is shared with another
            record, may be a part of a damaged one, or inflates to something else.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | None = None,
        offset: int | None = None,
        record_id: str | None = None,
        damage: Damage = Damage.BAD_RECORD,
    ) -> None:
        super().__init__(message, path=path, offset=offset, record_id=record_id)
        self.damage = damage


class MessageError(RecordError):
    """What a server sent is not HTTP, or its body is not in the content coding that it announces."""


class NotArchived(ArchiveError):
    """No capture exists for what was asked."""


class PackageError(ArchiveError):
    """A WACZ file cannot be made or cannot be read."""


class SignatureError(ArchiveError):
    """The log of a collection cannot be signed, time-stamped or checked with what was given."""


class BackfillError(ArchiveError):
    """What others hold cannot be read."""


class StoreError(ArchiveError, OSError):
    """The object storage does not give or take what it should."""


class DatabaseError(ArchiveError, sqlite3.DatabaseError):
    """A SQLite file that cannot be rebuilt from the archive is damaged, or of another version."""


class RegistryError(ArchiveError):
    """The database where several machines tell what they hold of a collection does not give or take what it should."""


class WriteError(ArchiveError):
    """The disk did not take a record; the file was put back to its last whole record."""


class DiskFull(WriteError):
    """The disk has no room for a record, or would have less than the limit behind it."""


def refuse(error: ArchiveError) -> None:
    """Raise an error: the handler of readers that stop at the first damage."""
    raise error
