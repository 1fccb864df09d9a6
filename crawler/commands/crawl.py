"""`scrapy crawl`: Scrapy's command with checked arguments and meaningful exit codes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.exceptions import UsageError
from scrapy.settings import SETTINGS_PRIORITIES

from archives.errors import ArchiveError
from archives.storage.collection import Collection
from archives.terminal import count_words
from archives.transfer import registry
from crawler.alerts.sending import load_receivers
from crawler.alerts.watch import send_and_report
from crawler.commands._process import tune_process
from crawler.environment import name_program
from crawler.frontier.leases import verify_file
from crawler.frontier.streams import find_url, verify_server
from crawler.monitoring.crawl_counts import describe_posts
from crawler.monitoring.events import Event, EventKind
from crawler.monitoring.exits import ExitCode, explain_early_end, find_exit_code
from crawler.monitoring.health import load_health
from crawler.monitoring.metrics import dump_metrics, write_metrics
from crawler.monitoring.no_articles import explain_no_articles
from crawler.monitoring.progress import print_event
from crawler.projects.command import refuse_misspellings, refuse_word, report_failures, show_examples
from crawler.publishing.exporting import load_plans
from crawler.reparsing.ledger import open_ledger
from crawler.runs.manifest import list_counts
from crawler.runs.run import RunExtension
from crawler.sources import SourceError
from crawler.spiders.arguments import check_arguments
from crawler.spiders.base import NewsSpider

if TYPE_CHECKING:
    import argparse

    from scrapy.crawler import Crawler

_SPIDERS: Final = (
    "Capture every exchange and write posts. SPIDER is one of three. category crawls a source: -a source=NAME_OR_PATH."
    " share crawls share links: -a source=NAME_OR_PATH -a urls=LINK,LINK, a file of links, or - for standard input."
    " site crawls a site without a definition: -a url=URL, and as you like since=DAY, depth=N, timezone=ZONE,"
    " language=TAG, requisites=KIND,KIND. category and site also take seeds=URL,URL, walk=full (all lists to the end),"
    " and backfill=DAY with max_pages=N (older articles); all take collection=NAME."
)


class Command(ScrapyCrawl):
    """Runs one spider.

    Exit codes: 0 good; 1 it could not start, nothing was fetched, no article was found, a callback failed, or it
    needed too much memory; 2 usage; 3 the disk would take no more; 11 the run was interrupted, 15 a time limit
    ended it, and the next run continues it.
    """

    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "INFO"}

    examples = (
        "site -a url=https://paper.example/",
        "category -a source=finews",
        "category -a source=finews -a walk=full -s DATA_DIR=/srv/news",
    )

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "SPIDER -a NAME=VALUE… [options]"

    def long_desc(self) -> str:
        """Return the spiders with their arguments."""
        return _SPIDERS

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Crawl: capture every exchange, write posts (-a source=NAME_OR_PATH)"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        self._parser = parser
        show_examples(parser, self, self.examples)
        parser.add_argument("--json", action="store_true", help="events as JSON Lines on standard output")
        parser.add_argument("-v", "--verbose", action="store_true", help="log each step, also above a progress bar")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        """Have the crawl show itself, which a command does and a library does not."""
        refuse_misspellings(self._parser, args, opts)
        report_failures()
        super().process_options(args, opts)
        assert self.settings is not None
        is_default = self.settings.getpriority("LOG_LEVEL") == SETTINGS_PRIORITIES["command"]
        if is_default and not opts.verbose and sys.stderr.isatty():
            self.settings.set("LOG_LEVEL", "WARNING", priority="command")
        self.settings["EXTENSIONS"].update({"crawler.monitoring.progress.ProgressExtension": 20}, priority="cmdline")
        if opts.json:
            self.settings.set("PROGRESS_FORMAT", "json", priority="cmdline")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run the spider named in `args`."""
        if len(args) != 1:
            raise UsageError(f"name one spider; '{name_program()} list' shows them")
        assert self.crawler_process is not None
        crawler = self.crawler_process.create_crawler(self._find_spider(args[0]))
        arguments = self._check_arguments(crawler, dict(opts.spargs))
        tune_process(crawler)
        self.crawler_process.crawl(crawler, **arguments)
        self.crawler_process.start()
        if self.crawler_process.bootstrap_failed:
            self.exitcode = ExitCode.PROBLEMS
            return
        stats = crawler.stats.get_stats()
        is_ours = issubclass(crawler.spidercls, NewsSpider)
        # A worker in a shared crawl may find none while the others do.
        is_whole = is_ours and not crawler.settings["FRONTIER_URL"] and stats.get("finish_reason") == "finished"
        silence = explain_no_articles(stats) if is_whole else ""
        early = explain_early_end(stats) if is_ours else ""
        self.exitcode = find_exit_code(stats, has_pages=is_ours, is_silent=bool(silence))
        if "finish_reason" not in stats:  # asked to stop twice, it did not even close its spider
            self.exitcode = ExitCode.INTERRUPTED
        if opts.json:
            print_event(build_finished(crawler, exit_code=self.exitcode))
        self._leave_metrics()
        print(describe_run(crawler), file=sys.stderr)  # noqa: T201
        if silence or early:
            print(f"{crawler.settings['COLLECTION']}: {silence or early}", file=sys.stderr)  # noqa: T201
        source = getattr(crawler.spider, "source", None)
        send_and_report(
            crawler.settings, collection=crawler.settings["COLLECTION"], source=source.name if source else ""
        )
        self._exchange(crawler)

    def _exchange(self, crawler: Crawler) -> None:
        """Tell other machines, and take in theirs, in its own process: a reactor runs once in each."""
        settings = crawler.settings
        url = registry.find_url(settings["CATALOGUE_URL"])
        if not url or settings["ARCHIVE_MODE"] != "capture":
            return
        command = [sys.executable, "-m", "scrapy", "sync", settings["COLLECTION"]]
        for name in ("DATA_DIR", "STORE_URL"):
            command += ["-s", f"{name}={settings[name]}"]
        done = subprocess.run(command, env={**os.environ, registry.ENVIRONMENT: url}, check=False)  # noqa: S603 (our own)
        if done.returncode and not self.exitcode:
            self.exitcode = ExitCode.PROBLEMS

    def _leave_metrics(self) -> None:
        """Write what Prometheus shall know of all sources; that this fails harms no crawl."""
        assert self.settings is not None
        if not self.settings["METRICS_FILE"]:
            return
        try:
            write_metrics(Path(self.settings["METRICS_FILE"]), dump_metrics(load_health(self.settings)))
        except OSError as error:
            print(f"METRICS_FILE could not be written: {error}", file=sys.stderr)  # noqa: T201

    def _find_spider(self, name: str) -> str:
        assert self.crawler_process is not None
        known = self.crawler_process.spider_loader.list()
        if name not in known:
            raise refuse_word(name, known, "spider")
        return name

    def _check_arguments(self, crawler: Crawler, arguments: dict[str, Any]) -> dict[str, Any]:
        if not issubclass(crawler.spidercls, NewsSpider):
            return arguments
        try:
            check_arguments(crawler.spidercls, arguments)
            source = crawler.spidercls.build_source(arguments)
            collection = arguments.get("collection") or source.name
            arguments = crawler.spidercls.parse_arguments(arguments) | {"source": source}
            load_plans(crawler.settings)
            load_receivers(crawler.settings)
            if crawler.settings["ARCHIVE_MODE"] == "capture":
                held = Collection.open(Path(crawler.settings["DATA_DIR"]), collection, create=True)
                if url := find_url(crawler.settings["FRONTIER_URL"]):
                    verify_server(url)
                else:
                    verify_file(held.path / "frontier.sqlite")
                open_ledger(held).close()
                registry.learn(registry.find_url(crawler.settings["CATALOGUE_URL"]), held)
        except (SourceError, ArchiveError, ValueError, OSError) as error:
            raise UsageError(str(error), print_help=False) from error
        except sqlite3.Error as error:
            raise UsageError(f"a database of {held.path} cannot be written: {error}", print_help=False) from error
        return arguments


def describe_run(crawler: Crawler) -> str:
    """Return a one-line summary of a run."""
    stats = crawler.stats.get_stats()
    return (
        f"{crawler.settings['COLLECTION']}: {count_words(stats.get('response_received_count', 0), 'response')},"
        f" {count_words(stats.get('archive/exchanges', 0), 'exchange')} captured; {describe_posts(stats)}"
    )


def build_finished(crawler: Crawler, *, exit_code: int) -> Event:
    """Return the last event of a run, with the counts that its manifest holds."""
    stats = crawler.stats.get_stats()
    run = crawler.get_extension(RunExtension)
    source = getattr(crawler.spider, "source", None)
    return Event(
        kind=EventKind.FINISHED,
        at=datetime.now(UTC),
        source=source.name if source else "",
        details={
            "run": run.run_id if run else None,
            "exit_code": exit_code,
            "exit_reason": stats.get("finish_reason"),
            "seconds": round(stats.get("elapsed_time_seconds", 0.0), 1),
            "counts": list_counts(stats),
        },
    )
