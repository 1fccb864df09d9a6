"""`scrapy backfill`: fill a collection with what others captured of a source."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.backfill.downloads import Downloader
from archives.errors import ArchiveError
from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from archives.terminal import count_words
from crawler.addon import build_user_agent, place_collection
from crawler.commands.reparse import replace_posts
from crawler.projects.collector import spare_imports
from crawler.projects.command import NewsreelCommand
from crawler.publishing.erasing import enforce
from crawler.reparsing.backfilling import Backfill, CaptureServer
from crawler.reparsing.contents import CollectionContents
from crawler.reparsing.imported import describe_source
from crawler.runs.signing import sign_files
from crawler.sources import Source, SourceError
from crawler.sources.publishers import find_described

if TYPE_CHECKING:
    import argparse

_CAPTURES = 1_000


class Command(NewsreelCommand):
    """Takes captures of a source from WARC files and from a CDX server, and makes their posts.

    Exit codes: 0 good, 1 something could not be read, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("zeit CC-NEWS-20260301.warc.gz", "zeit --since 2025-01-01 --most 5000")

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "SOURCE [WARC_FILE_OR_URL…] [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Take in what others captured of a source: from WARC files, or from a CDX server"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--since", type=date.fromisoformat, metavar="DAY", help="only captures from this day on")
        parser.add_argument(
            "--most",
            type=int,
            metavar="N",
            default=_CAPTURES,
            help="captures to take from a CDX server (default: %(default)s)",
        )
        parser.add_argument("--collection", metavar="NAME", help="output collection (default: that of the source)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Take in what is named, or what the server of `BACKFILL_CDX` has."""
        assert self.settings is not None
        if not args:
            raise UsageError("name a source, then WARC files or their addresses", print_help=False)
        if not args[1:] and not self.settings["BACKFILL_CDX"]:
            words = "name WARC files or their addresses, or give the address of a CDX server: -s BACKFILL_CDX=URL"
            raise UsageError(words, print_help=False)
        try:
            source = find_described(args[0])
            name = opts.collection or source.name
            collection = Collection.open(Path(self.settings["DATA_DIR"]), name, create=True)
            place_collection(self.settings, name, priority="cmdline")
            self.exitcode = self._fill(collection, source, args[1:], opts)
        except (ArchiveError, SourceError, OSError) as error:
            raise UsageError(str(error), print_help=False) from error

    def _fill(self, collection: Collection, source: Source, warcs: list[str], opts: argparse.Namespace) -> int:
        assert self.settings is not None
        downloader = Downloader(
            user_agent=build_user_agent(self.settings),
            delay_s=self.settings.getfloat("BACKFILL_DELAY"),
            max_bytes=self.settings.getint("DOWNLOAD_MAXSIZE"),
        )
        with CollectionIndex(collection) as index:
            index.refresh()
            backfill = Backfill(source, collection, index, downloader, since=opts.since)
            for warc in warcs:
                backfill.take_warc(warc)
            if not warcs:
                names = ("BACKFILL_CDX", "BACKFILL_REPLAY", "BACKFILL_WARCS")
                backfill.take_listed(CaptureServer(*(self.settings[name] for name in names)), most=opts.most)
        for where, captures in backfill.taken.items():
            print(f"{where}: {count_words(captures, 'capture')} of {source.name}")  # noqa: T201
        for fault in backfill.faults:
            print(fault, file=sys.stderr)  # noqa: T201
        code = int(bool(backfill.faults))
        return max(code, self._make_posts(collection, source)) if backfill.has_new else code

    def _make_posts(self, collection: Collection, source: Source) -> int:
        assert self.settings is not None
        enforce(collection, at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        describe_source(collection, source)
        sign_files(collection, self.settings)
        spare_imports()
        return replace_posts(CollectionContents(collection), Path(self.settings["POSTS_DIR"]))
