"""Progress of a crawl: a bar on a terminal, occasional lines in a pipe, events for programs.

The bar and Scrapy's log share a terminal. While the bar stands, log handlers that write to standard error are handed
the bar's own stream, which prints a line above the bar instead of through it.
"""

from __future__ import annotations

import logging
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from scrapy import signals
from scrapy.exceptions import NotConfigured
from scrapy.utils.asyncio import create_looping_call

from crawler.monitoring.crawl_counts import Pace, build_counts, describe_counts, dump_counts
from crawler.monitoring.events import Event, EventKind, describe_event, dump_event
from crawler.monitoring.failures import page_failed
from crawler.projects.streams import discard_output
from crawler.runs.run import RunExtension
from crawler.settings import choices
from pipelines.stages import post_filed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from scrapy.crawler import Crawler

    from crawler.monitoring.crawl_counts import CrawlCounts
    from pipelines.posts.post_folder import Filed
    from pipelines.rules.links import LinkKind

_FORMATS = choices["PROGRESS_FORMAT"]
_BAR_S = 0.25
_WIDE = 80


def print_event(event: Event) -> None:
    """Print an event as a line of JSON; if standard output is closed, drop it and all later ones."""
    try:
        print(dump_event(event), flush=True)  # noqa: T201
    except BrokenPipeError:  # the crawl continues
        discard_output()


class _View:
    """One way to show a crawl."""

    def show(self, counts: CrawlCounts) -> None:
        """Show how far it has come."""

    def show_event(self, event: Event) -> None:
        """Show one event."""

    def close(self) -> None:
        """Show nothing more."""


class _Bar(_View):
    """A bar at the foot of the terminal, with the log above it."""

    def __init__(self, name: str, console: Console | None = None) -> None:
        import rich.console  # noqa: PLC0415 (most crawls show no bar)
        from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

        self._console = console = console or rich.console.Console(stderr=True)
        bar_width = 20 if console.width >= _WIDE else 10
        name = name[: console.width // 4]
        self._others = len(name) + bar_width + 2  # columns that are not for the counts
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=bar_width),
            TextColumn("{task.fields[words]}", markup=False),
        )
        # Drawn by the crawl's own loop: a thread would draw while the log is half written.
        self._progress = Progress(
            *columns, console=console, transient=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=True
        )
        self._task = self._progress.add_task(name, total=None, words="")
        plain = sys.stderr
        self._progress.start()
        self._restored = [(handler, plain) for handler in _iter_handlers(plain)]
        for handler, _ in self._restored:
            handler.setStream(sys.stderr)

    def show(self, counts: CrawlCounts) -> None:
        total = counts.done + counts.waiting
        words = describe_counts(counts, columns=self._console.width - self._others)
        self._progress.update(self._task, completed=counts.done, total=total or None, words=words, refresh=True)

    def close(self) -> None:
        for handler, stream in self._restored:
            handler.setStream(stream)
        self._progress.stop()


class _Lines(_View):
    """Counts as lines on standard error."""

    def __init__(self, name: str) -> None:
        self._name = name

    def show(self, counts: CrawlCounts) -> None:
        print(describe_event(_build_progress(self._name, counts)), file=sys.stderr, flush=True)  # noqa: T201


class _Events(_View):
    """Events as JSON Lines on standard output."""

    def __init__(self, name: str) -> None:
        self._name = name

    def show(self, counts: CrawlCounts) -> None:
        self.show_event(_build_progress(self._name, counts))

    def show_event(self, event: Event) -> None:
        print_event(event)


class ProgressExtension:
    """Shows a crawl while it runs, as `PROGRESS_FORMAT` says: a bar, lines, or events."""

    def __init__(self, crawler: Crawler, form: str) -> None:
        self._crawler = crawler
        self._form = form
        self._interval_s = _BAR_S if form == "bar" else crawler.settings.getfloat("PROGRESS_INTERVAL")
        self._pace = Pace()
        self._view: _View | None = None
        self._loop: Any = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the extension.

        Raises:
            NotConfigured: nothing is to be shown, or `PROGRESS_FORMAT` is none of ours.
        """
        form = crawler.settings.get("PROGRESS_FORMAT") or "off"
        if form not in _FORMATS:
            raise NotConfigured(f"PROGRESS_FORMAT is {form!r}; it must be one of {', '.join(_FORMATS)}")
        if form == "auto":
            form = "bar" if sys.stderr.isatty() else "lines"
        if form == "off":
            raise NotConfigured("PROGRESS_FORMAT is 'off'")
        extension = cls(crawler, form)
        connect = crawler.signals.connect
        connect(extension.spider_opened, signal=signals.spider_opened)
        connect(extension.spider_closed, signal=signals.spider_closed)
        if form == "json":
            connect(extension.post_filed, signal=post_filed)
            connect(extension.page_failed, signal=page_failed)
        return extension

    @property
    def _source(self) -> str:
        source = getattr(self._crawler.spider, "source", None)
        return source.name if source else getattr(self._crawler.spider, "name", "")

    def spider_opened(self) -> None:
        """Begin to show."""
        views: dict[str, Callable[[str], _View]] = {"bar": _Bar, "lines": _Lines, "json": _Events}
        self._view = views[self._form](self._source)
        self._emit(EventKind.STARTED, **self._describe())
        if self._interval_s > 0:
            self._loop = create_looping_call(self._show)
            self._loop.start(self._interval_s, now=self._form == "bar")

    def spider_closed(self) -> None:
        """Show nothing more."""
        if self._loop is not None:
            self._loop.stop()
        if self._view is not None:
            self._view.close()

    def post_filed(self, filed: Filed) -> None:
        """Report a post file."""
        post = filed.post
        self._emit(
            EventKind.POST,
            outcome=filed.outcome,
            identifier=post.identifier,
            url=post.url,
            headline=post.headline,
            file=filed.path.name,
        )

    def page_failed(self, url: str, kind: LinkKind, reason: str) -> None:
        """Report a page that could not be fetched."""
        self._emit(EventKind.FAILURE, url=url, page=kind, reason=reason)

    def _describe(self) -> dict[str, Any]:
        run = self._crawler.get_extension(RunExtension)
        return {
            "run": run.run_id if run else None,
            "spider": getattr(self._crawler.spider, "name", ""),
            "collection": self._crawler.settings["COLLECTION"],
            "seeds": list(getattr(self._crawler.spider, "seeds", ())),
            "resumed": self._crawler.stats.get_value("frontier/resumed", 0),
        }

    def _show(self) -> None:
        assert self._view is not None
        run = self._crawler.get_extension(RunExtension)
        size = run.bytes_written if run else 0
        stats = self._crawler.stats.get_stats()
        self._view.show(build_counts(stats, bytes_archived=size, pace=self._pace, now=time.monotonic()))

    def _emit(self, kind: EventKind, **details: Any) -> None:
        if self._view is not None:
            self._view.show_event(Event(kind=kind, at=datetime.now(UTC), source=self._source, details=details))


def _build_progress(name: str, counts: CrawlCounts) -> Event:
    return Event(kind=EventKind.PROGRESS, at=datetime.now(UTC), source=name, details=dump_counts(counts))


def _iter_handlers(stream: Any) -> Iterator[logging.StreamHandler[Any]]:
    """Yield the root logger's handlers that write to a stream."""
    for handler in logging.root.handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is stream:
            yield handler
