"""`scrapy history`: the versions of an article, and what changed between them."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import Console
from rich.table import Table
from rich.text import Text
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archives.collection import Collection, list_collections
from archives.errors import ArchiveError
from crawler.addon import place_collection
from crawler.commands.reparse import find_sources
from crawler.history import Version, build_versions, find_entries, iter_text_diff
from crawler.reparse import REPARSE_SETTINGS, Holding, ReparseSpider, forbid_network
from crawler.sources import Source, SourceError

if TYPE_CHECKING:
    import argparse

_STAGES = {
    "pipelines.stages.AdoptPipeline": 100,
    "pipelines.stages.DatesPipeline": 200,
    "pipelines.stages.TagsPipeline": 300,
    "pipelines.stages.BodyPipeline": 400,
    "pipelines.stages.PostFilesPipeline": None,
    "crawler.history.CollectPipeline": 500,
}
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


class Command(ScrapyCommand):
    """Lists the versions of an article with their capture times, and shows what changed.

    Exit codes: 0 good, 1 the article is not in the archive, 2 usage.
    """

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "ERROR"}

    def syntax(self) -> str:
        """Return what stands behind the command's name."""
        return "<url or id> [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "List the versions of an article and show what changed between them"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--collection", metavar="NAME", help="where to look (default: the only collection)")
        parser.add_argument("--source", metavar="NAME_OR_PATH", help="whose article (default: any of the collection)")
        parser.add_argument("--json", action="store_true", help="print one JSON object a version")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Show the history of the article named in `args`."""
        if len(args) != 1:
            raise UsageError("name one article, by its address or its id")
        assert self.settings is not None
        try:
            holding = Holding(_find_collection(Path(self.settings["DATA_DIR"]), opts.collection))
            sources = find_sources(holding, opts.source)
        except (ArchiveError, SourceError) as error:
            raise UsageError(str(error), print_help=False) from error
        versions = self._find_versions(holding, sources, args[0])
        if not versions:
            print(f"{args[0]} is no article of collection {holding.collection.name}", file=sys.stderr)  # noqa: T201
            self.exitcode = 1
        elif opts.json:
            _print_json(versions)
        else:
            _print_table(versions)

    def _find_versions(self, holding: Holding, sources: list[Source], article: str) -> list[Version]:
        assert self.crawler_process is not None
        process = self.crawler_process
        for name, value in REPARSE_SETTINGS.items():
            process.settings.set(name, value, priority="cmdline")
        place_collection(process.settings, holding.collection.name, priority="cmdline")
        forbid_network()
        collected: list[Any] = []
        crawlers = []
        for source in sources:
            entries = find_entries(holding.iter_entries(source), source, source.find_identifier(article) or article)
            crawler = process.create_crawler(ReparseSpider)
            crawler.settings.set("ITEM_PIPELINES", _STAGES, priority="cmdline")
            process.crawl(crawler, source=source, entries=entries, collected=collected)
            crawlers.append(crawler)
        process.start()
        for source in sources:
            versions = build_versions(collected, source.find_identifier(article) or article, source.post)
            if versions:
                return versions
        return []


def _find_collection(data_dir: Path, name: str | None) -> Collection:
    names = [name] if name else list_collections(data_dir)
    if len(names) != 1:
        raise UsageError(f"name one with --collection; there are {', '.join(names) or 'none'}", print_help=False)
    return Collection.open(data_dir, names[0])


def _print_json(versions: list[Version]) -> None:
    for version in versions:
        line = {
            "version": version.number,
            "captured_at": version.captured_at.isoformat(),
            "record_id": version.record_id,
            "changed": version.changed,
            "headline": version.post.headline,
            "articleBody": version.post.articleBody,
        }
        print(json.dumps(line, ensure_ascii=False))  # noqa: T201


def _print_table(versions: list[Version]) -> None:
    console = Console(highlight=False)
    table = Table("version", "captured", "changed", "headline", box=None, pad_edge=False)
    for version in versions:
        captured = f"{version.captured_at:%Y-%m-%d %H:%M:%S} UTC"
        table.add_row(str(version.number), captured, ", ".join(version.changed), Text(version.post.headline))
    console.print(table)
    for old, new in pairwise(versions):
        console.print()
        console.print(f"version {old.number} to {new.number}", style="bold")
        for line in list(iter_text_diff(old.post, new.post))[2:]:
            console.print(Text(line, style=_COLOURS.get(line[:1], "")))
