"""One CDXJ line: the location and properties of a capture.

Spec: CDXJ 0.1.0.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from archives.urls import build_instant, count_micros, format_timestamp, format_warc_date, parse_warc_date, surt_key
from archives.warc.records import Truncated

if TYPE_CHECKING:
    from datetime import datetime

REVISIT_MIME: Final = "warc/revisit"
# What SQLite and a file's offset can hold.
_MOST_BYTES: Final = 2**63
_SIZE_DIGITS: Final = 19
_STATUS: Final = re.compile(r"[0-9]{1,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """Where one capture stands and what it is.

    Attributes:
        timestamp: 14 digits.
        mime: the media type the server gave, without parameters; `warc/revisit` for a revisit, `unk` if
            unknown.
        status: None if there is no HTTP head.
        digest: the payload digest as recorded; empty if it is not.
        length: of the gzip member.
    """

    urlkey: str
    timestamp: str
    url: str
    mime: str
    status: int | None
    digest: str
    length: int
    offset: int
    filename: str
    record_id: str
    captured_at: datetime
    truncated: Truncated | None = None


def dump_line(entry: IndexEntry) -> str:
    """One CDXJ line, without its line end.

    Spec: CDXJ 0.1.0; numbers are strings there, and a status that is none is `-`; `record_id`, `captured_at` and
    `truncated` are our own.
    """
    fields = {
        "url": entry.url,
        "mime": entry.mime,
        "status": "-" if entry.status is None else str(entry.status),
        "digest": entry.digest,
        "length": str(entry.length),
        "offset": str(entry.offset),
        "filename": entry.filename,
        "record_id": entry.record_id,
        "captured_at": format_warc_date(entry.captured_at),
        "truncated": entry.truncated,
    }
    text = json.dumps({key: value for key, value in fields.items() if value is not None}, ensure_ascii=True)
    return f"{entry.urlkey} {entry.timestamp} {text}"


def load_line(line: str) -> IndexEntry:
    """The entry of one CDXJ line.

    Raises:
        ValueError: the line is not one, or it leads out of the collection.
    """
    urlkey, timestamp, text = line.rstrip("\r\n").split(" ", 2)
    try:
        fields: dict[str, Any] = json.loads(text)
        status = str(fields.get("status", ""))
        return IndexEntry(
            urlkey=urlkey,
            timestamp=timestamp,
            url=_check_text(fields["url"]),
            mime=_check_text(fields.get("mime", "unk")),
            status=int(status) if _STATUS.fullmatch(status) else None,
            digest=_check_text(fields.get("digest", "")),
            length=_parse_size(fields["length"]),
            offset=_parse_size(fields["offset"]),
            filename=_check_filename(fields["filename"]),
            record_id=_check_text(fields["record_id"]),
            captured_at=parse_warc_date(fields["captured_at"]),
            truncated=Truncated(fields["truncated"]) if "truncated" in fields else None,
        )
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not an index line: {line[:120]!r}") from error


def _check_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a field that must be text is none")
    value.encode()  # lone surrogates can be neither stored nor shown
    return value


def _check_filename(value: object) -> str:
    """The name of a file, which is in a collection's `archive/`; any other would lead out of it."""
    name = _check_text(value)
    if not name or name.startswith(".") or {"/", "\\", "\0"} & set(name):
        raise ValueError(f"not the name of a WARC file: {name[:120]!r}")
    return name


def _parse_size(value: object) -> int:
    """A number of bytes that a file can have."""
    size = int(str(value)) if len(str(value)) <= _SIZE_DIGITS else -1
    if not 0 <= size < _MOST_BYTES:
        raise ValueError(f"no offset and no length: {str(value)[:40]!r}")
    return size


def dump_row(entry: IndexEntry) -> tuple[Any, ...]:
    """The entry as a row of a database, in the order of `load_row` but without the file's name."""
    return (
        entry.urlkey,
        count_micros(entry.captured_at),
        entry.url,
        entry.mime,
        entry.status,
        entry.digest,
        entry.length,
        entry.offset,
        entry.record_id,
        entry.truncated.value if entry.truncated else None,
    )


def load_row(row: tuple[Any, ...], filename: str) -> IndexEntry:
    """The entry of one row of a database: SURT key, microseconds since 1970, address, media type, status, digest,
    length, offset, record id, and why it was cut, if it was.
    """
    urlkey, micros, url, mime, status, digest, length, offset, record_id, truncated = row
    captured_at = build_instant(micros)
    return IndexEntry(
        urlkey=urlkey,
        timestamp=format_timestamp(captured_at),
        url=url,
        mime=mime,
        status=status,
        digest=digest,
        length=length,
        offset=offset,
        filename=filename,
        record_id=record_id,
        captured_at=captured_at,
        truncated=Truncated(truncated) if truncated else None,
    )


def find_key(url: str) -> str:
    """The SURT key of an address as it is in an index line, whose fields are parted by spaces."""
    return surt_key(url).replace(" ", "%20")
