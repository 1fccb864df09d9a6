"""`scrapy reparse`: make every post again from the archive, with no network."""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy import signals
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.storage.collection import Collection
from archives.urls import parse_timestamp
from crawler.addon import place_collection
from crawler.batch.engines import EngineError, add_engine_options, find_engine
from crawler.batch.reparse import reparse_in_shards
from crawler.batch.shards import ShardFailed
from crawler.commands._collection import open_named
from crawler.commands.crawl import describe_posts
from crawler.monitoring.progress import show_progress
from crawler.publishing.changes import ChangeLog
from crawler.reparsing.pieces import PieceFile
from crawler.reparsing.provenance import compare_posts, iter_diff_lines
from crawler.reparsing.reparse import REPARSE_SETTINGS, Holding, ReparseSpider, forbid_network
from crawler.sources import Source, SourceError
from crawler.sources.archived import find_definitions
from pipelines.posts.ledger import Ledger

if TYPE_CHECKING:
    import argparse
    from datetime import datetime

    from scrapy.crawler import CrawlerProcessBase

    from crawler.batch.engines import Engine

_DIFF_LINES = 200
# Before the stage that joins.
_COLLECTING = {"crawler.publishing.history.CollectPipeline": 450}


class Command(ScrapyCommand):
    """Runs the spiders over a collection.

    Exit codes: 0 good, 1 nothing could be read or `--diff` found differences, 2 usage.
    """

    requires_project = True
    _engine: Engine | None = None
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
        add_engine_options(parser)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Reparse the collection named in `args`."""
        collection = open_named(self.settings, args)
        if opts.diff and opts.out:
            raise UsageError("--diff writes nothing, so --out has no use beside it", print_help=False)
        if opts.at and not (opts.diff or opts.out):
            raise UsageError("--at makes posts of the past; say where they go with --out, or --diff", print_help=False)
        assert self.settings is not None
        try:
            holding = Holding(collection, until=_parse_until(opts.at))
            sources = find_sources(holding, opts.source)
            self._engine = find_engine(opts)
        except (ArchiveError, SourceError, EngineError) as error:
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
                pieces = PieceFile(Path(scratch, "pieces.sqlite"))
                self.exitcode = self._reparse(holding, sources, posts_dir, ledger, pieces)
                if self.exitcode == 0:
                    adopt_ledger(ledger, current, posts_dir, old_files)
                    update_log(collection, pieces, sources[0].name if opts.source else "")
                pieces.close()

    def _reparse(
        self,
        holding: Holding,
        sources: list[Source],
        posts_dir: Path,
        ledger: Path,
        pieces: PieceFile | None = None,
    ) -> int:
        assert self.crawler_process is not None
        process = self.crawler_process
        return run_reparse(
            process, holding, sources, posts_dir=posts_dir, ledger=ledger, pieces=pieces, engine=self._engine
        )


def run_reparse(
    process: CrawlerProcessBase,
    holding: Holding,
    sources: list[Source],
    *,
    posts_dir: Path,
    ledger: Path,
    pieces: PieceFile | None = None,
    engine: Engine | None = None,
) -> int:
    """Read every capture of some sources again and write their posts.

    Args:
        pieces: gets what each capture states by itself.
        engine: works in shards; without one this process does it all.

    Returns:
        1 where a capture could not be read or a callback failed, else 0.
    """
    if engine is not None:
        return _run_in_shards(
            process, holding, sources, posts_dir=posts_dir, ledger=ledger, pieces=pieces, engine=engine
        )
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
            if pieces is not None:
                crawler.settings.set("ITEM_PIPELINES", _COLLECTING, priority="cmdline")
            process.crawl(crawler, source=source, entries=captures, collected=pieces)
        process.start()
    counted = [crawler.stats.get_stats() for crawler in crawlers if crawler.stats is not None]
    code = report_reparse(holding, sources, counted, is_empty=not any(entries))
    return 1 if process.bootstrap_failed else code


def _run_in_shards(
    process: CrawlerProcessBase, holding: Holding, sources: list[Source], *, ledger: Path, **options: Any
) -> int:
    try:
        stats = reparse_in_shards(process, holding, sources, ledger=ledger, **options)
    except (ShardFailed, EngineError) as error:
        print(f"{holding.collection.name}: {error}; run it again to go on", file=sys.stderr)  # noqa: T201
        return 1
    code = report_reparse(holding, sources, [dict(stats)], is_empty=not stats["downloader/request_count"])
    return 1 if stats["bootstrap_failed"] else code


def report_reparse(holding: Holding, sources: list[Source], counted: list[dict[str, Any]], *, is_empty: bool) -> int:
    """Say what was read and made; return 1 where there was nothing, or something could not be read."""
    name = holding.collection.name
    if is_empty:
        names = ", ".join(source.name for source in sources)
        print(f"{name}: no capture in it belongs to {names}", file=sys.stderr)  # noqa: T201
    for stats in counted:
        read = stats.get("response_received_count", 0)
        print(f"{name}: {read} captures read; {describe_posts(stats)}", file=sys.stderr)  # noqa: T201
    has_failed = any(stats.get("reparse/damaged") or stats.get("spider_exceptions/count") for stats in counted)
    return 1 if is_empty or has_failed else 0


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


def update_log(collection: Collection, pieces: PieceFile, source: str) -> None:
    """Bring the log of changes up to what a reparse has made; where there is none, make it from the captures.

    Args:
        source: the only source that was reparsed, or ''.
    """
    with closing(ChangeLog(collection, find_definitions(collection))) as log:
        if log.is_empty:
            log.rebuild(pieces, source=source)
        else:
            log.account(source=source, has_reparsed=True)


def _parse_until(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return parse_timestamp(text) + timedelta(seconds=1, microseconds=-1)
    except ValueError:
        message = f"--at {text!r} is not a timestamp of 14 digits such as 20261123080000"
        raise UsageError(message, print_help=False) from None
