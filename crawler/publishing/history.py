"""The versions of an article: what its post was after each run that saw it, made again from the archive.

Nothing is kept for this: a version is the join of all that had been captured by the end of a run, so it can be had for
every article at any time, also for those that were captured before anybody asked.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.markup.sanitise import find_text
from pipelines.posts.merge import FIELDS, attest, join
from pipelines.posts.post_files import PostRefused, finish
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from typing import Self

    from scrapy.crawler import Crawler

    from archives.index.cdxj import IndexEntry
    from crawler.sources import Source
    from pipelines.posts.items import Post
    from pipelines.posts.options import PostOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of an article.

    Attributes:
        captured_at: instant of the latest capture that it rests on.
        record_id: that capture's record.
        changed: fields that differ from the version before; empty for the first.
    """

    number: int
    captured_at: datetime
    record_id: str
    changed: tuple[str, ...]
    post: Post


class CollectPipeline:
    """Takes the place of the last item pipeline: it keeps what captures state apart instead of joining it."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the pipeline for one run."""
        return cls(crawler)

    def process_item(self, item: Any) -> Any:
        """Give the item to the spider's `collected` list."""
        self._crawler.spider.collected.append(attest(item))  # type: ignore[union-attr]
        return item


def find_entries(entries: Iterable[IndexEntry], source: Source, identifier: str) -> list[IndexEntry]:
    """Return the captures that can state something of one article; listings only where it has no page of its own."""
    own: list[IndexEntry] = []
    listings: list[IndexEntry] = []
    has_page = False
    for entry in entries:
        kind = source.find_kind(entry.url)
        # What no rule names, only its bytes tell: of that, what is no HTML may be a feed.
        is_feed = kind in (LinkKind.FEED, LinkKind.SITEMAP)
        is_feed = is_feed or (source.discovery is not None and kind is LinkKind.OTHER and "html" not in entry.mime)
        if source.identify(entry.url) == identifier:
            own.append(entry)
            has_page = has_page or kind is LinkKind.ARTICLE or source.discovery is not None
        elif is_feed:
            own.append(entry)
        elif kind in (LinkKind.LISTING, LinkKind.OTHER):
            listings.append(entry)
    return own if has_page else own + listings


def build_versions(pieces: Iterable[Post], identifier: str, options: PostOptions) -> list[Version]:
    """Return the versions of an article, the oldest first.

    Args:
        pieces: what single captures state, normalised; those of other articles are left out.
    """
    own = [piece for piece in pieces if piece.identifier == identifier and piece.capture is not None]
    own.sort(key=lambda piece: (piece.capture.captured_at, piece.capture.record_id) if piece.capture else ())
    versions: list[Version] = []
    state: Post | None = None
    for position, piece in enumerate(own):
        state = piece if state is None else join(state, piece)
        following = own[position + 1] if position + 1 < len(own) else None
        if following is not None and _find_run(following) == _find_run(piece):
            continue
        try:
            post = finish(state, options)
        except PostRefused:
            continue
        changed = _find_changes(versions[-1].post, post) if versions else ()
        if versions and not changed:
            continue
        assert piece.capture is not None
        versions.append(
            Version(
                number=len(versions) + 1,
                captured_at=piece.capture.captured_at,
                record_id=piece.capture.record_id,
                changed=changed,
                post=post,
            )
        )
    return versions


def iter_text_diff(old: Post, new: Post) -> Iterator[str]:
    """Yield a unified diff of what a reader sees: headline, then one line a block of the body."""
    yield from difflib.unified_diff(_list_lines(old), _list_lines(new), lineterm="", n=1)


def _find_run(piece: Post) -> str:
    """Return what the WARC files of one run have in common: the token at the end of their names."""
    return piece.capture.file.rsplit("-", 1)[-1] if piece.capture else ""


def _find_changes(old: Post, new: Post) -> tuple[str, ...]:
    return tuple(name for name in FIELDS if getattr(old, name) != getattr(new, name))


def _list_lines(post: Post) -> list[str]:
    return [post.headline, *find_text(post.articleBody).splitlines()]
