"""Feeds: those exported to DATA_DIR/feeds, and any list of posts as a feed.

A reader that has a feed as it is gets a 304.

Spec: RFC 9110 §13.1.2 If-None-Match; RFC 4287.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from archives.replay.http import Response, build_text, has_etag
from crawler.viewer.routes import build_post_path, build_posts_path
from pipelines.exports.feeds.atom import build_atom
from pipelines.exports.feeds.entries import FeedInfo, build_entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from archives.replay.http import Request
    from crawler.publishing.library import Library
    from crawler.viewer.listing import Listing
    from crawler.viewer.search.lookup import Found
    from pipelines.exports.records import PostRecord

PREFIX: Final = "/feeds/"
FEED_POSTS: Final = 50
_TYPES: Final = {
    ".atom": "application/atom+xml; charset=utf-8",
    ".rss": "application/rss+xml; charset=utf-8",
    ".json": "application/feed+json; charset=utf-8",
    ".xml": "text/x-opml; charset=utf-8",
}


class Feeds:
    """The files of one folder of feeds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def answer(self, request: Request) -> Response | None:
        """Answer a request for a feed, with 404 if there is none; return None for other paths."""
        if not request.path.startswith(PREFIX):
            return None
        path = self._find(unquote(request.path.removeprefix(PREFIX)))
        if path is None:
            return build_text("No such feed.\n", status=404)
        return _answer(request, path.read_bytes(), _TYPES[path.suffix])

    def _find(self, name: str) -> Path | None:
        """Return the file of a name; None unless it is inside the folder."""
        if "\0" in name or any(part.startswith(".") for part in name.split("/")):
            return None
        path = (self._folder / name.lstrip("/")).resolve()
        is_feed = path.is_relative_to(self._folder) and path.suffix in _TYPES and path.is_file()
        return path if is_feed else None


def build_feed(library: Library, listing: Listing, posts: Sequence[Found], request: Request) -> Response:
    """Return a list as an Atom feed; its entries lead to the posts in the viewer."""
    origin = f"http://{request.host}"
    records: dict[str, Iterator[PostRecord | None]] = {}
    for name in {post.collection for post in posts}:
        keys = [(post.source, post.identifier) for post in posts if post.collection == name]
        records[name] = iter(list(library.open_store(name).iter_found((key, None) for key in keys)))
    entries = []
    for post in posts:
        record = next(records[post.collection])
        if record is not None:  # it may just have been withdrawn
            path = build_post_path(post.collection, post.source, post.identifier)
            entries.append(build_entry(record, origin + path))
    pairs = listing.pairs
    info = FeedInfo(
        title=f"{listing.title} · Newsreel",
        url=origin + build_posts_path(*pairs, format="atom"),
        home=origin + build_posts_path(*pairs),
    )
    return _answer(request, "".join(build_atom(entries, info)).encode(), _TYPES[".atom"])


def _answer(request: Request, body: bytes, content_type: str) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = (("Content-Type", content_type), ("ETag", tag), ("Cache-Control", "no-cache"))
    if has_etag(request.get("if-none-match"), tag):
        return Response(status=304, headers=headers)
    return Response(headers=headers, body=body)
