"""The item pipelines, in the order in which an item passes them.

| stage | does |
|---|---|
| `AdoptPipeline` | takes any item, also of another project, as a `Statement` with the capture it was read from |
| `DatesPipeline` | dates as found -> aware instants with their precision |
| `TagsPipeline` | headline, sections and tags as found -> one clean line each |
| `BodyPipeline` | body as found -> sanitised HTML, and the symbols of the securities it names |
| `PostFilesPipeline` | adds the statement to the ledger, settles its article, and writes the post file |

Each is thin: what it does is a pure function in `pipelines.posts`, which a reparse calls as well.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from scrapy import signals
from scrapy.exceptions import DropItem, NotConfigured
from twisted.python.failure import Failure

from pipelines.examples import note_example
from pipelines.posts.adopt import adopt
from pipelines.posts.alike import AlikeFields
from pipelines.posts.items import ANNOUNCING, Origin, Statement
from pipelines.posts.ledger import Ledger
from pipelines.posts.normalise import normalise_dates, normalise_text, normalise_titles
from pipelines.posts.options import PostOptions
from pipelines.posts.post_folder import Filed, PostFolder
from pipelines.posts.settle import FIELDS, PostRefused

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from pipelines.posts.items import Post

logger = logging.getLogger(__name__)

# Every post in a batch keeps its page leased, and what is leased is fetched again after a crash.
_BATCH_POSTS = 16
# A batch waits for this many times what the last sync took. So syncs never take more than a small share of the time,
# and a page of many items, of which Scrapy lets only a few wait at once, is not held up where a sync costs nothing.
_SYNCS_WAITED = 200
# A site has a few templates; one whose classes are made up for every page has thousands.
_MOST_TEMPLATES, _MAX_TEMPLATES = 8, 500

before_posts = object()
"""Signal sent before post files are written, so that captures are put on disk now; a failure stops the writing."""

storage_failed = object()
"""Signal sent when the ledger or a post file cannot be written; nothing more should be acknowledged."""

post_filed = object()
"""Signal sent when a run has settled a post and looked at its file: `filed`."""

OptionsFor = Callable[[str], PostOptions]


class Absorbed(DropItem):
    """Raised for an item that has been joined into a post which is not complete yet; nothing is lost."""

    def __init__(self, key: tuple[str, str]) -> None:
        super().__init__(f"{'/'.join(key)}: added to the ledger", log_level="DEBUG")


class _Stage:
    """What the stages share: the options of each source, and the run's counters."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.options_for = find_options(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the stage for one run."""
        return cls(crawler)

    def count(self, name: str, by: int = 1) -> None:
        assert self.crawler.stats is not None
        self.crawler.stats.inc_value(name, by)

    def note_example(self, name: str, address: str) -> None:
        assert self.crawler.stats is not None
        note_example(self.crawler.stats, name, address)


def find_options(crawler: Crawler) -> OptionsFor:
    """Return what gives a source's options: the spider's `post_options_for` method, or the defaults."""
    options_for: OptionsFor | None = getattr(crawler.spider, "post_options_for", None)
    return options_for or (lambda _: PostOptions())


def adopt_item(item: Any, crawler: Crawler) -> Statement | None:
    """Return any item as a statement; None if it is no item at all."""
    if isinstance(item, Statement):
        return item
    from itemadapter import ItemAdapter  # noqa: PLC0415 (it imports every item library that is installed; our items need none)

    source = getattr(crawler.spider, "name", "")
    return adopt(ItemAdapter(item), source=source) if ItemAdapter.is_item(item) else None


class AdoptPipeline(_Stage):
    """Takes any item as a `Statement`. Stats: `posts/dropped/not_an_item`, `posts/dropped/no_identifier`."""

    def process_item(self, item: Any) -> Statement:
        """Return the item as a statement.

        Raises:
            DropItem: it is not an item at all, or does not say which article it is about.
        """
        statement = adopt_item(item, self.crawler)
        if statement is None:
            self.count("posts/dropped/not_an_item")
            raise DropItem(f"not an item: {type(item).__name__}")
        if not statement.identifier:
            self.count("posts/dropped/no_identifier")
            raise DropItem("an item that names neither an id nor an address cannot become a post")
        if statement.capture is None and statement.captured_at is None:
            statement.captured_at = datetime.now(UTC)
        return statement


