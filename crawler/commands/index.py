"""`scrapy index`: rebuild a collection's index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.index.cold import COLD_NAME, write_cold_index
from archives.terminal import complain, count_words, say
from crawler.batch.engines import EngineError, add_engine_options, find_engine, use_one_process
from crawler.batch.index import index_in_shards
from crawler.batch.shards import ShardFailed
from crawler.commands._collection import open_named
from crawler.projects.command import NewsreelCommand
from crawler.projects.progress_bar import show_progress

if TYPE_CHECKING:
    import argparse

    from archives.storage.collection import Collection


class Command(NewsreelCommand):
    """Writes sidecars and catalogue from the WARC files.

    Exit codes: 0 good, 1 something was damaged and is not listed, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("mine", "mine --cold")

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "COLLECTION [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Rebuild a collection's index from its WARC files"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--cold", action="store_true", help="also write the index as one Parquet file")
        add_engine_options(parser)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Index the collection named in `args`."""
        collection = open_named(self.settings, args)
        try:
            count, damage = index_in_shards(collection, find_engine(opts) or use_one_process())
        except (ArchiveError, EngineError) as error:
            raise UsageError(str(error), print_help=False) from error
        except ShardFailed as error:
            count, damage = 0, [str(error)]
        say(f"{collection.name}: {count_words(count, 'capture')} indexed")
        if opts.cold:
            self._write_cold(collection)
        for words in damage:
            complain(f"{collection.name}: {words}")
        self.exitcode = 1 if damage else 0

    def _write_cold(self, collection: Collection) -> None:
        try:
            with show_progress(f"write {COLD_NAME}") as advance:
                count = write_cold_index(collection, progress=lambda rows: advance(f"{rows} captures"))
        except (ArchiveError, OSError) as error:
            raise UsageError(str(error), print_help=False) from error
        say(f"{collection.name}: {count_words(count, 'capture')} in indexes/{COLD_NAME}")
