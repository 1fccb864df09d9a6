"""`scrapy reparse`: make every post again from the archive, with no network."""

from __future__ import annotations

import sys
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy import signals
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archives.collection import Collection
from archives.errors import ArchiveError
from archives.urls import parse_timestamp
from crawler.addon import place_collection
from crawler.commands.crawl import describe_posts
from crawler.progress import show_progress
from crawler.provenance import compare_posts, iter_diff_lines
from crawler.reparse import REPARSE_SETTINGS, Holding, ReparseSpider, forbid_network
from crawler.sources import Source, SourceError
from pipelines.ledger import Ledger

if TYPE_CHECKING:
    import argparse
    from datetime import datetime

    from scrapy.crawler import CrawlerProcessBase

_DIFF_LINES = 200


class Command(ScrapyCommand):
    """Runs the spiders over a collection.

    Exit codes: 0 good, 1 nothing could be read or `--diff` found differences, 2 usage.
    """

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    def syntax(self) -> str:
        """Return what stands behind the command's name."""
        return "<collection> [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Make every post again from the archive, with no network"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument(
            "--source", metavar="NAME_OR_PATH", help="only this source (default: all of the collection)"
        )
        parser.add_argument("--at", metavar="TS", help="only captures up to this 14-digit UTC timestamp")
        parser.add_argument("--out", metavar="DIR", help="write the posts there instead of the collection's folder")
        parser.add_argument("--diff", action="store_true", help="show what would change and write nothing")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Reparse the collection named in `args`."""
        if len(args) != 1:
            raise UsageError("name one collection")
        if opts.diff and opts.out:
            raise UsageError("--diff writes nothing, so --out has no use beside it", print_help=False)
        if opts.at and not (opts.diff or opts.out):
            raise UsageError("--at makes posts of the past; say where they go with --out, or --diff", print_help=False)
        assert self.settings is not None
        try:
            collection = Collection.open(Path(self.settings["DATA_DIR"]), args[0])
            holding = Holding(collection, until=_parse_until(opts.at))
            sources = find_sources(holding, opts.source)
        except (ArchiveError, SourceError) as error:
            raise UsageError(str(error), print_help=False) from error
        place_collection(self.settings, collection.name, priority="cmdline")
        posts_dir, current = Path(self.settings["POSTS_DIR"]), Path(self.settings["POSTS_LEDGER"])
        with tempfile.TemporaryDirectory(prefix="newsreel-") as scratch:
            ledger = Path(scratch, "ledger.sqlite")
            if opts.diff:
                self.exitcode = self._reparse(holding, sources, Path(scratch, "posts"), ledger)
                self.exitcode = print_differences(posts_dir, Path(scratch, "posts")) or self.exitcode
            elif opts.out:
                self.exitcode = self._reparse(holding, sources, Path(opts.out), ledger)
            else:
                old_files = prepare_ledger(current, ledger, sources)
                self.exitcode = self._reparse(holding, sources, posts_dir, ledger)
                if self.exitcode == 0:
                    adopt_ledger(ledger, current, posts_dir, old_files)

    def _reparse(self, holding: Holding, sources: list[Source], posts_dir: Path, ledger: Path) -> int:
        assert self.crawler_process is not None
        return run_reparse(self.crawler_process, holding, sources, posts_dir=posts_dir, ledger=ledger)


def run_reparse(
    process: CrawlerProcessBase,
    holding: Holding,
    sources: list[Source],
    *,
    posts_dir: Path,
    ledger: Path,
) -> int:
    """Read every capture of some sources again and write their posts.

    Returns:
        1 where a capture could not be read or a callback failed, else 0.
    """
    for name, value in REPARSE_SETTINGS.items():
        process.settings.set(name, value, priority="cmdline")
    place_collection(process.settings, holding.collection.name, priority="cmdline")
    process.settings.set("POSTS_DIR", str(posts_dir), priority="cmdline")
    process.settings.set("POSTS_LEDGER", str(ledger), priority="cmdline")
    forbid_network()
    crawlers = [process.create_crawler(ReparseSpider) for _ in sources]
    entries = [list(holding.iter_entries(source)) for source in sources]
    with show_progress(f"reparse {holding.collection.name}", sum(map(len, entries))) as advance:
        for crawler, source, captures in zip(crawlers, sources, entries, strict=True):
            crawler.signals.connect(lambda: advance(""), signal=signals.response_received, weak=False)
            process.crawl(crawler, source=source, entries=captures)
        process.start()
    code = 1 if process.bootstrap_failed or not any(entries) else 0
    if not any(entries):
        names = ", ".join(source.name for source in sources)
        print(f"{holding.collection.name}: no capture in it belongs to {names}", file=sys.stderr)  # noqa: T201
    for crawler in crawlers:
        assert crawler.stats is not None
        stats = crawler.stats.get_stats()
        if stats.get("reparse/damaged") or stats.get("spider_exceptions/count"):
            code = 1
        read = stats.get("response_received_count", 0)
        print(f"{holding.collection.name}: {read} captures read; {describe_posts(stats)}", file=sys.stderr)  # noqa: T201
    return code


def find_sources(holding: Holding, name_or_path: str | None) -> list[Source]:
    """Return the sources to reparse by.

    Raises:
        SourceError: one is unknown, or the collection names none.
    """
    names = [name_or_path] if name_or_path else holding.list_source_names()
    if not names:
        raise SourceError(
            "its files do not say which source they belong to; name one with --source",
            path=holding.collection.name,
        )
    return [holding.find_source(name) for name in names]


def print_differences(posts_dir: Path, remade_dir: Path) -> int:
    """Print how posts would change; return 1 where any would."""
    differences = compare_posts(posts_dir, remade_dir)
    for difference in differences:
        print(difference.message)  # noqa: T201
        for line in list(iter_diff_lines(difference))[:_DIFF_LINES]:
            print(line)  # noqa: T201
    return 1 if differences else 0


def prepare_ledger(current: Path, scratch: Path, sources: list[Source]) -> set[str]:
    """Begin a reparse's ledger with what it does not touch: the posts of other sources, and their claims to names.

    Returns:
        The post files of the sources that are about to be reparsed.
    """
    if not current.exists():
        return set()
    ledger = Ledger(current)
    ledger.copy_to(scratch)
    ledger.close()
    ledger = Ledger(scratch)
    files = ledger.list_files()
    for source in sources:
        ledger.forget_source(source.name)
    files -= ledger.list_files()
    ledger.close()
    return files


def adopt_ledger(remade: Path, current: Path, posts_dir: Path, old_files: set[str]) -> None:
    """Put a reparse's ledger in the collection's place; remove the post files that nothing stands behind any more."""
    ledger = Ledger(remade)
    for name in old_files - ledger.list_files():
        with suppress(FileNotFoundError):
            (posts_dir / name).unlink()
    ledger.copy_to(current)
    ledger.close()


def _parse_until(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return parse_timestamp(text) + timedelta(seconds=1, microseconds=-1)
    except ValueError:
        message = f"--at {text!r} is not a timestamp of 14 digits such as 20261123080000"
        raise UsageError(message, print_help=False) from None
