"""`scrapy reparse`: rebuild every post from the archive, without network."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.terminal import count_words
from archives.urls import parse_timestamp
from crawler.addon import place_collection
from crawler.batch.engines import EngineError, add_engine_options, find_engine
from crawler.batch.reparse import remake_posts
from crawler.batch.shards import ShardFailed
from crawler.changelog.log import ChangeLog
from crawler.commands._collection import open_named
from crawler.monitoring.crawl_counts import describe_posts
from crawler.projects.collector import spare_imports
from crawler.projects.command import NewsreelCommand
from crawler.reparsing.comparison import Comparison, compare_collection, dump_comparison, iter_report_lines
from crawler.reparsing.contents import CollectionContents
from crawler.reparsing.ledger import adopt_ledger, prepare_ledger
from crawler.sources import SourceError
from crawler.sources.archived import find_definitions
from pipelines.posts.ledger import Ledger

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from datetime import datetime

    from archives.storage.collection import Collection
    from crawler.batch.engines import Engine
    from crawler.reparsing.reparse import Reparsed
    from crawler.sources import Source


class Command(NewsreelCommand):
    """Reads every capture of a collection again.

    Exit codes: 0 good, 1 nothing could be read or `--diff` found differences, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("finews --diff --html changes.html", "finews --workers 2")

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "COLLECTION [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Rebuild every post from the archive, without network"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument(
            "--source", metavar="NAME_OR_PATH", help="only this source (default: all of the collection)"
        )
        parser.add_argument("--at", metavar="TS", help="only captures up to this 14-digit UTC timestamp")
        parser.add_argument("--out", metavar="DIR", help="write the posts there instead of the collection's folder")
        parser.add_argument("--diff", action="store_true", help="report what would change, without writing")
        parser.add_argument("--json", action="store_true", help="print the report of --diff as one JSON object")
        parser.add_argument(
            "--html", metavar="FILE", help="write the report of --diff as a page that compares before and after"
        )
        parser.add_argument(
            "--examples",
            type=int,
            default=5,
            metavar="N",
            help="examples per change, 0 for all (default: %(default)s)",
        )
        add_engine_options(parser)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Reparse the collection named in `args`."""
        collection = open_named(self.settings, args)
        _check_options(opts)
        assert self.settings is not None
        try:
            contents = CollectionContents(collection, until=_parse_until(opts.at))
            sources = contents.find_sources(opts.source)
            engine = find_engine(opts)
            if not (opts.diff or opts.out):
                # Now rather than in the end: a log that cannot be used is a reason not to begin.
                ChangeLog(collection, find_definitions(collection)).close()
        except (ArchiveError, SourceError, EngineError) as error:
            raise UsageError(str(error), print_help=False) from error
        place_collection(self.settings, collection.name, priority="cmdline")
        spare_imports()
        with tempfile.TemporaryDirectory(prefix="newsreel-") as name:
            scratch = Path(name)
            try:
                if opts.diff:
                    self.exitcode = _compare(contents, sources, scratch, engine, opts)
                elif opts.out:
                    done = _remake(contents, sources, scratch / "ledger.sqlite", Path(opts.out), engine)
                    self.exitcode = report_reparse(contents, sources, done)
                else:
                    posts_dir = Path(self.settings["POSTS_DIR"])
                    is_partial = bool(opts.source)
                    self.exitcode = _replace(contents, sources, scratch, posts_dir, engine, is_partial=is_partial)
            except (ShardFailed, EngineError) as error:
                print(f"{collection.name}: {error}; run it again to continue", file=sys.stderr)  # noqa: T201
                self.exitcode = 1
            except (OSError, ArchiveError) as error:
                raise UsageError(str(error), print_help=False) from error


def _check_options(opts: argparse.Namespace) -> None:
    if opts.diff and opts.out:
        raise UsageError("--diff writes nothing; leave --out out", print_help=False)
    if opts.at and not (opts.diff or opts.out):
        raise UsageError("--at makes posts of the past; give --out DIR or --diff with it", print_help=False)
    if (opts.json or opts.html) and not opts.diff:
        raise UsageError("--json and --html are formats of the report of --diff; give --diff as well", print_help=False)


def _remake(
    contents: CollectionContents, sources: Sequence[Source], ledger: Path, posts_dir: Path, engine: Engine | None
) -> Reparsed:
    with closing(Ledger(ledger, is_scratch=True)) as remade:
        return remake_posts(contents, sources, remade, posts_dir=posts_dir, engine=engine)


def _replace(
    contents: CollectionContents,
    sources: Sequence[Source],
    scratch: Path,
    posts_dir: Path,
    engine: Engine | None,
    *,
    is_partial: bool,
) -> int:
    """Make the posts again in a scratch ledger, and replace the collection's ledger by it if all went well."""
    ledger = scratch / "ledger.sqlite"
    old_files = prepare_ledger(contents.collection, ledger, sources)
    done = _remake(contents, sources, ledger, posts_dir, engine)
    code = report_reparse(contents, sources, done)
    if done.read and not is_partial and not any(count.startswith("posts/") for count in done.counts):
        what = (
            'none of them shows an article; "newsreel sources new" drafts a definition, which says where articles are'
        )
        print(f"{contents.collection.name}: {what}", file=sys.stderr)  # noqa: T201
    if code == 0:
        adopt_ledger(ledger, contents.collection, posts_dir, old_files)
        _update_log(contents.collection, ledger, sources[0].name if is_partial else "")
    return code


