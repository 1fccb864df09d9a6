"""The register of a collection: which addresses and articles were erased, when, why, and from which files.

It names nothing that was erased. An address is kept as the SHA-256 of its SURT key, an article as that of its source
and id: which is enough to recognise either if it returns, and does not reveal it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

from archives.errors import CollectionError
from archives.storage.files import write_file
from archives.urls import surt_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from archives.storage.collection import Collection

FILE_NAME: Final = "erased.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedFile:
    """A WARC file from which records were erased.

    Attributes:
        regions: offset and length of what was overwritten or cut out, in bytes of the file as it was.
        before: SHA-256 of the file as it was, hexadecimal.
        after: and as it is; '' where nothing was left and the file was removed.
    """

    name: str
    regions: tuple[tuple[int, int], ...]
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One request to forget.

    Attributes:
        at: instant, ISO 8601, UTC.
        reason: as given, or ''.
        addresses: digests of what may not be fetched, listed or read again.
        articles: digests of what may not become a post again.
        is_pruned: removed by a limit of its source, not on request.
    """

    at: str
    reason: str = ""
    addresses: frozenset[str] = frozenset()
    articles: frozenset[str] = frozenset()
    files: tuple[ErasedFile, ...] = field(default_factory=tuple)
    is_pruned: bool = False


class Register:
    """The erasures of one collection, oldest first."""

    def __init__(self, path: Path, erasures: Iterable[Erasure] = ()) -> None:
        self._path = path
        self._take(list(erasures))

    def __bool__(self) -> bool:
        """Whether anything was ever erased."""
        return bool(self.erasures)

    def has_address(self, url: str) -> bool:
        """Return whether what is at an address was erased."""
        return bool(self._addresses) and digest_address(url) in self._addresses

    def has_article(self, source: str, identifier: str) -> bool:
        """Return whether an article was erased."""
        return bool(self._articles) and digest_article(source, identifier) in self._articles

    def has_pruned(self, source: str, identifier: str) -> bool:
        """Return whether an article is only gone because it was beyond what is kept."""
        digest = digest_article(source, identifier)
        reasons = {entry.is_pruned for entry in self.erasures if digest in entry.articles}
        return reasons == {True}

    def find_origin(self, name: str, digest: str) -> str:
        """Return the SHA-256 that a WARC file had before anything was erased from it, given what it has now."""
        for entry in reversed(self.erasures):
            for file in reversed(entry.files):
                if (file.name, file.after) == (name, digest):
                    digest = file.before
        return digest

    def is_dropped(self, name: str, digest: str) -> bool:
        """Return whether a WARC file with this SHA-256 before any erasure was removed as a whole."""
        files = (file for entry in self.erasures for file in entry.files)
        return any(
            (file.name, file.after) == (name, "") and self.find_origin(name, file.before) == digest for file in files
        )

    def add(self, erasure: Erasure) -> None:
        """Write an erasure to the register; it is on disk when the call returns."""
        self._put([*self.erasures, erasure])

    def replace_last(self, erasure: Erasure) -> None:
        """Write an erasure in place of the one that was written last."""
        self._put([*self.erasures[:-1], erasure])

    def _put(self, erasures: list[Erasure]) -> None:
        write_file(self._path, b"".join(_dump(entry) for entry in erasures))
        self._take(erasures)

    def _take(self, erasures: list[Erasure]) -> None:
        self.erasures = erasures
        self._addresses = {digest for entry in erasures for digest in entry.addresses}
        self._articles = {digest for entry in erasures for digest in entry.articles}


def load_register(collection: Collection) -> Register:
    """Return a collection's register; it is empty if nothing was erased.

    Raises:
        CollectionError: the file is damaged, so what must stay erased is unknown.
    """
    path = collection.path / FILE_NAME
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return Register(path)
    try:
        return Register(path, [_load(line) for line in lines])
    except (ValueError, KeyError, TypeError) as error:
        raise CollectionError(
            f"the register of what was erased is damaged ({error}); restore it from a copy", path=path
        ) from error


def digest_address(url: str) -> str:
    """Return what the register keeps of an address."""
    return digest_key(surt_key(url))


def digest_key(key: str) -> str:
    """Return what the register keeps of the address that has this SURT key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def digest_article(source: str, identifier: str) -> str:
    """Return what the register keeps of an article."""
    return hashlib.sha256(f"{source}\0{identifier}".encode("utf-8", "surrogatepass")).hexdigest()


def _dump(erasure: Erasure) -> bytes:
    values = asdict(erasure) | {"addresses": sorted(erasure.addresses), "articles": sorted(erasure.articles)}
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def _load(line: str) -> Erasure:
    values = json.loads(line)
    files = tuple(
        ErasedFile(**entry | {"regions": tuple((start, length) for start, length in entry["regions"])})
        for entry in values["files"]
    )
    sets = {name: frozenset(values[name]) for name in ("addresses", "articles")}
    return Erasure(**values | sets | {"files": files})
