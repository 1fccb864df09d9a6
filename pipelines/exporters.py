"""Scrapy feed exports (`FEEDS`) that give the same JSON for a post as `scrapy export jsonl`.

Items that are not posts are exported as Scrapy does it.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from scrapy.exporters import JsonItemExporter, JsonLinesItemExporter

from pipelines.exports.records import build_object, build_record, dump_record
from pipelines.posts.items import Post
from pipelines.posts.ledger import Ledger
from pipelines.stages import find_options

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from pipelines.exports.records import PostRecord


class _Recording:
    """What both exporters need to know of the run: options, collection, and which file a post became."""

    crawler: Crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Build the exporter for one run."""
        exporter = cls(*args, **kwargs)
        exporter.crawler = crawler
        return exporter

    def build(self, post: Post) -> PostRecord:
        """Return the record of a post that has just been written."""
        settings = self.crawler.settings
        file = ""
        if settings["POSTS_LEDGER"] and Path(settings["POSTS_LEDGER"]).exists():
            with closing(Ledger(Path(settings["POSTS_LEDGER"]))) as ledger:
                claim = ledger.find_claim(post.key)
                file = claim.file if claim else ""
        options = find_options(self.crawler)(post.source)
        return build_record(post, options, collection=settings["COLLECTION"] or "", file=file)


class PostLinesExporter(_Recording, JsonLinesItemExporter):
    """JSON Lines."""

    def export_item(self, item: Any) -> None:
        """Write one item."""
        if isinstance(item, Post):
            self.file.write(dump_record(self.build(item)).encode() + b"\n")
        else:
            super().export_item(item)


class PostListExporter(_Recording, JsonItemExporter):
    """One JSON array."""

    def export_item(self, item: Any) -> None:
        """Write one item."""
        if isinstance(item, Post):
            data = json.dumps(build_object(self.build(item)), ensure_ascii=False).encode()
            self._add_comma_after_first()
            self.file.write(data)
        else:
            super().export_item(item)
