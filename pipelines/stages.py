"""The item pipelines, in the order in which an item meets them; this file is the package's table of contents.

| stage | does |
|---|---|
| `AdoptPipeline` | takes any item, its own or somebody else's, as a `Post` that says which capture it was read from |
| `DatesPipeline` | dates as found -> aware instants with their precision |
| `TagsPipeline` | headline, sections and tags as found -> one clean line each |
| `BodyPipeline` | body as found -> sanitised HTML, and the symbols of the securities it names |
| `PostFilesPipeline` | joins the post with what else is known of its article, and writes the post file |

Each is thin: what it does is a pure function in the module named after it.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from itemadapter import ItemAdapter
from scrapy import signals
from scrapy.exceptions import DropItem, NotConfigured
from twisted.python.failure import Failure

from pipelines.dates.parse import DateRefused, parse_date
from pipelines.markup.sanitise import BodyRefused, normalise_body
from pipelines.names.headlines import normalise_headline
from pipelines.names.symbols import find_symbols
from pipelines.names.tags import normalise_names, normalise_tags
from pipelines.page.limits import OutOfTime, limit_time
from pipelines.posts.adopt import adopt
from pipelines.posts.items import HEARSAY
from pipelines.posts.ledger import Ledger
from pipelines.posts.merge import FIELDS, attest
from pipelines.posts.options import PostOptions
from pipelines.posts.post_files import PostRefused
from pipelines.posts.post_folder import Shelf, Shelved

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from pipelines.posts.items import Post

logger = logging.getLogger(__name__)

# Every post in a batch keeps its page leased, and what is leased is fetched again after a crash.
_BATCH_POSTS = 16
# As many are written at once when nobody waits for them.
_HELD_POSTS = 100
# A batch waits for this many times what the last sync took. So syncs never take more than a small share of the time,
# and a page of many items, of which Scrapy lets only a few wait at once, is not held up where a sync costs nothing.
_SYNCS_WAITED = 200

before_posts = object()
"""Signal sent before post files are written, so that captures are put on disk now; a failure stops the writing."""

storage_failed = object()
"""Signal sent when the ledger or a post file cannot be written; nothing more should be acknowledged."""

post_shelved = object()
"""Signal sent when a run has made up its mind on a post file: `shelved`."""

OptionsFor = Callable[[str], PostOptions]


class Absorbed(DropItem):
    """Raised for an item that has been joined into a post which is not complete yet; nothing is lost."""

    def __init__(self, message: str) -> None:
        super().__init__(message, log_level="DEBUG")


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

    @contextmanager
    def limit(self, adapter: ItemAdapter) -> Iterator[None]:
        """Drop an item that takes more than `BOUNDS_PAGE_SECONDS`. Stats: `posts/dropped/page_seconds`."""
        try:
            with limit_time(self.crawler.settings.getfloat("BOUNDS_PAGE_SECONDS")):
                yield
        except OutOfTime as error:
            self.count("posts/dropped/page_seconds")
            raise DropItem(f"{adapter.get('identifier')}: {error}") from error


def find_options(crawler: Crawler) -> OptionsFor:
    """Return what gives a source's options: the spider's `post_options_for` method, or the defaults."""
    options_for: OptionsFor | None = getattr(crawler.spider, "post_options_for", None)
    return options_for or (lambda _: PostOptions())


class AdoptPipeline(_Stage):
    """Takes any item as a `Post`. Stats: `posts/dropped/not_an_item`, `posts/dropped/no_identifier`."""

    def process_item(self, item: Any) -> Post:
        """Return the item as a post.

        Raises:
            DropItem: it is no item at all, or does not say which article it is about.
        """
        if not ItemAdapter.is_item(item):
            self.count("posts/dropped/not_an_item")
            raise DropItem(f"not an item: {type(item).__name__}")
        post = adopt(ItemAdapter(item), source=getattr(self.crawler.spider, "name", ""))
        if not post.identifier:
            self.count("posts/dropped/no_identifier")
            raise DropItem("an item that names neither an id nor an address cannot become a post")
        return post


class DatesPipeline(_Stage):
    """Reads dates in the source's zone, against the instant of the capture. Stats: `dates/refused/<reason>`."""

    def process_item(self, item: Any) -> Any:
        """Fill `datePublished` and `dateModified` from what was found."""
        adapter = ItemAdapter(item)
        for name in ("datePublished", "dateModified"):
            found = adapter.get(f"{name}_found")
            if found and adapter.get(name) is None:
                with self.limit(adapter):
                    self._read(adapter, name, found)
        return item

    def _read(self, adapter: ItemAdapter, name: str, found: str) -> None:
        options = self.options_for(adapter.get("source") or "")
        capture = adapter.get("capture")
        captured_at = capture.captured_at if capture else datetime.now(UTC)
        try:
            stated = parse_date(found, zone=options.zone, captured_at=captured_at, language=options.language)
        except DateRefused as refusal:
            self.count(f"dates/refused/{refusal.reason}")
            logger.info("Date %r of %s refused: %s", found, adapter.get("identifier"), refusal)
            return
        adapter[name] = stated.instant
        adapter[f"{name}_precision"] = stated.precision


