"""One execution of one spider: its id, collection, WARC files and manifest."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import scrapy
from scrapy import signals
from scrapy.exceptions import NotConfigured
from scrapy.utils.asyncio import call_later, create_looping_call

from archives.captures.deduplication import Originals
from archives.captures.recovery import salvage
from archives.captures.writer import WarcWriter
from archives.errors import WriteError
from archives.storage.collection import Collection
from archives.storage.writing import join_writers
from archives.urls import VIEW_PREFIX, format_timestamp
from crawler.runs.captures import build_ref
from crawler.runs.manifest import build_manifest, list_counts, write_manifest
from crawler.runs.signing import sign_files
from crawler.sources.archived import SOURCE_URI
from pipelines.page.document import CaptureRef
from pipelines.stages import before_posts, storage_failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scrapy.crawler import Crawler

    from archives.warc.http_responses import Answer
    from archives.warc.records import Exchange

logger = logging.getLogger(__name__)

META_CAPTURE = "capture"
STAT_FAILED = "archive/write_failed"
_COUNTS_EVERY_S = 2.0


class Definition(Protocol):
    """What a run archives of its source."""

    @property
    def name(self) -> str:
        """Return the source's name."""

    @property
    def definition(self) -> str:
        """Return the text of its TOML file."""


class RunExtension:
    """Opens the collection, writes what the tee hands over, and finalises the manifest.

    Attributes:
        crawl: the id of the shared crawl that the run is a part of, once the frontier knows it.
        manifest: as it was last written.

    Stats: `archive/exchanges`, `archive/bytes`, `archive/revisits`, `archive/truncated/<why>`, `archive/no_response`,
    `archive/salvaged`.
    """

    def __init__(self, crawler: Crawler, collection: Collection) -> None:
        self.collection = collection
        self.began_at = datetime.now(UTC)
        self._token = secrets.token_hex(3)
        self.run_id = f"{format_timestamp(self.began_at)}-{self._token}"
        self.crawl: str | None = None
        self.manifest: dict[str, Any] = {}
        self._crawler = crawler
        self._source: Definition | None = getattr(crawler.spider, "source", None)
        settings = crawler.settings
        self._originals = Originals(collection) if settings.getbool("ARCHIVE_DEDUPLICATE") else None
        self._hold = join_writers(collection)
        self._writer = WarcWriter(
            collection,
            info=self._describe(crawler),
            prefix=collection.name,
            max_bytes=settings.getint("ARCHIVE_FILE_BYTES"),
            token=self._token,
            mask=settings.getbool("ARCHIVE_MASK_SECRETS"),
            originals=self._originals,
            min_free_bytes=settings.getint("ARCHIVE_MIN_FREE_BYTES"),
            digest=settings["ARCHIVE_DIGEST"],
        )
        self._counting: Any = None
        self._is_stopping = False
        self._closing: asyncio.Future[None] | None = None
        self._has_source_record = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RunExtension:
        """Start only in capture mode; what a killed run left behind is salvaged first.

        Raises:
            archives.errors.CollectionError: the collection cannot be opened or written.
        """
        settings = crawler.settings
        if settings.get("ARCHIVE_MODE") != "capture":
            raise NotConfigured("ARCHIVE_MODE is not 'capture'")
        collection = Collection.open(Path(settings["DATA_DIR"]), settings["COLLECTION"], create=True)
        salvaged = salvage(collection)
        for rescue in salvaged:
            logger.warning("Salvaged a file that an earlier run left open: %s", rescue)
        extension = cls(crawler, collection)
        crawler.stats.set_value("archive/salvaged", len(salvaged))
        crawler.signals.connect(extension.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signal=signals.spider_closed)
        crawler.signals.connect(extension.sync, signal=before_posts)
        crawler.signals.connect(extension.stop, signal=storage_failed)
        return extension

    def write(self, exchange: Exchange, answer: Answer | None = None) -> CaptureRef:
        """Write one exchange.

        Args:
            answer: of `exchange`, if it has been built.

        Raises:
            WriteError: nothing of the exchange was stored; the crawl has been asked to stop.
        """
        try:
            if not self._has_source_record:
                self._write_source()
            location = self._writer.write(exchange, answer)
        except WriteError as error:
            self.stop(error)
            raise
        self._crawler.stats.inc_value("archive/exchanges")
        if location.is_revisit:
            self._crawler.stats.inc_value("archive/revisits")
        if exchange.truncated:
            self._crawler.stats.inc_value(f"archive/truncated/{exchange.truncated}")
        return build_ref(location)

    def write_rendered(
        self, url: str, html: bytes, *, of: str, at: datetime, remarks: Iterable[tuple[str, str]]
    ) -> CaptureRef:
        """Write the document that a browser made of a capture; see `WarcWriter.write_conversion`.

        Raises:
            WriteError: it was not stored; the crawl has been asked to stop.
        """
        try:
            location = self._writer.write_conversion(
                url, "text/html; charset=utf-8", html, of=of, at=at, remarks=remarks
            )
        except WriteError as error:
            self.stop(error)
            raise
        self._crawler.stats.inc_value("archive/rendered")
        return build_ref(location)

    def write_screenshot(self, url: str, png: bytes) -> None:
        """Write a picture of a page as a browser shows it, under the address that other archiving crawlers give it.

        Raises:
            WriteError: it was not stored; the crawl has been asked to stop.
        """
        try:
            self._writer.write_resource(f"{VIEW_PREFIX}{url}", "image/png", png)
        except WriteError as error:
            self.stop(error)
            raise
        self._crawler.stats.inc_value("archive/screenshots")

    def write_late(self, ref: CaptureRef, data: bytes) -> None:
        """Write bytes that came behind a response after it had been written; the crawl stops where that fails."""
        try:
            self._writer.write_surplus(ref.record_id, ref.captured_at, data)
        except WriteError as error:
            self.stop(error)

    @property
    def digest_algorithm(self) -> str:
        """The algorithm of the digests in the run's records."""
        return self._writer.digest_algorithm

    @property
    def bytes_written(self) -> int:
        """Compressed bytes that the run has written so far."""
        return self._writer.bytes_written

    def count_silence(self) -> None:
        """Count a request that no byte answered."""
        self._crawler.stats.inc_value("archive/no_response")

    def sync(self) -> None:
        """Put every capture so far on disk, because posts are about to be written or work to be acknowledged."""
        try:
            self._writer.sync()
        except (OSError, WriteError) as error:
            self.stop(error)
            raise

    def spider_opened(self) -> None:
        """Leave a manifest that says a run is in progress, and how far it is."""
        self._write_manifest(exit_reason=None)
        self._counting = create_looping_call(self._write_counts)
        self._counting.start(_COUNTS_EVERY_S, now=False)

    def _write_counts(self) -> None:
        """Tell in the manifest what has been counted so far; the list of files is that of a run that has ended."""
        counts = list_counts(self._crawler.stats.get_stats())
        if counts == self.manifest["counts"]:
            return
        self.manifest |= {"counts": counts}
        with suppress(OSError):  # a full disk is met by who writes captures
            self.write_manifest(self.manifest)

    def spider_closed(self, reason: str) -> None:
        """Close the last file under its final name and complete the manifest."""
        if self._counting is not None and self._counting.running:
            self._counting.stop()
        if self._originals is not None:
            self._originals.close()
        try:
            self._writer.close()
            self._crawler.stats.set_value("archive/bytes", self._writer.bytes_written)
            self._write_manifest(exit_reason=reason)
            sign_files(self.collection, self._crawler.settings)
        except (OSError, WriteError) as error:
            self._crawler.stats.inc_value(STAT_FAILED)
            logger.error("The run could not be closed; the next one salvages what it left: %s", error)
        finally:
            os.close(self._hold)

    def _write_source(self) -> None:
        """Archive the definition that the run reads by, so that a reparse needs nothing but the archive."""
        self._has_source_record = True
        if self._source is not None:
            uri = SOURCE_URI + self._source.name
            self._writer.write_resource(uri, "application/toml", self._source.definition.encode())

    def stop(self, error: Exception) -> None:
        """Make the run end soon, and nothing more be acknowledged, because something could not be put on disk."""
        if self._is_stopping:
            return
        self._is_stopping = True
        logger.error("The crawl stops, because something could not be written: %s", error)
        self._crawler.stats.inc_value(STAT_FAILED)
        call_later(0, self._close_spider)

    def _close_spider(self) -> None:
        engine = self._crawler.engine
        assert engine is not None
        self._closing = asyncio.ensure_future(engine.close_spider_async(reason="storage_failed"))

    def _describe(self, crawler: Crawler) -> Mapping[str, str]:
        """Fields of the warcinfo record. Spec: WARC/1.1 §6.2."""
        settings = crawler.settings
        spider = crawler.spider
        assert spider is not None
        info = {
            "software": f"Newsreel/{settings['NEWSREEL_VERSION']} Scrapy/{scrapy.__version__}",
            "isPartOf": self.collection.name,
            "robots": "obey" if settings.getbool("ROBOTSTXT_OBEY") else "ignore",
            "http-header-user-agent": settings["USER_AGENT"],
            "operator": settings["CONTACT"],
            "run": self.run_id,
            "spider": spider.name,
            "source": self._source.name if self._source else "",
            "secrets": "masked" if settings.getbool("ARCHIVE_MASK_SECRETS") else "kept",
            "masked-response-headers": "Set-Cookie" if getattr(spider, "session", None) else "",
        }
        return {name: value for name, value in info.items() if value}

    def build_manifest(self, *, exit_reason: str | None) -> dict[str, Any]:
        """Describe the run as it stands."""
        files = [path for path in self.collection.iter_warcs() if self._token in path.name]
        return build_manifest(
            self._crawler,
            run_id=self.run_id,
            crawl=self.crawl,
            began_at=self.began_at,
            exit_reason=exit_reason,
            files=files,
        )

    def _write_manifest(self, *, exit_reason: str | None) -> None:
        manifest = self.build_manifest(exit_reason=exit_reason)
        self.write_manifest(manifest)
        self.manifest = manifest

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Put a manifest, of this run or of a crawl that it was part of, into the collection."""
        write_manifest(self.collection.runs_dir / f"{manifest['run']}.json", manifest)
