"""Packs a collection into one WACZ file, and unpacks such files.

Spec: WACZ 1.1.1.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, Self

from archives.errors import ArchiveError, CollectionError, PackageError, refuse
from archives.index.zipnum import iter_blocks
from archives.storage.collection import WARC_SUFFIXES, Collection
from archives.storage.files import replace_file
from archives.storage.remote_files import find_size, open_warc
from archives.transfer.importing import Added, add_stream
from archives.wacz.pages import Page, iter_file_lines, iter_page_lines, list_page_lists, merge_page_list
from archives.wacz.reader import DATAPACKAGE, DIGEST, MULTI_PROFILE, PAGE_LISTS, PAGES, WARC_ENDINGS, Bundle
from archives.wacz.sign import build_signature, load_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO


VERSION: Final = "1.1.1"
SOFTWARE: Final = "Newsreel"
# Up to here a browser reads the whole index at once sooner than it would look something up in blocks.
MAX_PLAIN_LINES: Final = 10_000
MAX_OPEN_FILES: Final = 200
_CHUNK_BYTES: Final = 1024 * 1024
_UNIX: Final = 3
_NOT_IN_RESOURCE_NAME: Final = re.compile(r"[^a-z0-9._-]+")
_MOST_LIST_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What a WACZ file holds.

    Attributes:
        captures: lines of its index.
        left_out: files of the collection that have no place in a WACZ file, such as ARC files.
    """

    path: Path
    warcs: int
    captures: int
    left_out: list[str]


def pack_collection(
    collection: Collection,
    target: Path,
    *,
    title: str = "",
    created: datetime | None = None,
    key_file: Path | None = None,
    pages: Iterable[Page] = (),
) -> Packed:
    """Write the closed files of a collection, their index and pages to a WACZ file, which appears when it is whole.

    Args:
        created: aware; now, if it is not given.
        key_file: signs with the private key in that PEM file, which is made if it is not there.
        pages: what is on the page list; see `iter_page_lines`.

    Raises:
        PackageError: the collection has no closed WARC file, or a sidecar is missing, or the key is none.
        OSError: the disk does not take the file; there is none, then.
    """
    warcs = [warc for warc in collection.iter_warcs() if warc.name.endswith(WARC_ENDINGS)]
    if not warcs:
        raise PackageError(
            f"{collection.name} has no closed WARC file to pack; crawl something first", path=collection.path
        )
    left_out = sorted({warc.name for warc in collection.iter_warcs()} - {warc.name for warc in warcs})
    key = load_key(key_file) if key_file else None
    with replace_file(target) as stream, _Package(stream, created or datetime.now(UTC)) as package:
        for warc in warcs:
            package.add(f"archive/{warc.name}", _iter_chunks(warc), size=find_size(warc))
        captures = package.add_index(_iter_index_lines(collection, warcs))
        if not captures:
            message = f"{collection.name} has no capture to pack; a WACZ file lists at least one"
            raise PackageError(message, path=collection.path)
        package.add(PAGES, iter_page_lines(collection, left_out, pages), is_deflated=True)
        for path in list_page_lists(collection):
            package.add(f"{PAGE_LISTS}{path.name}", iter_file_lines(path), is_deflated=True)
        package.close_with(title or collection.name, key)
    return Packed(path=target, warcs=len(warcs), captures=captures, left_out=left_out)


