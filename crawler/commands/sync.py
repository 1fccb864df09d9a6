"""`scrapy sync`: exchange captures with other machines."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError, StoreError
from archives.storage.collection import Collection
from archives.storage.remote_files import find_stored
from archives.storage.schemes import open_bucket
from archives.terminal import count_words
from archives.transfer.registry import Registry, find_url
from archives.transfer.upload import parse_place, store_file
from crawler.batch.reparse import remake_posts
from crawler.changelog.log import ChangeLog
from crawler.commands.reparse import report_reparse
from crawler.projects.command import NewsreelCommand
from crawler.projects.progress_bar import show_progress
from crawler.publishing.erasing import enforce
from crawler.reparsing.contents import CollectionContents
from crawler.reparsing.ledger import open_ledger
from crawler.sources.archived import find_definitions

if TYPE_CHECKING:
    import argparse


class Command(NewsreelCommand):
    """Puts closed files into storage, publishes them, and makes posts of what others have put there.

    Exit codes: 0 good, 1 a file could not be stored or read, 2 usage.
    """

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("finews -s CATALOGUE_URL=postgresql:///news",)

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "COLLECTION [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Exchange captures with the other machines of a collection (CATALOGUE_URL)"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON object on what was exchanged")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Bring the collection named in `args` up to what all machines have."""
        if len(args) != 1:
            raise UsageError("name one collection")
        assert self.settings is not None
        url = find_url(self.settings["CATALOGUE_URL"])
        if not url:
            raise UsageError(
                "CATALOGUE_URL is not set, so there are no other machines to exchange captures with", print_help=False
            )
        try:
            collection = Collection.open(Path(self.settings["DATA_DIR"]), args[0], create=True)
            self.exitcode = self._store(collection)
            with Registry(url, collection) as registry:
                registered = registry.publish()
                fetched = registry.fetch()
        except (ArchiveError, OSError) as error:
            raise UsageError(str(error), print_help=False) from error
        self._erase_again(collection)
        due = self._list_due(collection, fetched)
        print(f"{collection.name}: {count_words(registered, 'file')} registered, {len(due)} imported", file=sys.stderr)  # noqa: T201
        if due:
            try:
                self._join(collection, due)
            except ArchiveError as error:
                raise UsageError(str(error), print_help=False) from error
        if opts.json:
            print(json.dumps({"collection": collection.name, "registered": registered, "taken_in": due}))  # noqa: T201

    def _store(self, collection: Collection) -> int:
        """Put what is closed into storage, where one is named; returns 1 where a file was refused."""
        assert self.settings is not None
        if not self.settings["STORE_URL"]:
            return 0
        place = parse_place(self.settings["STORE_URL"])
        depot = open_bucket(place.scheme, place.bucket)
        warcs = [warc for warc in collection.iter_warcs() if find_stored(warc) is None]
        problems: list[str] = []
        with show_progress(f"store {collection.name}", len(warcs)) as advance:
            for warc in warcs:
                try:
                    problems += store_file(collection, warc, depot, place).problems
                except StoreError as error:
                    problems.append(str(error))
                advance(warc.name)
        for problem in problems:
            print(f"{collection.name}: stays here only: {problem}", file=sys.stderr)  # noqa: T201
        return 1 if problems else 0

    def _erase_again(self, collection: Collection) -> None:
        """Erase from what other machines have put into storage what was erased here."""
        try:
            again = enforce(collection, at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        except (ArchiveError, OSError) as error:
            print(f"{collection.name}: what was erased is in another file: {error}", file=sys.stderr)  # noqa: T201
            self.exitcode = 1
            return
        if again:
            print(f"{collection.name}: erased again from {count_words(again, 'file')}", file=sys.stderr)  # noqa: T201

    def _list_due(self, collection: Collection, fetched: list[Path]) -> list[str]:
        with closing(open_ledger(collection)) as ledger:
            joined = ledger.list_joined()
        return [warc.name for warc in fetched if warc.name not in joined]

    def _join(self, collection: Collection, names: list[str]) -> None:
        """Read captures of others like those of a crawl here, and write the posts that say more by them."""
        assert self.settings is not None
        posts_dir = Path(self.settings["DATA_DIR"]) / "_posts" / collection.name
        contents = CollectionContents(collection, files=frozenset(names))
        sources = list(filter(None, map(find_definitions(collection), contents.list_source_names())))
        with closing(open_ledger(collection)) as ledger:
            done = remake_posts(contents, sources, ledger, posts_dir=posts_dir)
            code = report_reparse(contents, sources, done)
            if code == 0:
                ledger.record_joined(names)
        with closing(ChangeLog(collection, find_definitions(collection))) as log:
            log.account()
        self.exitcode = self.exitcode or code