class TagsPipeline(_Stage):
    """Cleans what names a post: headline, sections, tags."""

    def process_item(self, item: Any) -> Any:
        """Fill `headline`, `articleSection` and `keywords` from what was found."""
        adapter = ItemAdapter(item)
        with self.limit(adapter):
            self._clean(adapter)
        return item

    def _clean(self, adapter: ItemAdapter) -> None:
        options = self.options_for(adapter.get("source") or "")
        headline = normalise_headline(adapter.get("headline_found") or "")
        adapter["headline"] = headline
        adapter["articleSection"] = normalise_names(
            adapter.get("articleSection_found") or [], drop=options.drop, aliases=options.aliases
        )
        adapter["keywords"] = normalise_tags(
            adapter.get("keywords_found") or [], title=headline, drop=options.drop, aliases=options.aliases
        )
        publisher = normalise_names([adapter.get("publisher") or ""], aliases=options.aliases)
        adapter["publisher"] = publisher[0] if publisher else ""


class BodyPipeline(_Stage):
    """Sanitises the body. Stats: `posts/dropped/body_<reason>`."""

    def process_item(self, item: Any) -> Any:
        """Fill `articleBody` and `symbols` from what was found.

        Raises:
            DropItem: the body is beyond what can be made safe.
        """
        adapter = ItemAdapter(item)
        found = adapter.get("articleBody_found")
        if found:
            try:
                with self.limit(adapter):
                    adapter["articleBody"] = normalise_body(found, base_url=adapter.get("url") or "")
            except BodyRefused as refusal:
                self.count(f"posts/dropped/body_{refusal.reason}")
                raise DropItem(f"body of {adapter.get('identifier')}: {refusal}") from refusal
            # The widgets that mark a security go with the sanitising, so they are looked for in what was found.
            adapter["symbols"] = sorted({*(adapter.get("symbols") or ()), *find_symbols(found)})
        return item


