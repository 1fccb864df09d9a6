"""`scrapy pack`: one file of a collection, to hand over or to open in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.commands import ScrapyCommand

from archives.errors import ArchiveError
from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from archives.wacz.pack import pack_collection
from archives.wacz.pages import Page, is_page
from crawler.commands._collection import open_named
from crawler.reparsing.ledger import find_ledger, open_ledger
from pipelines.posts.items import load_post

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from archives.index.cdxj import IndexEntry
    from pipelines.posts.items import Post


class Command(ScrapyCommand):
    """Writes a WACZ file.

    Exit codes: 0 good, 1 the file could not be written, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        """Return what stands behind the command's name."""
        return "<collection> -o FILE.wacz [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Write a collection's captures, index and pages to one WACZ file"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument(
            "-o", "--output", metavar="FILE.wacz", help="the file to write (default: <collection>.wacz)"
        )
        parser.add_argument("--title", default="", help="what a reader sees first (default: the collection's name)")
        parser.add_argument("--sign", metavar="KEY.pem", help="sign with this key, made if it is not there")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Pack the collection named in `args`."""
        collection = open_named(self.settings, args)
        target = Path(opts.output or f"{collection.name}.wacz")
        key_file = Path(opts.sign) if opts.sign else None
        try:
            packed = pack_collection(
                collection, target, title=opts.title, key_file=key_file, pages=_iter_pages(collection)
            )
        except (ArchiveError, OSError) as error:
            print(f"{target} was not written: {error}")  # noqa: T201
            self.exitcode = 1
            return
        print(f"{packed.path}: {packed.warcs} WARC files, {packed.captures} captures")  # noqa: T201
        if hidden := _count_excluded(collection):
            print(f"{hidden} captures of excluded addresses go along; 'forget' takes captures out of WARC files")  # noqa: T201
        for name in packed.left_out:
            print(f"{name} is left out: a WACZ file holds WARC files only")  # noqa: T201
        print(f"to see it: open https://replayweb.page/ and choose {packed.path.name} there, or read docs/viewer.md")  # noqa: T201


def _count_excluded(collection: Collection) -> int:
    with CollectionIndex(collection) as whole, CollectionIndex(collection, for_readers=True) as shown:
        return whole.count_entries() - shown.count_entries()


def _iter_pages(collection: Collection) -> Iterator[Page]:
    """Yield the pages that posts stand on, every capture of each, with the posts' headlines."""
    if not find_ledger(collection).is_file():
        return
    ledger = open_ledger(collection)
    try:
        with CollectionIndex(collection, for_readers=True) as index:
            for _, _, state in ledger.iter_filed():
                post = load_post(state)
                yield from (Page(entry=entry, title=post.headline) for entry in _iter_entries(index, post))
    finally:
        ledger.close()


def _iter_entries(index: CollectionIndex, post: Post) -> Iterator[IndexEntry]:
    """Yield the captures of a post's page; where that was never captured, the one that its text was read from."""
    entries = [entry for entry in index.iter_captures(post.url) if is_page(entry)] if post.url else []
    if not entries and post.capture is not None:
        entry = index.find_record(post.capture.record_id, post.capture.captured_at)
        entries = [entry] if entry is not None else []
    yield from entries
