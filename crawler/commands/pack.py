"""`scrapy pack`: pack a collection into one WACZ file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError, CollectionError
from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from archives.terminal import count_words
from archives.wacz.pack import pack_collection
from archives.wacz.pages import Page, is_page
from archives.wacz.parts import describe_part, pack_part
from archives.wacz.selection import add_part_options, build_selection
from crawler.commands._collection import open_named
from crawler.projects.command import NewsreelCommand
from crawler.projects.progress_bar import show_progress
from crawler.reparsing.contents import CollectionContents
from crawler.reparsing.ledger import find_ledger, open_ledger
from crawler.sources import SourceError
from pipelines.posts.items import load_post

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from archives.index.cdxj import IndexEntry
    from archives.wacz.pack import Packed
    from archives.wacz.selection import Selection
    from pipelines.posts.items import Post


class Command(NewsreelCommand):
    """Writes a WACZ file.

    Exit codes: 0 good, 1 the file could not be written, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False

    examples = ("finews -o finews.wacz", "finews -o march.wacz --since 2026-03-01 --until 2026-03-31")

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "COLLECTION [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Pack a collection's captures, index and pages into one WACZ file"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("-o", "--output", metavar="FILE.wacz", help="the file to write (default: COLLECTION.wacz)")
        parser.add_argument("--title", default="", help="title of the package (default: the collection's name)")
        add_part_options(parser)
        parser.add_argument("--sign", metavar="KEY.pem", help="sign with this key; created if missing")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Pack the collection named in `args`."""
        collection = open_named(self.settings, args)
        target = Path(opts.output or f"{collection.name}.wacz")
        try:
            selection = build_selection(opts, lambda source: _find_owner(collection, source))
        except (CollectionError, SourceError) as error:
            raise UsageError(str(error), print_help=False) from error
        try:
            packed, left_out = _write(collection, target, selection, opts)
        except (ArchiveError, OSError) as error:
            print(f"{target} was not written: {error}")  # noqa: T201
            self.exitcode = 1
            return
        print(f"{packed.path}: {count_words(packed.warcs, 'WARC file')}, {count_words(packed.captures, 'capture')}")  # noqa: T201
        if hidden := _count_excluded(collection, selection):
            captures = f"{count_words(hidden, 'capture')} of excluded addresses"
            print(f"includes {captures}; 'forget' removes captures from WARC files")  # noqa: T201
        for name in left_out:
            print(f"{name} is left out: a WACZ file holds .warc and .warc.gz files only")  # noqa: T201
        print(f"to see it: open https://replayweb.page/ and choose {packed.path.name} there, or read docs/viewer.md")  # noqa: T201


def _count_excluded(collection: Collection, selection: Selection | None) -> int:
    with CollectionIndex(collection) as whole, CollectionIndex(collection, for_readers=True) as shown:
        hidden = whole.count_entries() - shown.count_entries()
        if selection is None or not hidden:
            return hidden
        return sum(map(selection, whole.iter_entries())) - sum(map(selection, shown.iter_entries()))


def _write(
    collection: Collection, target: Path, selection: Selection | None, opts: argparse.Namespace
) -> tuple[Packed, list[str]]:
    """Write the file; return what it holds, and the files that have no place in it."""
    key_file = Path(opts.sign) if opts.sign else None
    pages = _iter_pages(collection)
    if selection is None:
        packed = pack_collection(collection, target, title=opts.title, key_file=key_file, pages=pages)
        return packed, packed.left_out
    with show_progress(f"pack {collection.name}", len(list(collection.iter_warcs()))) as advance:
        packed, part = pack_part(
            collection, target, selection, title=opts.title, key_file=key_file, pages=pages, progress=advance
        )
    for line in describe_part(part):
        print(line)  # noqa: T201
    return packed, part.left_out


def _find_owner(collection: Collection, name: str) -> Callable[[IndexEntry], bool]:
    """Return what tells whether a capture is of a source: by its file, or in a foreign file by the source's scope.

    Raises:
        SourceError: neither the project nor the collection knows it.
    """
    contents = CollectionContents(collection)
    source = contents.find_source(name)
    return lambda entry: (
        contents.has_captures_of(entry.filename, [source])
        and (bool(contents.find_owner(entry.filename)) or source.admits(entry.url))
    )


def _iter_pages(collection: Collection) -> Iterator[Page]:
    """Yield the pages that posts are on, every capture of each, with the posts' headlines."""
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