class DatesPipeline(_Stage):
    """Reads dates in the source's zone, against the instant of the capture. Stats: `dates/refused/<reason>`."""

    def process_item(self, item: Statement) -> Statement:
        """Fill `datePublished` and `dateModified` from what was found."""
        normalise_dates(item, self.options_for(item.source))
        for name in ("datePublished", "dateModified"):
            if reason := item.refused.get(name):
                self.count(f"dates/refused/{reason}")
                logger.info("Date %r of %s refused: %s", getattr(item, f"{name}_found"), item.identifier, reason)
        return item


class TagsPipeline(_Stage):
    """Cleans what names a post: headline, sections, tags."""

    def process_item(self, item: Statement) -> Statement:
        """Fill `headline`, `articleSection` and `keywords` from what was found."""
        normalise_titles(item, self.options_for(item.source))
        return item


class BodyPipeline(_Stage):
    """Sanitises the body. Stats: `bodies/refused/<reason>`."""

    def process_item(self, item: Statement) -> Statement:
        """Fill `articleBody` and `symbols` from what was found."""
        normalise_text(item, self.options_for(item.source))
        if reason := item.refused.get("articleBody"):
            self.count(f"bodies/refused/{reason}")
            logger.warning("Body of %s refused: %s", item.identifier, reason)
        return item


