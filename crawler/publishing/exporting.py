"""Exports configured in `exports.toml`, updated after each run.

The log of changes is updated first, in every project and whether or not anybody exports anything, because a
change that was not entered when it happened could only be guessed at later.
"""

from __future__ import annotations

import logging
import sqlite3
import tomllib
from contextlib import closing
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from scrapy import signals

from archives.errors import ArchiveError
from crawler.publishing.delivering import deliver_changes
from crawler.publishing.formats import FormatError, check_format, find_format
from crawler.publishing.library import Library
from crawler.publishing.live import LiveDelivery
from crawler.publishing.webhooks import Hook, load_hook
from crawler.publishing.websub import Announcements
from crawler.sources import SourceError
from pipelines.exports.feeds.feeds import FeedOptions
from pipelines.exports.files import ExportError
from pipelines.exports.formats import ExportOptions
from pipelines.exports.records import RecordRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

# A slow receiver must not delay the end of a run for long; the rest is delivered next time.
_DELIVERY_S = 30.0
_KINDS = {str: "a text", bool: "true or false", int: "a whole number"}


class PlanError(ValueError):
    """The exports file is invalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPlan:
    """One table `[[export]]`.

    Attributes:
        path: of the file or folder to write, relative to the file that names it.
        collection: only its posts; '' for those of all.
        source: only its posts; '' for those of all.
    """

    format: str
    path: Path
    collection: str = ""
    source: str = ""
    options: ExportOptions = field(default_factory=ExportOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """What a file of exports asks for."""

    exports: tuple[ExportPlan, ...] = ()
    hooks: tuple[Hook, ...] = ()


def read_plans(path: Path) -> Plans:
    """Read a file of exports; one that is not there asks for nothing.

    Raises:
        PlanError: it is invalid.
    """
    if not path.exists():
        return Plans()
    try:
        values = tomllib.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{path} is not TOML: {error}") from error
    unknown = sorted(values.keys() - {"export", "webhook"})
    if unknown:
        raise PlanError(f"{path}: {unknown[0]} is not a table here; allowed are [[export]] and [[webhook]]")
    try:
        exports = tuple(_load_export(table, path.parent) for table in values.get("export", ()))
        hooks = tuple(load_hook(table) for table in values.get("webhook", ()))
    except ValueError as error:
        raise PlanError(f"{path}: {error}") from error
    return Plans(exports=exports, hooks=hooks)


def load_plans(settings: BaseSettings) -> Plans:
    """Read the file of exports that the settings name, and load the formats that it asks for.

    Raises:
        PlanError: it is invalid, or a format cannot be used.
    """
    path = Path(settings["EXPORTS_FILE"] or "exports.toml")
    plans = read_plans(path)
    try:
        for plan in plans.exports:
            find_format(plan.format)
    except FormatError as error:
        raise PlanError(f"{path}: {error}") from error
    return plans


def _load_export(table: Mapping[str, Any], folder: Path) -> ExportPlan:
    kinds = {entry.name: type(entry.default) for entry in fields(ExportOptions)}
    allowed = dict.fromkeys(("format", "path", "collection", "source"), str) | kinds
    for key, value in table.items():
        if key not in allowed:
            raise ValueError(f"{key} is not a key of [[export]]; allowed are {', '.join(allowed)}")
        if type(value) is not allowed[key]:
            raise ValueError(f"{key} of [[export]] must be {_KINDS[allowed[key]]}, not {value!r}")
    if not table.get("format") or not table.get("path"):
        raise ValueError("[[export]] needs a path and a format")
    check_format(table["format"])
    return ExportPlan(
        format=table["format"],
        path=folder / table["path"],
        collection=table.get("collection", ""),
        source=table.get("source", ""),
        options=ExportOptions(**{name: table[name] for name in kinds if name in table}),
    )


def run_export(library: Library, plan: ExportPlan) -> int:
    """Write one export; return the number of posts in it.

    Raises:
        pipelines.exports.files.ExportError: it cannot be written there.
        pipelines.exports.records.RecordRefused: a post holds what no format can.
        archives.errors.ArchiveError: there is no such collection.
        FormatError: there is no such format.
    """
    records = library.posts(collection=plan.collection, source=plan.source)
    with closing(records):
        return find_format(plan.format).export(records, plan.path, plan.options)


def update_exports(library: Library, settings: BaseSettings, *, timeout_s: float) -> None:
    """Write every configured export again and deliver all changes.

    Raises:
        PlanError: the exports file is invalid.
        pipelines.exports.files.ExportError: an export cannot be written.
        pipelines.exports.records.RecordRefused: a post holds what no format can.
        archives.errors.ArchiveError: a collection cannot be read.
    """
    plans = load_plans(settings)
    for plan in plans.exports:
        run_export(library, plan)
    if plans.hooks:
        deliver_changes(library, plans.hooks, timeout_s=timeout_s)


class ExportExtension:
    """When a run has ended: enters what has changed into the log, writes the exports again, tells the receivers.

    Stats: `exports/changes`, `exports/written`, `exports/failed`, `exports/delivered`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._library = Library(Path(crawler.settings["DATA_DIR"]))
        self._plans = load_plans(crawler.settings)
        self._live: LiveDelivery | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the plans at once, so that an error is reported before the crawl.

        Raises:
            PlanError: the exports file is invalid.
        """
        extension = cls(crawler)
        crawler.signals.connect(extension.engine_started, signal=signals.engine_started)
        crawler.signals.connect(extension.engine_stopped, signal=signals.engine_stopped)
        return extension

    def engine_started(self) -> None:
        """Begin to deliver what the run makes."""
        name, pause_s = self._crawler.settings["COLLECTION"], self._crawler.settings.getfloat("EXPORTS_DELIVER_SECONDS")
        if self._plans.hooks and name and pause_s > 0:
            self._live = LiveDelivery(self._library, self._plans.hooks, name, pause_s=pause_s)
            self._live.start()

    def engine_stopped(self) -> None:
        """Do it all; nothing that goes wrong here makes a run fail, for the next one does it again."""
        has_changed = self._end_live()
        name = self._crawler.settings["COLLECTION"]
        source = getattr(getattr(self._crawler.spider, "source", None), "name", "")
        try:
            has_changed = self._account(name, source) or has_changed
        except (ArchiveError, SourceError, OSError, sqlite3.Error) as error:
            self._fail("the log of changes", error)
            return
        for plan in self._plans.exports:
            if plan.collection in ("", name) and (has_changed or not plan.path.exists()):
                self._export(plan)
        if self._plans.hooks:
            self._deliver()

    def _end_live(self) -> bool:
        """Stop the deliveries of the run; return whether anything has changed so far."""
        if self._live is None:
            return False
        self._live.stop()
        stats = self._crawler.stats
        if self._live.entered:
            stats.inc_value("exports/changes", self._live.entered)
        if self._live.delivered:
            stats.inc_value("exports/delivered", self._live.delivered)
        if self._live.failed:
            stats.inc_value("exports/failed", self._live.failed)
        return self._live.entered > 0

    def _account(self, collection: str, source: str) -> bool:
        with closing(self._library.open_log(collection, fills=False)) as log:
            changes = log.account(source="" if log.is_empty else source)
        self._crawler.stats.inc_value("exports/changes", changes)
        return changes > 0

    def _export(self, plan: ExportPlan) -> None:
        try:
            run_export(self._library, plan)
        except (ArchiveError, SourceError, ExportError, RecordRefused, OSError, sqlite3.Error) as error:
            self._fail(f"{plan.format} export {plan.path}", error)
            return
        self._crawler.stats.inc_value("exports/written")
        if plan.format == "feeds" and plan.options.hub:
            url = plan.options.url or FeedOptions().url
            refusal = Announcements(self._library.data_dir).announce(plan.options.hub, plan.path, url)
            if refusal:
                logger.warning("Hub %s could not be notified: %s", plan.options.hub, refusal)

    def _deliver(self) -> None:
        try:
            deliveries = deliver_changes(self._library, self._plans.hooks, timeout_s=_DELIVERY_S)
        except (ArchiveError, SourceError, OSError, sqlite3.Error) as error:
            self._fail("the outbox of webhooks", error)
            return
        self._crawler.stats.inc_value("exports/delivered", deliveries.delivered)

    def _fail(self, what: str, error: Exception) -> None:
        self._crawler.stats.inc_value("exports/failed")
        logger.error("%s could not be updated: %s", what, error)
