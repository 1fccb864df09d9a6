"""A reparse in shards: each file is read by itself, and what the files state is joined.

Joining is commutative and idempotent, so it does not matter which process read what, or when: the posts are those of a
reparse in one process, to the byte.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from scrapy import Spider
from scrapy.crawler import CrawlerProcess
from scrapy.utils.project import ENVVAR, get_project_settings

from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from crawler.addon import place_collection
from crawler.batch.jobs import plan_job, run_job
from crawler.reparsing.pieces import PieceFile
from crawler.reparsing.reparse import REPARSE_SETTINGS, Holding, ReparseSpider, forbid_network
from crawler.sources import Source, load_source
from pipelines.posts.ledger import Ledger
from pipelines.posts.merge import attest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from scrapy.crawler import Crawler, CrawlerProcessBase
    from scrapy.settings import BaseSettings

    from crawler.batch.engines import Engine
    from pipelines.posts.items import Post
    from pipelines.posts.options import PostOptions

_FUNCTION = "crawler.batch.reparse:reparse_shard"
_LEDGER, _PIECES = "ledger.sqlite", "pieces.sqlite"
_CMDLINE = 40
# In place of the stage that writes post files, which has to wait for all shards.
_JOINING = {
    "crawler.publishing.history.CollectPipeline": 450,
    "crawler.batch.reparse.JoinPipeline": 460,
    "pipelines.stages.PostFilesPipeline": None,
}


class JoinPipeline:
    """Joins what the captures of a shard state, and writes no file."""

    def __init__(self, crawler: Crawler) -> None:
        self._ledger: Ledger = crawler.spider.ledger  # type: ignore[union-attr]

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the pipeline for one run."""
        return cls(crawler)

    def process_item(self, item: Post) -> Post:
        """Join a normalised post with what is known of its article."""
        self._ledger.absorb(attest(item))
        return item


class ShelveSpider(Spider):
    """Asks for nothing: when it closes, the last stage writes the files of all posts whose state has changed."""

    name = "shelve"

    def __init__(self, sources: list[Source], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._options = {source.name: source.post for source in sources}

    async def start(self) -> AsyncIterator[Any]:
        """Yield nothing."""
        nothing: tuple[Any, ...] = ()
        for request in nothing:
            yield request

    def post_options_for(self, name: str) -> PostOptions:
        """Return how posts of a source are named and footed."""
        return self._options[name]


def reparse_shard(arguments: Mapping[str, Any], files: list[Path], folder: Path) -> dict[str, Any]:
    """Read the captures of some files; a ledger and the single statements go to the folder.

    Returns:
        The run's statistics.
    """
    if arguments["project"]:
        os.environ.setdefault(ENVVAR, arguments["project"])
    settings = get_project_settings()
    for name, value in (arguments["settings"] | REPARSE_SETTINGS).items():
        settings.set(name, value, priority="cmdline")
    place_collection(settings, arguments["collection"], priority="cmdline")
    settings.set("ITEM_PIPELINES", _JOINING, priority="cmdline")
    collection = Collection(files[0].parent.parent)
    until = datetime.fromisoformat(arguments["until"]) if arguments["until"] else None
    holding = Holding(collection, until=until, files=frozenset(path.name for path in files))
    sources = [load_source(text, path=path) for path, text in arguments["sources"]]
    forbid_network()
    process = CrawlerProcess(settings)
    crawlers = [process.create_crawler(ReparseSpider) for _ in sources]
    with closing(Ledger(folder / _LEDGER)) as ledger, closing(PieceFile(folder / _PIECES)) as pieces:
        for crawler, source in zip(crawlers, sources, strict=True):
            entries = list(holding.iter_entries(source))
            process.crawl(crawler, source=source, entries=entries, collected=pieces, ledger=ledger)
        process.start()
    return dict(sum_stats(crawlers)) | {"bootstrap_failed": int(process.bootstrap_failed)}


def reparse_in_shards(
    process: CrawlerProcessBase,
    holding: Holding,
    sources: list[Source],
    *,
    posts_dir: Path,
    ledger: Path,
    pieces: PieceFile | None,
    engine: Engine,
) -> Counter[str]:
    """Do what `crawler.commands.reparse.run_reparse` does, in shards.

    Returns:
        The statistics of all shards and of the writing, added up.

    Raises:
        ShardFailed: some shards could not be done.
        EngineError: the engine cannot be had.
    """
    collection = holding.collection
    CollectionIndex(collection).refresh()
    arguments = {
        "collection": collection.name,
        "project": os.environ.get(ENVVAR),
        "settings": _list_overrides(process.settings),
        "sources": [(source.name, source.definition) for source in sources],
        "until": holding.until.isoformat() if holding.until else None,
    }
    paths = [path for path in collection.iter_warcs() if holding.has_captures_of(path.name, sources)]
    with run_job(engine, plan_job(collection, _FUNCTION, paths=paths, arguments=arguments)) as done:
        with closing(Ledger(ledger)) as joined:
            for shard in done:
                joined.absorb_from(shard.folder / _LEDGER)
                if pieces is not None:
                    pieces.add_file(shard.folder / _PIECES)
        crawler = _shelve(process, collection, sources, posts_dir=posts_dir, ledger=ledger)
    total = sum((Counter(shard.result) for shard in done), sum_stats([crawler]))
    total["bootstrap_failed"] += int(process.bootstrap_failed)
    return total


def sum_stats(crawlers: list[Crawler]) -> Counter[str]:
    """Add up what some crawlers counted."""
    total: Counter[str] = Counter()
    for crawler in crawlers:
        assert crawler.stats is not None
        total.update({name: value for name, value in crawler.stats.get_stats().items() if isinstance(value, int)})
    return total


def _shelve(
    process: CrawlerProcessBase, collection: Collection, sources: list[Source], *, posts_dir: Path, ledger: Path
) -> Crawler:
    for name, value in REPARSE_SETTINGS.items():
        process.settings.set(name, value, priority="cmdline")
    place_collection(process.settings, collection.name, priority="cmdline")
    process.settings.set("POSTS_DIR", str(posts_dir), priority="cmdline")
    process.settings.set("POSTS_LEDGER", str(ledger), priority="cmdline")
    forbid_network()
    crawler = process.create_crawler(ShelveSpider)
    process.crawl(crawler, sources=sources)
    process.start()
    return crawler


def _list_overrides(settings: BaseSettings) -> dict[str, Any]:
    """The settings given with the command, as far as they are plain."""
    given = {
        name: value
        for name, value in settings.items()
        if isinstance(name, str)
        and (settings.getpriority(name) or 0) >= _CMDLINE
        and isinstance(value, (str, int, float, bool, type(None)))
    }
    return given | {"LOG_LEVEL": settings["LOG_LEVEL"]}