class PostFilesPipeline(_Stage):
    """Joins, then writes.

    Posts are written in batches: up to 16 that became complete within `POSTS_BATCH_SECONDS`, less where the disk is
    fast, go out behind one sync of the archive. With `POSTS_HOLD` nothing is written before the spider closes, so that
    every post is written once.

    Stats: `posts/new`, `posts/updated`, `posts/unchanged`, `posts/dropped/<reason>`, `parts/<origin>`,
    `fields/<origin>/<field>`.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        if not settings["POSTS_DIR"] or not settings["POSTS_LEDGER"]:
            raise NotConfigured("POSTS_DIR and POSTS_LEDGER name no place to write posts to")
        self._ledger = Ledger(Path(settings["POSTS_LEDGER"]))
        self._shelf = Shelf(Path(settings["POSTS_DIR"]), self._ledger, self.options_for)
        self._is_holding = settings.getbool("POSTS_HOLD")
        self._batch_s = settings.getfloat("POSTS_BATCH_SECONDS")
        self._waiting: dict[tuple[str, str], asyncio.Future[Shelved]] = {}
        self._batch: asyncio.TimerHandle | None = None
        self._sync_s = 0.0
        self._began_at = datetime.now(UTC)

    async def process_item(self, item: Post) -> Post:
        """Return the finished post once its file is on disk.

        Raises:
            Absorbed: the post is not complete yet, or the run holds its posts back.
            DropItem: the post cannot become a file.
        """
        self._count_fields(item)
        try:
            is_complete = self._ledger.absorb(attest(item))
        except sqlite3.Error as error:
            self._report(error)
            raise
        if not is_complete or self._is_holding or item.origin in HEARSAY:
            raise Absorbed(f"{item.source}/{item.identifier}: joined")
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
        """Write everything that is still due, also what waited in vain."""
        self._write_batch()
        self._announce()
        due = self._ledger.iter_dirty(also_waiting=True)
        while states := list(islice(due, _HELD_POSTS)):
            for shelved in self._shelve_together(states):
                self._tell(shelved)
                await self.crawler.signals.send_catch_log_async(
                    signals.item_scraped, item=shelved.post, response=None, spider=self.crawler.spider
                )
        self._ledger.close()

    def _count_fields(self, item: Post) -> None:
        """Count what a page states that this run has captured itself; one that has not changed proves nothing anew."""
        if item.capture is None or item.capture.captured_at < self._began_at:
            return
        self.count(f"parts/{item.origin}")
        for name in FIELDS:
            if getattr(item, name):
                self.count(f"fields/{item.origin}/{name}")

    def _write_batch(self) -> None:
        if self._batch is not None:
            self._batch.cancel()
            self._batch = None
        waiting, self._waiting = self._waiting, {}
        try:
            self._announce()
        except Exception as error:  # noqa: BLE001 (whoever waits is told)
            for future in waiting.values():
                future.set_exception(error)
            return
        for key, future in waiting.items():
            state = self._ledger.find_post(key)
            assert state is not None
            try:
                future.set_result(self._shelve(state))
            except PostRefused as refusal:
                future.set_exception(refusal)
            except (OSError, sqlite3.Error) as error:
                self._report(error)
                future.set_exception(error)

    def _report(self, error: Exception) -> None:
        logger.error("A post could not be written: %s", error)
        self.crawler.signals.send_catch_log(storage_failed, error=error)

    def _announce(self) -> None:
        began = time.monotonic()
        for _, result in self.crawler.signals.send_catch_log(before_posts):
            if isinstance(result, Failure):
                result.raiseException()
        self._sync_s = time.monotonic() - began

    def _shelve_together(self, states: list[Post]) -> list[Shelved]:
        """Write the files of posts that nobody waits for: all of them are put on disk at once."""
        done: list[Shelved] = []
        with self._ledger.exclusive(), self._shelf.together():
            for state in states:
                if state.origin in HEARSAY:
                    self._ledger.record_done(state.key)
                    continue
                try:
                    done.append(self._shelf.put(self._ledger.find_post(state.key) or state))
                except PostRefused as refusal:
                    self._ledger.record_done(state.key)
                    self.count(f"posts/dropped/{refusal.reason}")
                    logger.warning("No post file: %s", refusal)
        return done

    def _shelve(self, state: Post) -> Shelved:
        shelved: Shelved | PostRefused
        # Other workers may have learnt more of the article meanwhile, and must not have their file overwritten.
        with self._ledger.exclusive():
            try:
                shelved = self._shelf.shelve(self._ledger.find_post(state.key) or state)
            except PostRefused as refusal:
                self._ledger.record_done(state.key)
                shelved = refusal
        if isinstance(shelved, PostRefused):
            self.count(f"posts/dropped/{shelved.reason}")
            raise shelved
        self._tell(shelved)
        return shelved

    def _tell(self, shelved: Shelved) -> None:
        if shelved.before is not shelved.outcome:
            self.count(f"posts/{shelved.outcome}")
            if shelved.before:
                self.count(f"posts/{shelved.before}", -1)
            self.crawler.signals.send_catch_log(post_shelved, shelved=shelved)
