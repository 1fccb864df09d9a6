"""`newsreel prune`: let go what is beyond the limits that definitions set."""

from __future__ import annotations

import json
import sqlite3
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.storage.collection import Collection, list_collections
from archives.terminal import count_words
from crawler.commands._collection import find_data_dir
from crawler.projects.command import NewsreelCommand
from crawler.publishing.exporting import update_exports
from crawler.publishing.library import Library
from crawler.reparsing.contents import CollectionContents
from crawler.retention.prune import finish_pruning, prune
from crawler.retention.selection import Selection, select
from crawler.runs.signing import sign_files
from crawler.sources import SourceError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from crawler.sources import Source

_DELIVERY_S = 10.0
_COUNTS = ("posts", "captures", "requisites", "bytes", "needed", "excess")


class Command(NewsreelCommand):
    """Removes posts, captures and requisites beyond the limits in `[keep]`, the oldest and least needed first.

    Exit codes: 0 good, 1 a crawl is writing, or something could not be removed; 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("--dry-run", "finews")

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "[COLLECTION…] [options]"

    def short_desc(self) -> str:
        """Return one line for `newsreel --help`."""
        return "Remove what is beyond the limits of [keep] in definitions"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object a source")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Prune the collections named in `args`, or all."""
        data_dir = find_data_dir(self.settings)
        try:
            collections = [Collection.open(data_dir, name) for name in args or list_collections(data_dir)]
        except ArchiveError as error:
            raise UsageError(str(error), print_help=False) from error
        has_changed = False
        for collection in collections:
            try:
                has_changed |= self._prune(data_dir, collection, opts)
            except (ArchiveError, SourceError, OSError, sqlite3.Error) as error:
                self._report(f"{collection.name}: {error}")
        if has_changed:
            self._update_exports(data_dir)

    def _prune(self, data_dir: Path, collection: Collection, opts: argparse.Namespace) -> bool:
        assert self.settings is not None
        library = Library(data_dir)
        has_changed = False
        if not opts.dry_run:
            finish_pruning(collection)
        limited = _list_limited(collection)
        if not limited:
            print(f"{collection.name}: nothing to remove, because no source has a [keep] table", file=sys.stderr)  # noqa: T201
        for source in limited:
            now = datetime.now(UTC)
            selection = select(collection, source, now=now)
            freed = None if opts.dry_run else 0
            if selection and not opts.dry_run:
                freed = prune(library, collection, source, selection, at=now.strftime("%Y-%m-%dT%H:%M:%SZ"))
                has_changed = True
            print(_dump(collection, selection, freed) if opts.json else _describe(selection, freed))  # noqa: T201
        if has_changed:
            sign_files(collection, self.settings)
        return has_changed

    def _update_exports(self, data_dir: Path) -> None:
        assert self.settings is not None
        try:
            update_exports(Library(data_dir), self.settings, timeout_s=_DELIVERY_S)
        except (ArchiveError, ValueError, OSError, sqlite3.Error) as error:
            self._report(f"an export could not be updated: {error}")

    def _report(self, words: str) -> None:
        print(words, file=sys.stderr)  # noqa: T201
        self.exitcode = 1


def _list_limited(collection: Collection) -> list[Source]:
    """Return the sources of a collection whose definitions set limits."""
    contents = CollectionContents(collection)
    sources = [contents.find_source(name) for name in contents.list_source_names()]
    return [source for source in sources if source.keep]


def _dump(collection: Collection, selection: Selection, freed: int | None) -> str:
    counts = {name: getattr(selection, name) for name in _COUNTS}
    return json.dumps({"collection": collection.name, "source": selection.source, **counts, "freed": freed})


def _describe(selection: Selection, freed: int | None) -> str:
    posts, captures = count_words(selection.posts, "post"), count_words(selection.captures, "capture")
    what = f"{posts}, {captures} and {count_words(selection.requisites, 'requisite')}"
    went = f"would go, {selection.bytes:,} bytes" if freed is None else f"removed, {freed:,} bytes freed"
    lines = [f"{selection.source}: {f'{what} {went}' if selection else 'nothing to remove'}"]
    if selection.needed:
        lines.append(f"  {selection.needed} captures beyond a limit stay, because posts or revisits need them")
    if selection.excess:
        lines.append(f"  what stays is {selection.excess:,} bytes above the limit; a limit of posts would make room")
    return "\n".join(lines)
