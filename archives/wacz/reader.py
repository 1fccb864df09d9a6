"""Reads WACZ files from elsewhere: names, sizes and links of the ZIP are checked before its bytes are read.

Nothing here extracts to a path that the ZIP names: entries are streams, and who writes them chooses where.

Spec: WACZ 1.1.1; APPNOTE.TXT 6.3 (ZIP).
"""

from __future__ import annotations

import io
import json
import stat
import zipfile
import zlib
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final, Self, cast

from archives.errors import PackageError
from archives.index.zipnum import MAX_LINE_BYTES
from archives.storage.streams import SeekableStream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

DATAPACKAGE: Final = "datapackage.json"
DIGEST: Final = "datapackage-digest.json"
PAGES: Final = "pages/pages.jsonl"
PAGE_LISTS: Final = "pages/"
MULTI_PROFILE: Final = "multi-wacz-package"
WARC_ENDINGS: Final = (".warc", ".warc.gz")
INDEX_ENDINGS: Final = (".cdx", ".cdxj", ".cdx.gz", ".cdxj.gz")

_CHUNK_BYTES: Final = 1024 * 1024
_MAX_DOCUMENT_BYTES: Final = 64 * 1024 * 1024
# Of the smallest values a document of that size holds thirty million, which take sixty times their size.
_MAX_DOCUMENT_VALUES: Final = 1_000_000
# Page lists and indexes shrink to a tenth; a file that shrinks to a hundredth and is large wants to fill a disk.
_BOMB_RATIO: Final = 100
_BOMB_BYTES: Final = 64 * 1024 * 1024
_LOCAL_HEADER_BYTES: Final = 30
_SECTION_BYTES: Final = 256 * 1024
_ENCRYPTED: Final = 0x1


