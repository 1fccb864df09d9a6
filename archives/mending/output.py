"""Write records of one file to another, byte for byte unless changed, with a record of each change."""

from __future__ import annotations

import uuid
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Final

from archives.storage.copying import hash_parts, iter_range
from archives.storage.remote_files import open_warc
from archives.warc.members import compress_parts, iter_compressed
from archives.warc.records import RECORD_END, RecordType, build_metadata

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from archives.mending.units import RecordUnit

_GZIP: Final = b"\x1f\x8b"


class RecordOutput:
    """One file being written.

    Args:
        stream: to write to.
        source: the file that units come from.
        name: of the new file; its records are gzip members where it ends in `.gz`.
        sha256: of the file that units come from.
        at: what records of changes state as their date.
    """

    def __init__(self, stream: BinaryIO, source: BinaryIO, *, name: str, sha256: str, at: str) -> None:
        self.sha256 = sha256
        self._stream = stream
        self._source = source
        self._at = at
        self._is_packed = name.endswith(".gz")
        # A file may be called .gz and hold plain records; what it holds tells, and a copy is what its name says.
        source.seek(0)
        start = source.read(len(_GZIP) + 2)
        self._is_copied = start.startswith(_GZIP) if self._is_packed else start[:1] in b"W\r\n"
        self._warcinfo = ""

    def write(self, unit: RecordUnit) -> None:
        """Write a record as it stands."""
        record = unit.record
        if not unit.is_alone or not self._is_copied:
            self.put(unit.header, record.iter_block(), is_large=record.is_large)
        else:
            self._stream.writelines(iter_range(self._source, unit.offset, unit.length))
            if not self._is_packed:
                self._stream.write(RECORD_END)
        if record.type == RecordType.WARCINFO:
            self._warcinfo = record.record_id

    def put(self, header: bytes, block: Iterable[bytes], *, is_large: bool = False) -> None:
        """Write a record.

        Args:
            header: blank line included.
            is_large: it is not to be held in memory.
        """
        parts = chain((header,), block, (RECORD_END,))
        if not self._is_packed:
            self._stream.writelines(parts)
        elif is_large:
            self._stream.writelines(iter_compressed(parts))
        else:
            self._stream.write(compress_parts(*parts))

    def write_note(self, number: int, fields: Iterable[tuple[str, str]], *, refers_to: str = "") -> None:
        """Write a record of a change.

        Args:
            number: of the change in the file; the record's id follows from it and the original file.
        """
        record_id = f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, f'{self.sha256} {number}')}>"
        header = f"WARC-Date: {self._at}\r\n"
        header += f"WARC-Warcinfo-ID: {self._warcinfo}\r\n" if self._warcinfo else ""
        header += f"WARC-Refers-To: {refers_to}\r\n" if refers_to else ""
        block = "".join(f"{name}: {value}\r\n" for name, value in (("software", "Newsreel"), *fields))
        built = build_metadata(
            block.encode("utf-8", "replace"), header, record_id, content_type="application/warc-fields"
        )
        self.put(built.header, (built.block,))

    def hash_source(self, offset: int, length: int) -> str:
        """Return the SHA-256 of bytes of the file that units come from, hexadecimal."""
        return hash_parts(iter_range(self._source, offset, length))


def hash_warc(path: Path) -> str:
    """Return the SHA-256 of a WARC file, wherever it is."""
    with open_warc(path) as stream:
        return hash_parts(iter_range(stream))