class PostFilesPipeline(_Stage):
    """Adds to the ledger, settles, writes.

    Posts are written in batches: up to 16 that became complete within `POSTS_BATCH_SECONDS`, less where the disk is
    fast, go out behind one sync of the archive. With `POSTS_HOLD` nothing is written before the spider closes, so that
    every post is written once.

    Stats: `posts/new`, `posts/updated`, `posts/unchanged`, `posts/dropped/<reason>`, `posts/not_fetched`,
    `posts/passed_on`, `doubts/<reason>`, `same/<field>`, `templates/<fingerprint>`, `parts/<origin>`,
    `fields/<origin>/<field>`.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        if not settings["POSTS_DIR"] or not settings["POSTS_LEDGER"]:
            raise NotConfigured("POSTS_DIR and POSTS_LEDGER name no place to write posts to")
        self._ledger = Ledger(Path(settings["POSTS_LEDGER"]))
        self._folder = PostFolder(Path(settings["POSTS_DIR"]), self._ledger, self.options_for)
        self._is_holding = settings.getbool("POSTS_HOLD")
        self._batch_s = settings.getfloat("POSTS_BATCH_SECONDS")
        self._waiting: dict[tuple[str, str], asyncio.Future[Filed]] = {}
        self._stated: list[Statement] = []
        self._batch: asyncio.TimerHandle | None = None
        self._sync_s = 0.0
        self._began_at = datetime.now(UTC)
        self._alike = AlikeFields()
        self._templates: Counter[str] = Counter()

    async def process_item(self, item: Statement) -> Post:
        """Return the post once its file is on disk.

        Raises:
            Absorbed: the post is not complete yet, or the run holds its posts back.
            DropItem: what is stated makes no post.
        """
        self._count_fields(item)
        if self._absorb(item):
            raise Absorbed(item.key)
        loop = asyncio.get_running_loop()
        future = self._waiting.setdefault(item.key, loop.create_future())
        if len(self._waiting) >= _BATCH_POSTS:
            self._write_batch()
        elif self._batch is None:
            self._batch = loop.call_later(min(self._batch_s, _SYNCS_WAITED * self._sync_s), self._write_batch)
        try:
            return (await asyncio.shield(future)).post
        except PostRefused as refusal:
            raise DropItem(str(refusal)) from refusal

    async def close_spider(self) -> None:
        """Write everything that is still due, also what waited for other captures until the end."""
        self._write_batch()
        self._announce()
        for filed in self._folder.write_due():
            if isinstance(filed, PostRefused):
                self._count_refusal(filed)
                continue
            self._tell(filed)
            await self.crawler.signals.send_catch_log_async(
                signals.item_scraped, item=filed.post, response=None, spider=self.crawler.spider
            )
        for name, count in self._alike.count_constant().items():
            self.count(f"same/{name}", count)
            for address in self._alike.list_examples(name):
                self.note_example(f"same/{name}", address)
        for template, count in self._templates.most_common(_MOST_TEMPLATES):
            self.count(f"templates/{template}", count)
        self._ledger.close()

    def _count_fields(self, item: Statement) -> None:
        """Count what a page states that this run has captured itself; one that has not changed proves nothing new."""
        if item.capture is None or item.capture.captured_at < self._began_at:
            return
        self.count(f"parts/{item.origin}")
        for name in FIELDS:
            if getattr(item, name):
                self.count(f"fields/{item.origin}/{name}")
            else:
                self.note_example(f"missing/{item.origin}/{name}", item.url)
        if item.origin is Origin.ARTICLE:
            self._alike.add(item)
            if item.template:
                self._templates[item.template] += 1
                self.note_example(f"templates/{item.template}", item.url)
                if len(self._templates) > _MAX_TEMPLATES:
                    self._templates = Counter(dict(self._templates.most_common(_MAX_TEMPLATES // 2)))

    def _absorb(self, item: Statement) -> bool:
        """Return whether an item makes no post yet, and is in the ledger; any other is added with its batch.

        Of the former a page may have hundreds, which would wait for as many batches.
        """
        is_late = self._is_holding or item.origin in ANNOUNCING
        if not is_late and not item.waits_for:
            self._stated.append(item)
            return False
        try:
            return not self._ledger.add(item) or is_late
        except sqlite3.Error as error:
            self._report(error)
            raise

    def _write_batch(self) -> None:
        if self._batch is not None:
            self._batch.cancel()
            self._batch = None
        waiting, self._waiting = self._waiting, {}
        stated, self._stated = self._stated, []
        try:
            self._announce()
            done = self._write(waiting, stated)
        except Exception as error:  # noqa: BLE001 (passed on to those that wait)
            for future in waiting.values():
                future.set_exception(error)
            return
        for (key, future), filed in zip(waiting.items(), done, strict=True):
            if isinstance(filed, Filed):
                self._tell(filed)
                future.set_result(filed)
                continue
            if isinstance(filed, PostRefused):
                self._count_refusal(filed)
                self.note_example(f"posts/dropped/{filed.reason}", key[1])
            future.set_exception(filed)

    def _write(
        self, keys: Collection[tuple[str, str]], stated: Iterable[Statement]
    ) -> list[Filed | PostRefused | Absorbed]:
        """Add to the ledger and write files, in one transaction; return the result of each key."""
        try:
            with self._ledger.exclusive():
                is_complete = {item.key: self._ledger.add(item) for item in stated}
                late = {key for key in keys if not is_complete.get(key, True)}
                done = iter(self._folder.write(key for key in keys if key not in late))
        except (OSError, sqlite3.Error) as error:
            self._report(error)
            raise
        return [Absorbed(key) if key in late else next(done) for key in keys]

    def _report(self, error: Exception) -> None:
        logger.error("A post could not be written: %s", error)
        self.crawler.signals.send_catch_log(storage_failed, error=error)

    def _announce(self) -> None:
        began = time.monotonic()
        for _, result in self.crawler.signals.send_catch_log(before_posts):
            if isinstance(result, Failure):
                result.raiseException()
        self._sync_s = time.monotonic() - began

    def _count_refusal(self, refusal: PostRefused) -> None:
        """Count what makes no post, and log it if it should have made one."""
        if refusal.is_expected:
            self.count(f"posts/{refusal.reason}")
            return
        self.count(f"posts/dropped/{refusal.reason}")
        logger.warning("No post file: %s", refusal)

    def _tell(self, filed: Filed) -> None:
        if filed.before is not filed.outcome:
            self.count(f"posts/{filed.outcome}")
            if filed.before:
                self.count(f"posts/{filed.before}", -1)
            self.crawler.signals.send_catch_log(post_filed, filed=filed)
            for doubt in filed.post.doubts:
                if doubt.captured_at >= self._began_at:
                    self.count(f"doubts/{doubt.reason}")
                    self.note_example(f"doubts/{doubt.reason}", filed.post.url)
