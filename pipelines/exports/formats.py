"""The export formats by name, for `scrapy export` and `[[export]]` tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.exports.documents.csl import export_csl
from pipelines.exports.documents.lines import export_lines
from pipelines.exports.documents.newsarticle import build_newsarticle
from pipelines.exports.documents.ninjs import build_ninjs
from pipelines.exports.documents.search_engines import build_bulk, build_meilisearch
from pipelines.exports.documents.singer import export_singer
from pipelines.exports.feeds.entries import Order
from pipelines.exports.feeds.feeds import FeedOptions, export_feeds
from pipelines.exports.sites.hugo import export_hugo
from pipelines.exports.sites.jekyll import export_jekyll
from pipelines.exports.sites.markdown import export_markdown
from pipelines.exports.sites.site import SiteOptions
from pipelines.exports.tables.cloudevents import build_event
from pipelines.exports.tables.csv_table import export_csv, join_csv
from pipelines.exports.tables.dataset import export_dataset, join_dataset
from pipelines.exports.tables.jsonl import export_jsonl, join_jsonl
from pipelines.exports.tables.parquet import export_parquet, join_parquet
from pipelines.exports.tables.sqlite import export_sqlite
from pipelines.exports.web_addresses import is_web_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pipelines.exports.records import PostRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What formats for readers want to know beside the posts; empty if a format's own default will do.

    Attributes:
        safe_cells: in CSV, an apostrophe stands before what a spreadsheet would run as a formula.
        limit: posts in a feed.
        order: of feeds, one of `Order`.
        archive: behind the feeds of everything stand documents with all older posts.

    Raises:
        ValueError: one of them is invalid.
    """

    title: str = ""
    url: str = ""
    hub: str = ""
    safe_cells: bool = False
    limit: int = 0
    order: str = ""
    archive: bool = True

    def __post_init__(self) -> None:
        for name in ("url", "hub"):
            value = getattr(self, name)
            if value and not is_web_address(value):
                raise ValueError(f"{name} must be an http or https address without blanks and user name, not {value!r}")
        if self.order and self.order not in list(Order):
            raise ValueError(f"feeds have no order {self.order!r}; there are {', '.join(Order)}")
        if self.limit < 0:
            raise ValueError(f"a feed cannot hold {self.limit} posts; name a number from 1")


class Exporter(Protocol):
    """A format, as an entry point of `newsreel.exporters` makes it when called without arguments."""

    @property
    def title(self) -> str:
        """What it makes, in a few words."""

    @property
    def is_table(self) -> bool:
        """Whether it can hold changes, also of posts that are gone (`record.change` says which)."""

    def export(self, records: Iterable[PostRecord], path: Path, options: ExportOptions) -> int:
        """Write posts to a path, and return how many they were.

        Records come one by one, by collection and day, and are read as they are requested. What is at the path is
        to be replaced whole or not at all: `replace_file` and `replace_folder` do that.

        Raises:
            ExportError: it cannot be written; its sentence is what the user reads.
            OSError: likewise.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format of ours; an `Exporter` with a name.

    Attributes:
        export: writes records to a path and returns how many they were.
        is_table: it can hold changes, also of posts that are gone; the others are always made of all posts.
        join: makes of the exports of all parts of the posts, in their order, the export of them all; None if that
            would be no less work than the export.
        is_monthly: joining is cheaper where the posts of one month are in one part.
    """

    name: str
    title: str
    export: Callable[[Iterable[PostRecord], Path, ExportOptions], int]
    is_table: bool
    join: Callable[[Sequence[Path], Path], None] | None = None
    is_monthly: bool = False


def _table(
    name: str,
    title: str,
    export: Callable[[Iterable[PostRecord], Path], int],
    join: Callable[[Sequence[Path], Path], None] | None = None,
    *,
    is_monthly: bool = False,
) -> Format:
    return Format(
        name=name,
        title=title,
        export=lambda records, path, _: export(records, path),
        is_table=True,
        join=join,
        is_monthly=is_monthly,
    )


def _lines(name: str, title: str, build: Callable[[PostRecord], Iterable[Any]]) -> Format:
    """Return a format of lines that know nothing of each other."""
    return _table(name, title, lambda records, path: export_lines(records, path, build))


def _jekyll(records: Iterable[PostRecord], path: Path, options: ExportOptions) -> int:
    return export_jekyll(records, path, _build_site(options, "http://localhost:4000"))


def _hugo(records: Iterable[PostRecord], path: Path, options: ExportOptions) -> int:
    return export_hugo(records, path, _build_site(options, "http://localhost:1313"))


def _build_site(options: ExportOptions, url: str) -> SiteOptions:
    return SiteOptions(title=options.title or SiteOptions().title, url=(options.url or url).rstrip("/"))


def _csv(records: Iterable[PostRecord], path: Path, options: ExportOptions) -> int:
    return export_csv(records, path, has_safe_cells=options.safe_cells)


def _feeds(records: Iterable[PostRecord], path: Path, options: ExportOptions) -> int:
    default = FeedOptions()
    url = (options.url or default.url).rstrip("/")
    order = Order(options.order or default.order)
    title, limit = options.title or default.title, options.limit or default.limit
    chosen = FeedOptions(title=title, url=url, hub=options.hub, limit=limit, order=order, has_archive=options.archive)
    return export_feeds(records, path, chosen)


FORMATS = {
    entry.name: entry
    for entry in (
        _table("jsonl", "JSON Lines, one post per line", export_jsonl, join_jsonl),
        Format(name="csv", title="CSV for spreadsheets", export=_csv, is_table=True, join=join_csv),
        _table("sqlite", "SQLite with full-text search", export_sqlite),
        _table("parquet", "Parquet files by month (extra [parquet])", export_parquet, join_parquet, is_monthly=True),
        _table(
            "dataset",
            "a dataset folder of Parquet files (extra [parquet])",
            export_dataset,
            join_dataset,
            is_monthly=True,
        ),
        Format(name="jekyll", title="a site for Jekyll 4", export=_jekyll, is_table=False),
        Format(name="hugo", title="a site for Hugo", export=_hugo, is_table=False),
        Format(
            name="markdown",
            title="Markdown files with ISO dates, for Eleventy, Astro and the like",
            export=lambda records, path, _: export_markdown(records, path),
            is_table=False,
        ),
        _lines(
            "cloudevents",
            "CloudEvents 1.0; changes with --since",
            lambda record: [build_event(record)],
        ),
        _lines("ninjs", "IPTC ninjs 3 for newsrooms, one object per line", lambda record: [build_ninjs(record)]),
        _lines(
            "newsarticle",
            "schema.org NewsArticle, one JSON-LD object per line",
            lambda record: [build_newsarticle(record)],
        ),
        Format(
            name="csl",
            title="CSL-JSON, references for Zotero",
            export=lambda records, path, _: export_csl(records, path),
            is_table=False,
        ),
        _table("singer", "Singer messages for a target", export_singer),
        _lines("opensearch", "bulk requests for OpenSearch and Elasticsearch", build_bulk),
        _lines("meilisearch", "documents for Meilisearch, one per line", build_meilisearch),
        Format(
            name="feeds", title="Atom, RSS and JSON Feed by source, category and tag", export=_feeds, is_table=False
        ),
    )
}
