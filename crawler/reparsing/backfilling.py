"""Which captures of others a source wants: what it admits and does not have."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from archives.backfill.cdx_servers import HeldCapture, iter_latest
from archives.backfill.mementos import build_memento_url, write_mementos
from archives.backfill.warc_parts import take_part
from archives.errors import ArchiveError, BackfillError
from archives.transfer.importing import add_stream
from archives.urls import parse_warc_date
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from archives.backfill.downloads import Download, Downloader
    from archives.index.catalogue import CollectionIndex
    from archives.storage.collection import Collection
    from archives.transfer.importing import Added
    from crawler.sources import Source

_KINDS: Final = frozenset((LinkKind.ARTICLE, LinkKind.LISTING, LinkKind.SHARE, LinkKind.TEXT))


@dataclass(frozen=True, slots=True)
class CaptureServer:
    """Where others list and serve their captures.

    Attributes:
        cdx: address of the CDX server.
        replay: of the replay, to which `/TIMESTAMPid_/URL` is added; by default where the CDX server has it.
        warcs: of the WARC files that the CDX server names, where they can be read in parts; then nothing is replayed.
    """

    cdx: str
    replay: str = ""
    warcs: str = ""

    def find_replay(self) -> str:
        """Return the address of the replay: that of web.archive.org, or the folder of pywb's CDX server."""
        if self.replay:
            return self.replay
        if urlsplit(self.cdx).path.rstrip("/") == "/cdx/search/cdx":
            return urljoin(self.cdx, "/web")
        return self.cdx.partition("?")[0].rstrip("/").rpartition("/")[0]


class Backfill:
    """Takes captures of a source from others into its collection.

    Args:
        index: of the collection.
        since: only captures from this day on.

    Attributes:
        taken: captures, by where they come from.
        faults: what could not be read, a sentence each.
        has_new: the collection has a file more.
    """

    def __init__(
        self,
        source: Source,
        collection: Collection,
        index: CollectionIndex,
        downloader: Downloader,
        *,
        since: date | None = None,
    ) -> None:
        self._source = source
        self._collection = collection
        self._index = index
        self._downloader = downloader
        self._since = since
        self.taken: Counter[str] = Counter()
        self.faults: list[str] = []
        self.has_new = False

    def take_warc(self, warc: str) -> None:
        """Take what is wanted from a WARC file, given by its path or address."""
        try:
            if not warc.startswith(("http://", "https://")):
                self._note(warc, take_part(self._collection, Path(warc), self._is_wanted, origin=Path(warc).name))
                return
            with TemporaryDirectory(prefix=".newsreel-backfill-", dir=self._collection.path) as folder:
                path = Path(folder, PurePosixPath(urlsplit(warc).path).name or "file.warc.gz")
                with path.open("wb") as stream:
                    self._downloader.save(warc, stream)
                self._note(warc, take_part(self._collection, path, self._is_wanted, origin=warc))
        except (ArchiveError, OSError) as error:
            self.faults.append(f"{warc}: {error}")

    def take_listed(self, server: CaptureServer, *, most: int) -> None:
        """Take what a CDX server lists, at most so many captures that the collection does not have."""
        self.taken[server.cdx] += 0
        mementos = self._iter_mementos(server, most)
        try:
            first = next(mementos, None)
            if first is not None:
                replay = server.find_replay()
                pairs = chain([first], mementos)
                self._note(server.cdx, write_mementos(self._collection, pairs, replay=replay, software="Newsreel"))
        except (ArchiveError, OSError) as error:
            self.faults.append(f"{server.cdx}: {error}")

    def _iter_mementos(self, server: CaptureServer, most: int) -> Iterator[tuple[HeldCapture, Download]]:
        """Yield what is to be written; captures whose WARC files can be read are copied as they stand instead."""
        for held in islice(self._iter_listed(server), most):
            try:
                if server.warcs and held.filename and held.length:
                    self._copy_member(server, held)
                else:
                    yield held, self._downloader.read(build_memento_url(server.find_replay(), held))
            except BackfillError as error:
                self.faults.append(str(error))

    def _copy_member(self, server: CaptureServer, held: HeldCapture) -> None:
        address = f"{server.warcs.rstrip('/')}/{held.filename}"
        member = self._downloader.read(address, span=(held.offset, held.length))
        name = f"{PurePosixPath(held.filename).name.partition('.warc')[0]}-{held.offset}.warc.gz"
        self._note(server.cdx, add_stream(self._collection, name, io.BytesIO(member.body)))

    def _iter_listed(self, server: CaptureServer) -> Iterator[HeldCapture]:
        for prefix in self._source.scope.prefixes:
            for held in iter_latest(lambda url: self._downloader.read(url).body, server.cdx, prefix, since=self._since):
                if self._is_of_interest(held.url) and not self._is_archived(held.url):
                    yield held

    def _is_wanted(self, url: str, warc_date: str) -> bool:
        """Return whether the collection is to have a capture of a WARC file."""
        try:
            at = parse_warc_date(warc_date)
        except ValueError:
            return False
        is_old = self._since is not None and at.date() < self._since
        return not is_old and self._is_of_interest(url) and self._index.find_exact(url, at) is None

    def _is_of_interest(self, url: str) -> bool:
        if not self._source.admits(url):
            return False
        return not self._source.links.patterns or self._source.find_kind(url) in _KINDS

    def _is_archived(self, url: str) -> bool:
        return any(entry.status is not None and entry.status < 400 for entry in self._index.iter_captures(url))

    def _note(self, where: str, added: Added | None) -> None:
        self.taken[where] += added.captures if added is not None else 0
        if added is not None:
            self.has_new = self.has_new or added.is_new
            self.faults += map(str, added.damage)
