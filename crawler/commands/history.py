"""`scrapy history`: the versions of an article, and what changed between them."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack, closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.table import Table
from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.merging.parts import WrittenFiles
from crawler.changelog.history import Version, build_versions, iter_text_diff
from crawler.commands._collection import open_only
from crawler.monitoring.tables import open_console
from crawler.projects.command import NewsreelCommand
from crawler.projects.progress_bar import show_progress
from crawler.reparsing.contents import CollectionContents
from crawler.reparsing.ledger import find_ledger, open_ledger
from crawler.reparsing.reparse import gather
from crawler.sources import Source, SourceError
from pipelines.posts.ledger import Ledger

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from archives.storage.collection import Collection
    from pipelines.posts.duplicates import Duplicate
    from pipelines.posts.items import Post

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


class Command(NewsreelCommand):
    """Lists the versions of an article with their capture times, and shows what changed.

    Exit codes: 0 good, 1 the article is not in the archive, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "ERROR"}

    examples = ("https://paper.example/a.html",)

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "URL_OR_ID [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "List the versions of an article and show what changed between them"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--collection", metavar="NAME", help="the collection to search (default: the only one)")
        parser.add_argument("--source", metavar="NAME_OR_PATH", help="the article's source (default: any)")
        parser.add_argument("--json", action="store_true", help="print one JSON object per version")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Show the history of the article named in `args`."""
        if len(args) != 1:
            raise UsageError("name one article, by its address or its id")
        names = [opts.collection] if opts.collection else []
        try:
            contents = CollectionContents(open_only(self.settings, names, how="name one with --collection"))
            sources = contents.find_sources(opts.source)
        except (ArchiveError, SourceError) as error:
            raise UsageError(str(error), print_help=False) from error
        with _open_ledger(contents, sources, is_given=bool(opts.source)) as ledger:
            versions = _find_versions(contents.collection, ledger, sources, args[0])
            if not versions:
                print(f"{args[0]} is not an article of collection {contents.collection.name}", file=sys.stderr)  # noqa: T201
                self.exitcode = 1
                return
            duplicates = _list_duplicates(ledger, versions[-1].post.key)
        if opts.json:
            _print_json(versions, duplicates)
        else:
            _print_table(versions)
            _print_doubts(versions[-1].post)
            _print_duplicates(duplicates)


@contextmanager
def _open_ledger(contents: CollectionContents, sources: list[Source], *, is_given: bool) -> Iterator[Ledger]:
    """Give the collection's ledger, or one made for this question where it has none or a definition is given by hand.

    Raises:
        UsageError: the ledger cannot be read.
    """
    if find_ledger(contents.collection).exists() and not is_given:
        try:
            ledger = open_ledger(contents.collection)
        except ArchiveError as error:
            raise UsageError(str(error), print_help=False) from error
        with closing(ledger):
            yield ledger
        return
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="newsreel-"))
        ledger = stack.enter_context(closing(Ledger(Path(scratch, "ledger.sqlite"), is_scratch=True)))
        with show_progress(f"read {contents.collection.name}", contents.count_entries()) as advance:
            gather(contents, sources, ledger, advance=lambda: advance(""))
        yield ledger


def _find_versions(collection: Collection, ledger: Ledger, sources: list[Source], article: str) -> list[Version]:
    written = WrittenFiles(collection)
    for source in sources:
        key = (source.name, source.identify(article))
        versions = build_versions(ledger.list_sightings(key), source.post, written)
        if versions:
            return versions
    return []


def _list_duplicates(ledger: Ledger, key: tuple[str, str]) -> list[tuple[Duplicate, str]]:
    """Return the posts with the same text as the latest version, and their addresses, as the ledger knows them."""
    duplicates = ledger.list_duplicates(key)
    posts = [ledger.find_post(duplicate.key) for duplicate in duplicates]
    return [(d, post.url or post.shareLink if post else "") for d, post in zip(duplicates, posts, strict=True)]


def _print_json(versions: list[Version], duplicates: list[tuple[Duplicate, str]]) -> None:
    same_as = [
        {
            "source": duplicate.key[0],
            "identifier": duplicate.key[1],
            "url": url,
            "containment": round(duplicate.containment, 3),
            "is_exact": duplicate.is_exact,
        }
        for duplicate, url in duplicates
    ]
    for version in versions:
        modified = version.post.dateModified
        line = {
            "version": version.number,
            "captured_at": version.captured_at.isoformat(),
            "record_id": version.record_id,
            "updated": modified.isoformat() if modified else None,
            "changed": version.changed,
            "headline": version.post.headline,
            "articleBody": version.post.articleBody,
            "doubts": [
                {"record_id": doubt.record_id, "captured_at": doubt.captured_at.isoformat(), "reason": doubt.reason}
                for doubt in version.post.doubts
            ],
            "sameAs": same_as if version is versions[-1] else [],
        }
        print(json.dumps(line, ensure_ascii=False))  # noqa: T201


def _print_table(versions: list[Version]) -> None:
    console = open_console()
    table = Table("version", "captured", "updated", "changed", "headline", box=None, pad_edge=False)
    for version in versions:
        captured = f"{version.captured_at:%Y-%m-%d %H:%M:%S} UTC"
        # What the publisher says of it, if anything; the instant of a capture is not a substitute.
        modified = version.post.dateModified
        updated = f"{modified:%Y-%m-%d %H:%M:%S %z}" if modified else ""
        changed = ", ".join(version.changed)
        table.add_row(str(version.number), captured, updated, changed, version.post.headline)
    console.print(table)
    for old, new in pairwise(versions):
        console.print()
        console.print(f"version {old.number} to {new.number}", style="bold")
        for line in list(iter_text_diff(old.post, new.post))[2:]:
            console.print(line, style=_COLOURS.get(line[:1], ""))


def _print_doubts(post: Post) -> None:
    console = open_console()
    for doubt in post.doubts:
        at = f"{doubt.captured_at:%Y-%m-%d %H:%M:%S} UTC"
        line = f"in doubt: the capture of {at} no longer looks like the article ({doubt.reason}): {doubt.record_id}"
        console.print(line, style="yellow", soft_wrap=True)


def _print_duplicates(duplicates: list[tuple[Duplicate, str]]) -> None:
    console = open_console()
    for duplicate, url in duplicates:
        how = "the same text" if duplicate.is_exact else f"{duplicate.containment:.0%} of the same text"
        console.print(f"{how}: {'/'.join(duplicate.key)} {url}".rstrip(), soft_wrap=True)