def unpack_wacz(
    path: Path, collection: Collection, *, on_fault: Callable[[ArchiveError], None] = refuse
) -> list[Added]:
    """Take the WARC files of a WACZ file into a collection, and the pages of its lists into those of the collection.

    Args:
        on_fault: called for each file in it that cannot be taken in; what returns from it lets the others come in.

    Raises:
        PackageError: the file is not safe to read, or it holds no WARC file.
        OSError: the disk does not take a copy.
    """
    with Bundle(path) as bundle:
        bundle.check_safe()
        if size := bundle.preceding_bytes:
            message = f"{path.name}: {size} bytes precede the ZIP that is read; if files were joined, separate them"
            on_fault(PackageError(message, path=path))
        names = bundle.list_names("archive/", WARC_SUFFIXES)
        inner = bundle.list_names("", (".wacz",))
        if inner and not names:
            return _unpack_inner(bundle, inner, collection, on_fault)
        if not names:
            raise PackageError(f"{path.name} holds no WARC file below archive/; it is not a WACZ file", path=path)
        added = []
        for name in names:
            flat = name.removeprefix("archive/").replace("/", "-")
            try:
                with bundle.open_stream(name) as stream:
                    added.append(add_stream(collection, flat, stream))
            except (CollectionError, PackageError) as error:
                words = str(error)
                on_fault(PackageError(words if path.name in words else f"{path.name}: {words}", path=path))
        for name in bundle.list_names(PAGE_LISTS, (".jsonl",)):
            merge_page_list(collection, Path(name).name, bundle.iter_lines(name))
    return added


def _unpack_inner(
    bundle: Bundle, names: list[str], collection: Collection, on_fault: Callable[[ArchiveError], None]
) -> list[Added]:
    """Take in the WACZ files that are in another one, in the order of their names.

    Spec: Multi-WACZ 0.1.0 (profile multi-wacz-package).
    """
    added = []
    with TemporaryDirectory(prefix="newsreel-") as scratch:
        for number, name in enumerate(names):
            path = Path(scratch, f"{number}-{Path(name).name}")
            with path.open("wb") as stream:
                stream.writelines(bundle.iter_chunks(name))
            try:
                with Bundle(path) as inner:
                    if not inner.list_names("archive/", WARC_SUFFIXES):
                        raise PackageError(f"{path.name} holds no WARC file below archive/", path=path)
                added += unpack_wacz(path, collection, on_fault=on_fault)
            except PackageError as error:
                on_fault(PackageError(f"{name} in {bundle.path.name}: {error}", path=bundle.path))
            path.unlink()
    return added


def unpack_list(
    path: Path, collection: Collection, *, on_fault: Callable[[ArchiveError], None] = refuse
) -> list[Added]:
    """Take in the WACZ files that a multi-WACZ list names, which are beside it; nothing is fetched.

    Args:
        on_fault: as of `unpack_wacz`, also for a file that is not there.

    Raises:
        PackageError: it is no such list.

    Spec: Multi-WACZ 0.1.0.
    """
    added = []
    for name in read_list(path):
        found = (path.parent / name).resolve()
        if not found.is_relative_to(path.parent.resolve()) or not found.is_file():
            message = f"{path.name} names {name}, which is not beside it; get it and import it by itself"
            on_fault(PackageError(message, path=path))
            continue
        try:
            added += unpack_wacz(found, collection, on_fault=on_fault)
        except PackageError as error:
            on_fault(error)
    return added


def read_list(path: Path) -> list[str]:
    """The WACZ files that a multi-WACZ list names.

    Raises:
        PackageError: it is no such list.
    """
    try:
        document: Any = json.loads(path.read_bytes()) if path.stat().st_size <= _MOST_LIST_BYTES else None
        resources = document["resources"] if document["profile"] == MULTI_PROFILE else []
        names = [str(resource.get("path") or resource["name"]) for resource in resources]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        names = []
    if not names:
        raise PackageError(f"{path.name} is not a list of WACZ files (profile {MULTI_PROFILE})", path=path)
    return names


