"""A collection on disk: one directory, with the folder names of pywb and WACZ, and the rule for its name."""

from __future__ import annotations

import re
import tempfile
from typing import TYPE_CHECKING, Final

from archives.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPEN_SUFFIX: Final = ".open"
SIDECAR_SUFFIX: Final = ".cdxj"
STORED_SUFFIX: Final = ".stored"
WARC_SUFFIXES: Final = (".warc.gz", ".warc.zst", ".warc", ".arc.gz", ".arc")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Collection:
    """One directory of `archive/`, `indexes/`, `pages/` and `runs/`."""

    __slots__ = ("archive_dir", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        # Not a property, since it is needed for each capture that is read.
        self.archive_dir = path / "archive"

    @classmethod
    def open(cls, data_dir: Path, name: str, *, create: bool = False) -> Collection:
        """The collection `data_dir/collections/<name>`.

        Args:
            create: make it if it is missing, and make sure that it can be written.

        Raises:
            CollectionError: the name is not allowed, the collection is missing, or it cannot be written.
        """
        collection = cls.place(data_dir, name)
        if create:
            collection._make()
        elif not collection.path.is_dir():
            known = list_collections(data_dir)
            there = f"there are {', '.join(known)}" if known else "there is none yet"
            raise CollectionError(
                f"no collection {name!r} in {data_dir}; {there}, and a crawl makes a new one",
                path=collection.path,
            )
        return collection

    @classmethod
    def place(cls, data_dir: Path, name: str) -> Collection:
        """The collection of that name, whether or not it is there.

        Raises:
            CollectionError: the name is not allowed.
        """
        if not _NAME.fullmatch(name):
            raise CollectionError(
                f"{name!r} is not a collection name; use 1 to 64 letters, digits, dots, hyphens or "
                "underscores, beginning with a letter or digit"
            )
        return cls(data_dir / "collections" / name)

    def __repr__(self) -> str:
        return f"Collection({str(self.path)!r})"

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.path.name

    @property
    def indexes_dir(self) -> Path:
        """Where the CDXJ sidecars are: derived, may be deleted."""
        return self.path / "indexes"

    @property
    def pages_dir(self) -> Path:
        """Where the page lists are."""
        return self.path / "pages"

    @property
    def runs_dir(self) -> Path:
        """Where each run leaves its manifest."""
        return self.path / "runs"

    def iter_warcs(self) -> Iterator[Path]:
        """Closed WARC and ARC files, by name; `archives.storage.remote_files` opens those in object storage."""
        if self.archive_dir.is_dir():
            names = {path.name.removesuffix(STORED_SUFFIX) for path in self.archive_dir.iterdir()}
            yield from (self.archive_dir / name for name in sorted(names) if name.endswith(WARC_SUFFIXES))

    def iter_open(self) -> Iterator[Path]:
        """Files a writer has not closed, by name: it lives, or it died and they await salvage."""
        return self._iter_archive((OPEN_SUFFIX,))

    def iter_sidecars(self) -> Iterator[Path]:
        """Sidecars, by name, whether or not their WARC file exists."""
        if self.indexes_dir.is_dir():
            yield from sorted(path for path in self.indexes_dir.glob("[!.]*" + SIDECAR_SUFFIX))

    def _iter_archive(self, suffixes: tuple[str, ...]) -> Iterator[Path]:
        if self.archive_dir.is_dir():
            yield from sorted(path for path in self.archive_dir.iterdir() if path.name.endswith(suffixes))

    def sidecar_path(self, filename: str) -> Path:
        """Where the sidecar of the WARC file `filename` stands."""
        stem = next((filename.removesuffix(s) for s in WARC_SUFFIXES if filename.endswith(s)), filename)
        return self.indexes_dir / (stem + SIDECAR_SUFFIX)

    def _make(self) -> None:
        """Make the directories and prove that files can be made in them."""
        try:
            for directory in (self.archive_dir, self.indexes_dir, self.pages_dir, self.runs_dir):
                directory.mkdir(parents=True, exist_ok=True)
            for directory in (self.archive_dir, self.indexes_dir):
                _probe(directory)
        except OSError as error:
            raise CollectionError(
                f"cannot write to collection {self.name!r} in {self.path} ({error.strerror or error}); "
                "give this user the right to write there or choose another data directory",
                path=self.path,
            ) from error


def list_collections(data_dir: Path) -> list[str]:
    """The names of the collections below `data_dir`, sorted."""
    parent = data_dir / "collections"
    if not parent.is_dir():
        return []
    return sorted(path.name for path in parent.iterdir() if path.is_dir() and _NAME.fullmatch(path.name))


def _probe(directory: Path) -> None:
    with tempfile.TemporaryFile(dir=directory):
        pass
