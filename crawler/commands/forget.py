"""`newsreel forget`: erase an article everywhere, for good."""

from __future__ import annotations

import re
import sqlite3
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scrapy.exceptions import UsageError

from archives.erasure.tombstones import ErasureRefused
from archives.errors import ArchiveError
from archives.storage.collection import Collection, list_collections
from archives.terminal import count_words
from archives.urls import surt_key
from crawler.commands._collection import find_data_dir
from crawler.projects.command import NewsreelCommand
from crawler.publishing.erasing import Target, find_target, forget
from crawler.publishing.exporting import update_exports
from crawler.publishing.library import Library
from crawler.runs.signing import sign_files

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

_DELIVERY_S = 10.0


class Command(NewsreelCommand):
    """Forgets an article: post, ledger, search, feeds and exports, and its bytes in the WARC files.

    Exit codes: 0 it is forgotten, or with --dry-run would be; 1 nothing of the kind is known, or not all could be
    forgotten; 2 usage.
    """

    requires_project = True
    requires_crawler_process = False

    examples = ("https://paper.example/a.html --dry-run", "https://paper.example/a.html --reason 'case 12'")

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "URL_OR_ID… | --pattern REGEX [options]"

    def short_desc(self) -> str:
        """Return one line for `newsreel --help`."""
        return "Erase an article for good: post, exports, index, and its bytes in the WARC files"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--collection", metavar="NAME", default="", help="only in this collection (default: all)")
        parser.add_argument("--pattern", metavar="REGEX", help="every article whose address or id this matches")
        parser.add_argument("--reason", default="", help="for example a case number; kept in tombstone and register")
        parser.add_argument("--dry-run", action="store_true", help="show what would be erased, without erasing")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Forget what is named in `args`."""
        if bool(args) == bool(opts.pattern):
            raise UsageError("name an address or an id, or give --pattern", print_help=False)
        is_selected = _build_test(args, opts.pattern)
        data_dir = find_data_dir(self.settings)
        names = [opts.collection] if opts.collection else list_collections(data_dir)
        try:
            collections = [Collection.open(data_dir, name) for name in names]
            targets = [(collection, find_target(collection, is_selected)) for collection in collections]
        except ArchiveError as error:
            raise UsageError(str(error), print_help=False) from error
        targets = [(collection, target) for collection, target in targets if target]
        if not targets:
            what = opts.pattern or ", ".join(args)
            print(f"nothing is known of {what}; nothing was erased", file=sys.stderr)  # noqa: T201
            self.exitcode = 1
            return
        for collection, target in targets:
            print(_describe(collection, target))  # noqa: T201
        if opts.dry_run:
            return
        if not opts.yes and not _ask():
            print("nothing was erased", file=sys.stderr)  # noqa: T201
            self.exitcode = 1
            return
        self._forget(data_dir, targets, reason=opts.reason)

    def _forget(self, data_dir: Path, targets: list[tuple[Collection, Target]], *, reason: str) -> None:
        assert self.settings is not None
        library = Library(data_dir)
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for collection, target in targets:
            try:
                erasure = forget(library, collection, target, at=at, reason=reason)
                sign_files(collection, self.settings)
            except (ArchiveError, OSError, sqlite3.Error) as error:
                advice = "" if isinstance(error, ErasureRefused) else "; run it again to continue"
                print(f"{collection.name}: {error}{advice}", file=sys.stderr)  # noqa: T201
                self.exitcode = 1
                continue
            regions = sum(len(file.regions) for file in erasure.files)
            print(f"{collection.name}: erased, {regions} places in {len(erasure.files)} WARC files")  # noqa: T201
        try:
            update_exports(library, self.settings, timeout_s=_DELIVERY_S)
        except (ArchiveError, ValueError, OSError, sqlite3.Error) as error:
            print(f"an export could not be updated: {error}", file=sys.stderr)  # noqa: T201
            self.exitcode = 1


def _build_test(names: list[str], pattern: str | None) -> Callable[[str], bool]:
    if pattern:
        try:
            compiled = re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise UsageError(f"{pattern!r} is not a regular expression: {error}", print_help=False) from error
        return lambda text: bool(compiled.search(text))
    wanted = {surt_key(name) for name in names}
    return lambda text: surt_key(text) in wanted


def _describe(collection: Collection, target: Target) -> str:
    articles, captures = count_words(len(target.keys), "article"), count_words(target.captures, "capture")
    lines = [f"{collection.name}: {articles}, {captures}"]
    lines += [f"  {headline}" for headline in target.headlines]
    if target.lists:
        lines.append(f"  kept: {count_words(target.lists, 'capture')} of lists and feeds that name it as well")
    return "\n".join(lines)


def _ask() -> bool:
    if not sys.stdin.isatty():
        raise UsageError("this cannot be undone; give --yes to confirm without a terminal", print_help=False)
    return input("This cannot be undone. Erase? [y/N] ").strip().lower() in ("y", "yes")