class _Package:
    """A WACZ file being written; what is added is hashed on its way."""

    def __init__(self, stream: BinaryIO, created: datetime) -> None:
        self._created = created.astimezone(UTC)
        self._zip = zipfile.ZipFile(stream, "w", allowZip64=True)
        self._resources: list[dict[str, Any]] = []
        self._names: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._zip.close()

    def add(self, name: str, chunks: Iterable[bytes], *, is_deflated: bool = False, size: int = 0) -> str:
        """Write one file; returns its digest.

        Args:
            size: how long it is, where that may be more than 2 GiB. Only then does its header in the ZIP get a
                field for it: ReplayWeb.page expects the header of a small file to have none.

        Raises:
            PackageError: it is longer.
        """
        digest, written = hashlib.sha256(), 0
        info = self._build_info(name, is_deflated=is_deflated)
        try:
            with self._zip.open(info, "w", force_zip64=size > zipfile.ZIP64_LIMIT) as entry:
                for chunk in chunks:
                    digest.update(chunk)
                    written += len(chunk)
                    entry.write(chunk)
        except RuntimeError as error:
            raise PackageError(f"{name} has grown past what was planned for ({error}); pack fewer files") from error
        label = "sha256:" + digest.hexdigest()
        resource = {"name": self._build_resource_name(name), "path": name, "hash": label, "bytes": written}
        self._resources.append(resource)
        return label

    def _build_resource_name(self, path: str) -> str:
        """The name of a file in the description, which is unique and has no capitals.

        Spec: Frictionless Data, Data Resource 1.0 (name).
        """
        name = _NOT_IN_RESOURCE_NAME.sub("-", Path(path).name.lower())
        if name in self._names:
            name = f"{len(self._names)}-{name}"
        self._names.add(name)
        return name

    def add_index(self, lines: Iterator[bytes]) -> int:
        """Write a sorted index, in blocks if it is long; returns how many lines it has."""
        first = list(islice(lines, MAX_PLAIN_LINES + 1))
        if len(first) <= MAX_PLAIN_LINES:
            self.add("indexes/index.cdx", (line + b"\n" for line in first), is_deflated=True)
            return len(first)
        counted = _Counted(chain(first, lines))
        entries: list[bytes] = []
        self.add("indexes/index.cdx.gz", iter_blocks(counted, "index.cdx.gz", entries))
        self.add("indexes/index.idx", entries, is_deflated=True)
        return counted.count

    def close_with(self, title: str, key: Any | None) -> None:
        """Write what describes all files, and what proves that description."""
        created = self._created.strftime("%Y-%m-%dT%H:%M:%SZ")
        package = {
            "profile": "data-package",
            "wacz_version": VERSION,
            "title": title,
            "created": created,
            "software": SOFTWARE,
            "resources": list(self._resources),
        }
        digest = self.add(DATAPACKAGE, [_dump(package)], is_deflated=True)
        proof: dict[str, Any] = {"path": DATAPACKAGE, "hash": digest}
        if key is not None:
            proof["signedData"] = build_signature(key, digest) | {"created": created, "software": SOFTWARE}
        self.add(DIGEST, [_dump(proof)], is_deflated=True)

    def _build_info(self, name: str, *, is_deflated: bool) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, self._created.timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED if is_deflated else zipfile.ZIP_STORED
        info.create_system = _UNIX
        info.external_attr = 0o100644 << 16
        return info


class _Counted:
    """Lines, and how many have been taken."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = lines
        self.count = 0

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            self.count += 1
            yield line


def _iter_index_lines(collection: Collection, warcs: list[Path]) -> Iterator[bytes]:
    """The lines of all sidecars in one order, read as they are requested."""
    for warc in warcs:
        if not collection.sidecar_path(warc.name).is_file():
            raise PackageError(
                f'{warc.name} has no sidecar; run "python -m archives index" on the collection first', path=warc
            )
    paths = [collection.sidecar_path(warc.name) for warc in warcs]
    with TemporaryDirectory(prefix="newsreel-") as scratch:
        # A collection that is crawled every half hour has more files after a month than a process may hold open.
        while len(paths) > MAX_OPEN_FILES:
            merged = Path(scratch, f"{len(paths)}.cdxj")
            with merged.open("wb") as stream:
                stream.writelines(line + b"\n" for line in heapq.merge(*map(_iter_lines, paths[:MAX_OPEN_FILES])))
            paths = [*paths[MAX_OPEN_FILES:], merged]
        yield from heapq.merge(*map(_iter_lines, paths))


def _iter_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        for line in stream:
            yield line.rstrip(b"\n")


def _iter_chunks(path: Path) -> Iterator[bytes]:
    with open_warc(path) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def _dump(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=2).encode()