def replace_posts(contents: CollectionContents, posts_dir: Path) -> int:
    """Make the posts of all sources of a collection again, in the place of those that are there.

    Returns:
        The exit code of a reparse.

    Raises:
        ArchiveError, SourceError, OSError: as a reparse does.
    """
    ChangeLog(contents.collection, find_definitions(contents.collection)).close()
    with tempfile.TemporaryDirectory(prefix="newsreel-") as name:
        return _replace(contents, contents.find_sources(), Path(name), posts_dir, None, is_partial=False)


def _compare(
    contents: CollectionContents,
    sources: Sequence[Source],
    scratch: Path,
    engine: Engine | None,
    opts: argparse.Namespace,
) -> int:
    """Report what would change; return 1 where anything would, or where not everything could be read."""
    path, posts_dir = scratch / "ledger.sqlite", scratch / "posts"
    done = _remake(contents, sources, path, posts_dir, engine)
    code = report_reparse(contents, sources, done)
    with closing(Ledger(path)) as remade:
        names = [source.name for source in sources]
        found = compare_collection(contents.collection, remade, posts_dir, sources=names, examples=opts.examples)
    if opts.html:
        _write_page(found, Path(opts.html))
    print_comparison(found, as_json=opts.json)
    return code or int(not found.is_same)


def _write_page(found: Comparison, path: Path) -> None:
    from crawler.reparsing.comparison_page import build_comparison_page  # noqa: PLC0415 (templates are slow to load)

    path.write_text(build_comparison_page(found), "utf-8")


def print_comparison(found: Comparison, *, as_json: bool) -> None:
    """Print what would change."""
    if as_json:
        print(json.dumps(dump_comparison(found), ensure_ascii=False))  # noqa: T201
        return
    for line in iter_report_lines(found):
        print(line)  # noqa: T201


def report_reparse(contents: CollectionContents, sources: Sequence[Source], done: Reparsed) -> int:
    """Say on standard error what was read and made; return 1 where there was nothing, or a capture was not read."""
    name = contents.collection.name
    is_empty = not (done.read or done.damaged or done.failed)
    if is_empty:
        names = ", ".join(source.name for source in sources)
        print(f"{name}: no capture in it belongs to {names}", file=sys.stderr)  # noqa: T201
    print(f"{name}: {count_words(done.read, 'capture')} read; {describe_posts(done.counts)}", file=sys.stderr)  # noqa: T201
    if not done.is_whole:
        print(f"{name}: {count_words(done.damaged + done.failed, 'capture')} could not be read", file=sys.stderr)  # noqa: T201
    return int(is_empty or not done.is_whole)


def _update_log(collection: Collection, remade: Path, source: str) -> None:
    """Bring the log of changes up to what a reparse has made; where there is none, make it from the captures.

    Args:
        source: the only source that was read again, or ''.
    """
    with closing(ChangeLog(collection, find_definitions(collection))) as log:
        if not log.is_empty:
            log.account(source=source, has_reparsed=True)
            return
        with closing(Ledger(remade)) as ledger:
            log.rebuild(ledger, source=source)


def _parse_until(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return parse_timestamp(text) + timedelta(seconds=1, microseconds=-1)
    except ValueError:
        message = f"--at {text!r} is not a timestamp of 14 digits such as 20261123080000"
        raise UsageError(message, print_help=False) from None
