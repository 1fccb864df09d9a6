"""Appends captures to a collection: one gzip member per record, no partial writes, files closed by rename.

A file is called `.open` and locked while a writer lives. Every exchange goes out in one go, and the file is
cut back if the disk does not take all of it, so that a file always ends where a member ends.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from archives.captures.open_files import OpenFile, skip_bytes
from archives.captures.secrets import MASKED_HEADERS, mask_secrets
from archives.errors import CollectionError, DiskFull, RecordError, WriteError
from archives.index.cdxj import REVISIT_MIME, IndexEntry, dump_line, find_key
from archives.index.methods import find_request_key
from archives.index.sidecars import write_sidecar
from archives.storage.collection import OPEN_SUFFIX, Collection
from archives.storage.files import is_same_file, lock_file, sync_directory
from archives.urls import format_timestamp
from archives.warc.digests import WRITTEN, can_write_digest
from archives.warc.http_responses import Answer, build_answer
from archives.warc.members import compress_parts, load_compressor, store_member
from archives.warc.messages import find_mime
from archives.warc.records import (
    RECORD_END,
    BuiltRecord,
    Exchange,
    Location,
    Original,
    Truncated,
    build_conversion,
    build_exchange,
    build_record_id,
    build_remark,
    build_resource,
    build_surplus,
    build_warcinfo,
    quote_uri,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    from archives.captures.deduplication import Originals

MAX_BYTES: Final = 1_000_000_000
_LARGE_BYTES: Final = 1024 * 1024
_PREFIX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class WarcWriter:
    """Writes exchanges to `archive/<prefix>-<timestamp>-<serial>-<token>.warc.gz`, from one thread.

    Args:
        originals: what not to keep twice; without it every response is kept.
        min_free_bytes: room on the disk that no record may take.
        digest: the algorithm of block and payload digests, one of `archives.warc.digests.WRITTEN`.

    Attributes:
        digest_algorithm: as given.
        bytes_written: compressed, over all files.
        records_written: over all files, warcinfo records included.
    """

    def __init__(  # noqa: PLR0913 (independent options, passed by name)
        self,
        collection: Collection,
        *,
        info: Mapping[str, str],
        prefix: str,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], uuid.UUID] = uuid.uuid4,
        token: str | None = None,
        mask: bool = True,
        originals: Originals | None = None,
        min_free_bytes: int = 0,
        digest: str = "sha1",
    ) -> None:
        if not can_write_digest(digest):
            raise CollectionError(
                f"digests of {digest!r} cannot be written here; use one of {', '.join(WRITTEN)}, and for the last "
                "pip install 'newsreel[blake3]'"
            )
        token = secrets.token_hex(4) if token is None else token
        for part in (prefix, token):
            if not _PREFIX.fullmatch(part):
                raise CollectionError(
                    f"{part!r} cannot be part of a file name; use letters, digits, dots, hyphens, underscores"
                )
        self.bytes_written = 0
        self.records_written = 0
        self._collection = collection
        self._info = {**info, "masked-request-headers": ", ".join(MASKED_HEADERS) if mask else "none"}
        self._prefix = prefix
        self._token = token
        self._max_bytes = max_bytes
        self._clock = clock
        self._new_id = new_id
        self._mask = mask
        self._originals = originals
        self._min_free_bytes = min_free_bytes
        self.digest_algorithm = digest
        self._serial = 0
        self._compress = load_compressor()
        self._file: OpenFile | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, exchange: Exchange, answer: Answer | None = None) -> Location:
        """Write the records of an exchange, all or none of them.

        Args:
            answer: of `exchange`, if it has been built.

        Raises:
            DiskFull: there is no room for them; the file ends where it did before.
            WriteError: the disk did not take them, likewise.
            RecordError: the address or another value cannot be in a record's header.
        """
        if self._mask:
            exchange = replace(exchange, raw_request=mask_secrets(exchange.raw_request))
        if answer is None or not answer.payload_digest.startswith(f"{self.digest_algorithm}:"):
            answer = build_answer(exchange.raw_response, self.digest_algorithm)
        original = self._originals.find(exchange, answer) if self._originals else None
        file = self._ensure_file()
        records = build_exchange(
            exchange,
            warcinfo_id=file.warcinfo_id,
            new_id=self._new_id,
            answer=answer,
            original=original,
            algorithm=self.digest_algorithm,
        )
        location = self._append(file, records, quote_uri(exchange.url), exchange.began_at)
        self._remember(location, exchange, answer, original)
        is_head_kept = original is None or answer.head.status != 304
        self._list(
            file,
            location,
            mime=REVISIT_MIME if location.is_revisit else answer.mime,
            status=answer.head.status if is_head_kept else None,
            truncated=exchange.truncated,
            urlkey=find_request_key(location.url, exchange.raw_request),
        )
        return location

    def _remember(self, location: Location, exchange: Exchange, answer: Answer, original: Original | None) -> None:
        """Let later exchanges be revisits of this one, or of its original, if it is a whole page."""
        if self._originals is None or answer.head.status != 200 or not answer.has_payload or exchange.truncated:
            return
        new = Original(
            record_id=location.record_id,
            url=location.url,
            captured_at=location.captured_at,
            payload_digest=location.payload_digest,
            is_chunked=answer.is_chunked,
            etag=answer.head.get(b"ETag") or b"",
        )
        self._originals.remember(location.url, original or new)

    def write_resource(self, uri: str, content_type: str, data: bytes) -> Location:
        """Write bytes that came without a protocol head, dated now; errors as in `write`."""
        file = self._ensure_file()
        at = self._clock()
        record = build_resource(
            uri,
            content_type,
            data,
            at=at,
            warcinfo_id=file.warcinfo_id,
            record_id=build_record_id(self._new_id()),
            algorithm=self.digest_algorithm,
        )
        location = self._append(file, [record], quote_uri(uri), at)
        self._list(file, location, mime=find_mime(content_type))
        return location

    def write_conversion(
        self,
        uri: str,
        content_type: str,
        data: bytes,
        *,
        of: str,
        at: datetime,
        remarks: Iterable[tuple[str, str]] = (),
    ) -> Location:
        """Write what was made of a capture; errors as in `write`.

        Args:
            of: record id of the capture.
            at: when it was made.
            remarks: names and values that say how; they are in a metadata record beside it.
        """
        file = self._ensure_file()
        made = build_conversion(
            uri,
            content_type,
            data,
            of=of,
            at=at,
            warcinfo_id=file.warcinfo_id,
            record_id=build_record_id(self._new_id()),
            algorithm=self.digest_algorithm,
        )
        records = [made]
        lines = list(remarks)
        if lines:
            remark = build_remark(
                lines,
                made.record_id,
                at,
                warcinfo_id=file.warcinfo_id,
                record_id=build_record_id(self._new_id()),
                algorithm=self.digest_algorithm,
            )
            records.append(remark)
        location = self._append(file, records, quote_uri(uri), at)
        self._list(file, location, mime=find_mime(content_type))
        return location

    def write_surplus(self, record_id: str, captured_at: datetime, data: bytes) -> None:
        """Write bytes that came behind a response which has been written already; errors as in `write`.

        Args:
            record_id: of the response.
        """
        file = self._ensure_file()
        record = build_surplus(
            data,
            record_id,
            captured_at,
            warcinfo_id=file.warcinfo_id,
            new_record_id=build_record_id(self._new_id()),
            algorithm=self.digest_algorithm,
        )
        self._append(file, [record], "", captured_at)

    def sync(self) -> None:
        """Return only when everything written is on the disk.

        Raises:
            WriteError: the disk would not say so.
        """
        file = self._file
        if file is None or not file.is_dirty:
            return
        try:
            os.fsync(file.descriptor)
            if not file.is_listed:
                sync_directory(file.path.parent)
        except OSError as error:
            raise file.build_error(error) from error
        file.is_dirty = False
        file.is_listed = True

    def close(self) -> None:
        """Make the file durable, name it, write its sidecar; a file without captures is removed.

        Raises:
            WriteError: the disk would not; what is missing, the name or the sidecar, is left to salvage.
        """
        file = self._file
        if file is None:
            return
        self._file = None
        try:
            self._close_file(file)
        except OSError as error:
            if self._originals is not None:
                self._originals.forget()
            raise file.build_error(error) from error
        finally:
            os.close(file.descriptor)

    def _close_file(self, file: OpenFile) -> None:
        if not file.lines:
            file.path.unlink()
            return
        os.ftruncate(file.descriptor, file.size)
        os.fsync(file.descriptor)
        file.path.rename(file.path.with_name(file.filename))
        sync_directory(file.path.parent)
        write_sidecar(self._collection, file.filename, file.lines)

    def _build_member(self, record: BuiltRecord) -> bytes | bytearray:
        if record.dense_at is not None:
            dense = memoryview(record.block)[record.dense_at :]
            return store_member(record.header + record.block[: record.dense_at], dense, RECORD_END)
        if len(record.block) > _LARGE_BYTES:
            return compress_parts(record.header, record.block, RECORD_END)
        return self._compress(record.data)

    def _append(self, file: OpenFile, records: list[BuiltRecord], url: str, at: datetime) -> Location:
        """Write the records; the location is that of the first."""
        members = [self._build_member(record) for record in records]
        offset = file.size
        self._put(file, *members)
        self.records_written += len(records)
        return Location(
            record_id=records[0].record_id,
            captured_at=at.astimezone(UTC),
            payload_digest=records[0].payload_digest,
            filename=file.filename,
            offset=offset,
            length=len(members[0]),
            url=url,
            is_revisit=records[0].is_revisit,
        )

    def _list(
        self,
        file: OpenFile,
        location: Location,
        *,
        mime: str,
        status: int | None = None,
        truncated: Truncated | None = None,
        urlkey: str = "",
    ) -> None:
        """Note a capture for the sidecar."""
        entry = IndexEntry(
            urlkey=urlkey or find_key(location.url),
            timestamp=format_timestamp(location.captured_at),
            url=location.url,
            mime=mime,
            status=status,
            digest=location.payload_digest,
            length=location.length,
            offset=location.offset,
            filename=location.filename,
            record_id=location.record_id,
            captured_at=location.captured_at,
            truncated=truncated,
        )
        file.lines.append(dump_line(entry))

    def _put(self, file: OpenFile, *members: bytes | bytearray) -> None:
        """Add whole members to the file, all of them in one go, or leave it as it was."""
        size = sum(map(len, members))
        self._leave_room(file, size)
        done = 0
        try:
            while done < size:
                done += os.pwritev(file.descriptor, skip_bytes(members, done), file.size + done)
        except OSError as error:
            # A disk that is beyond even this loses nothing: the next write begins at the same place.
            with contextlib.suppress(OSError):
                os.ftruncate(file.descriptor, file.size)
            raise file.build_error(error) from error
        file.size += done
        file.is_dirty = True
        self.bytes_written += done

    def _leave_room(self, file: OpenFile, size: int) -> None:
        """Refuse to take the room on the disk that is to be left."""
        if not self._min_free_bytes:
            return
        disk = os.fstatvfs(file.descriptor)
        free = disk.f_bavail * disk.f_frsize
        if free - size < self._min_free_bytes:
            raise DiskFull(
                f"{free} bytes are free on the disk of {file.path.name}, and {self._min_free_bytes} are to be left; "
                "what was written before is whole: make room on the disk and run again",
                path=file.path,
                offset=file.size,
            )

    def _ensure_file(self) -> OpenFile:
        """The file being written; made, with its warcinfo record, if there is none or it has grown enough."""
        if self._file is not None and self._file.size >= self._max_bytes:
            self.close()
        if self._file is None:
            file = self._make_file()
            try:
                self._put(file, self._compress(self._build_warcinfo(file).data))
            except (WriteError, RecordError):
                file.path.unlink()
                os.close(file.descriptor)
                raise
            self.records_written += 1
            self._file = file
        return self._file

    def _build_warcinfo(self, file: OpenFile) -> BuiltRecord:
        return build_warcinfo(
            self._info,
            filename=file.filename,
            at=self._clock(),
            record_id=file.warcinfo_id,
            algorithm=self.digest_algorithm,
        )

    def _make_file(self) -> OpenFile:
        """Create a file that no other process has, and lock it."""
        stamp = format_timestamp(self._clock())
        while True:
            name = f"{self._prefix}-{stamp}-{self._serial:05}-{self._token}.warc.gz"
            self._serial += 1
            path = self._collection.archive_dir / (name + OPEN_SUFFIX)
            if path.with_name(name).exists():
                continue
            descriptor = self._create(path)
            if descriptor is not None:
                warcinfo_id = build_record_id(self._new_id())
                return OpenFile(path=path, descriptor=descriptor, warcinfo_id=warcinfo_id)

    def _create(self, path: Path) -> int | None:
        """A descriptor that holds the file's lock; None if the name is taken or a salvage got there first."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            return None
        except OSError as error:
            raise WriteError(
                f"cannot make {path.name} in {path.parent} ({error.strerror}); make room or fix its permissions",
                path=path,
            ) from error
        if lock_file(descriptor) and is_same_file(descriptor, path):
            return descriptor
        os.close(descriptor)
        return None