class Bundle:
    """An open WACZ file.

    Attributes:
        faults: why entries must not be read, one sentence each; empty for a ZIP that is safe.
        preceding_bytes: what is in the file before the ZIP, such as another ZIP that was joined with it.
    """

    def __init__(self, path: Path) -> None:
        """Read the directory of the ZIP.

        Raises:
            PackageError: it is none.
            OSError: the file cannot be read.
        """
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise PackageError(f"{path.name} is not a ZIP file ({error}); a WACZ file is one", path=path) from error
        if any(info.header_offset < 0 for info in self._zip.infolist()):
            self._zip.close()
            raise PackageError(f"{path.name} is not a ZIP file (an entry begins before it does)", path=path)
        self.preceding_bytes = min((info.header_offset for info in self._zip.infolist()), default=0)
        self._infos = {info.filename: info for info in self._zip.infolist()}
        self.faults = list(_iter_faults(self._zip.infolist()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def check_safe(self) -> None:
        """Do nothing, unless the ZIP is not safe to read.

        Raises:
            PackageError: with its faults.
        """
        if self.faults:
            raise PackageError(
                f"{self.path.name} is not read: {'; '.join(self.faults[:3])}; get another copy from its maker",
                path=self.path,
            )

    def list_names(self, folder: str = "", endings: tuple[str, ...] = ("",)) -> list[str]:
        """The names of files below a folder, sorted; endings in any case."""
        return sorted(
            name
            for name in self._infos
            if name.startswith(folder) and name.lower().endswith(endings) and name[-1:] != "/"
        )

    def is_stored(self, name: str) -> bool:
        """Whether a file is in the ZIP as it is, so that it can be read from its middle."""
        return self._infos[name].compress_type == zipfile.ZIP_STORED

    def get_size(self, name: str) -> int:
        """The length of a file."""
        return self._infos[name].file_size

    def open_stream(self, name: str) -> IO[bytes]:
        """A file's bytes in order.

        Raises:
            PackageError: there is no such file, or the ZIP contradicts itself about it.
        """
        try:
            return cast("IO[bytes]", _Entry(self._zip.open(name), f"{name} in {self.path.name}", self.path))
        except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError) as error:
            raise PackageError(f"{self.path.name} has no readable {name} ({error})", path=self.path) from error

    def iter_chunks(self, name: str) -> Iterator[bytes]:
        """A file's bytes in large pieces; errors as in `open_stream`."""
        with self.open_stream(name) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk

    def iter_lines(self, name: str) -> Iterator[bytes]:
        """A file's lines without their ends; errors as in `open_stream`."""
        rest = b""
        for chunk in self.iter_chunks(name):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > MAX_LINE_BYTES:
                raise PackageError(
                    f"{name} in {self.path.name} has a line of more than {MAX_LINE_BYTES} bytes; get another copy",
                    path=self.path,
                )
            yield from (line.removesuffix(b"\r") for line in lines)
        if rest:
            yield rest

    def load_document(self, name: str) -> dict[str, Any]:
        """A JSON object.

        Raises:
            PackageError: there is none, or it is too large to be one.
        """
        data = bytearray()
        values = 0
        for chunk in self.iter_chunks(name):
            data += chunk
            values += sum(map(chunk.count, (b",", b"[", b"{")))
            if len(data) > _MAX_DOCUMENT_BYTES or values > _MAX_DOCUMENT_VALUES:
                raise PackageError(
                    f"{name} in {self.path.name} is larger than {_MAX_DOCUMENT_BYTES} bytes or holds more than "
                    f"{_MAX_DOCUMENT_VALUES} values; it is not read, since it would fill the memory",
                    path=self.path,
                )
        try:
            document = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise PackageError(f"{name} in {self.path.name} is not JSON ({error})", path=self.path) from error
        if not isinstance(document, dict):
            raise PackageError(f"{name} in {self.path.name} is not a JSON object", path=self.path)
        return document

    def open_section(self, name: str) -> BinaryIO:
        """A stored file's bytes as a stream that can be sought."""
        return cast("BinaryIO", io.BufferedReader(_Section(self, name), _SECTION_BYTES))

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        """Bytes from the middle of a stored file."""
        info = self._infos[name]
        with self.path.open("rb") as stream:
            stream.seek(info.header_offset)
            header = stream.read(_LOCAL_HEADER_BYTES)
            extra = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
            stream.seek(info.header_offset + _LOCAL_HEADER_BYTES + extra + offset)
            return stream.read(max(0, min(size, info.file_size - offset)))


class _Section(SeekableStream):
    """A stored file of the ZIP, read where it stands."""

    def __init__(self, bundle: Bundle, name: str) -> None:
        super().__init__()
        self._bundle = bundle
        self._name = name

    def _find_size(self) -> int:
        return self._bundle.get_size(self._name)

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer)).cast("B")
        data = self._bundle.read_at(self._name, self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


class _Entry(io.RawIOBase):
    """A file of the ZIP as a stream that says where it is damaged."""

    def __init__(self, stream: IO[bytes], place: str, path: Path) -> None:
        super().__init__()
        self._stream = stream
        self._place = place
        self._path = path

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer)).cast("B")
        try:
            data = self._stream.read(len(view))
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError) as error:
            fault = str(error) or "it ends early"
            raise PackageError(f"{self._place} is damaged ({fault})", path=self._path) from error
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _iter_faults(infos: list[zipfile.ZipInfo]) -> Iterator[str]:
    seen: set[str] = set()
    for info in infos:
        fault = _find_fault(info)
        if fault is not None:
            yield f"entry {info.filename!r} {fault}"
        if info.filename.casefold() in seen:
            yield f"entry {info.filename!r} is there twice"
        seen.add(info.filename.casefold())
    ordered = sorted(infos, key=lambda info: info.header_offset)
    for info, following in pairwise(ordered):
        if info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size > following.header_offset:
            yield f"entries {info.filename!r} and {following.filename!r} overlap"


def _find_fault(info: zipfile.ZipInfo) -> str | None:
    name = info.orig_filename
    parts = name.removesuffix("/").split("/")
    mode = info.external_attr >> 16
    if "\0" in name or "\\" in name or name.startswith("/") or ":" in parts[0] or {"", ".", ".."} & set(parts):
        return "has a name that leads elsewhere"
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
        return "is a link or a device"
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is compressed in a way that WACZ does not allow"
    if info.file_size > _BOMB_BYTES and info.file_size > info.compress_size * _BOMB_RATIO:
        return f"would grow from {info.compress_size} to {info.file_size} bytes"
    return None
