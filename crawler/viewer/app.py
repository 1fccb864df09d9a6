"""The whole viewer as one function: it answers for posts and runs, and the archive's viewer for captures."""

from __future__ import annotations

import heapq
import re
import threading
from datetime import UTC, datetime
from importlib import resources
from itertools import islice
from typing import TYPE_CHECKING, Final

from archives.errors import ArchiveError, CollectionError
from archives.replay.app import ReplayApp, find_frame_host
from archives.replay.http import Response, Stream, build_text
from archives.replay.lookup import Directory, Shelves, build_stamp
from archives.replay.pages import STYLE_PATH, Link, build_error_page, load_assets
from archives.replay.routes import build_path
from archives.storage.collection import list_collections
from crawler.monitoring.health import Limits, list_health
from crawler.monitoring.logbook import list_runs
from crawler.publishing.changefeed import answer_changes
from crawler.publishing.library import Library
from crawler.viewer import articles, lists
from crawler.viewer.feeds import Feeds
from crawler.viewer.packages import Packages
from crawler.viewer.proof import check_file, choose_page, list_witnesses
from crawler.viewer.routes import BESIDE, CHANGES, POST, POSTS, RUNS, SCHEMA, SECTIONS, VERSIONS, build_post_path
from crawler.viewer.search_index import Facet, PostShelf, Wanted
from crawler.viewer.versions import list_editions
from pipelines.exports.schemas import build_post_schema, dump_schema
from pipelines.posts.options import PostOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from archives.index.cdxj import IndexEntry
    from archives.replay.http import Request
    from crawler.viewer.search_index import Found
    from pipelines.exports.records import PostRecord

MAX_RUNS: Final = 200
MAX_PAGE: Final = 1_000
_FACETS: Final = 20
_MAX_NOTES: Final = 2
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MAX_WORDS: Final = 200


class ViewerApp:
    """The viewer of `scrapy serve`.

    Args:
        player_dir: where ReplayWeb.page's files are; None where nobody has put them.
    """

    def __init__(self, data_dir: Path, *, player_dir: Path | None = None, limits: Limits | None = None) -> None:
        self._data_dir = data_dir
        self._limits = limits or Limits()
        self._library = Library(data_dir)
        self._shelves = Shelves(Directory(data_dir))
        self._captures = ReplayApp(self._shelves, sections=SECTIONS, notes=self._note_posts)
        self._feeds = Feeds(data_dir / "feeds")
        self._packages = Packages(data_dir / "wacz", player_dir)
        self._posts: dict[str, PostShelf] = {}
        self._lock = threading.Lock()
        self._style = _build_style()
        self._pages = {
            STYLE_PATH: lambda _: self._style,
            "/": self._show_front,
            POSTS: self._list_posts,
            POST: self._show_post,
            BESIDE: self._show_beside,
            VERSIONS: self._show_versions,
            RUNS: self._show_runs,
            CHANGES: self._tell_changes,
            SCHEMA: self._show_schema,
        }

    def close(self) -> None:
        """Close every database."""
        self._shelves.close()
        with self._lock:
            for shelf in self._posts.values():
                shelf.close()
            self._posts.clear()

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        page = self._pages.get(request.path)
        if page is None or request.get("sec-fetch-dest") == "empty":
            return self._feeds.answer(request) or self._packages.answer(request) or self._captures(request)
        try:
            return page(request)
        except ArchiveError as error:
            return build_error_page(404, "This cannot be shown", str(error), links=[Link("Front page", "/")])

    def _tell_changes(self, request: Request) -> Response:
        """Return the log of changes, for programs that keep a copy of the posts."""
        answer = answer_changes(
            self._library,
            request.arguments,
            known=request.get("if-none-match"),
            accept="" if request.method == "HEAD" else request.get("accept"),
            last_event=request.get("last-event-id"),
        )
        body = answer.body if isinstance(answer.body, bytes) else Stream(chunks=answer.body)
        return Response(status=answer.status, headers=answer.headers, body=body)

    def _show_schema(self, request: Request) -> Response:
        """Return the JSON Schema of what `/changes` and the exports say of a post."""
        del request
        return build_text(dump_schema(build_post_schema()), content_type="application/schema+json")

    def _find_shelf(self, name: str) -> PostShelf:
        with self._lock:
            if name not in self._posts:
                self._posts[name] = PostShelf(self._library, name)
            return self._posts[name]

    def _note_posts(self, collection: str, entry: IndexEntry) -> list[Link]:
        """Link to the posts made from a capture, unless there are many."""
        made = self._find_shelf(collection).list_made_of(entry.record_id, entry.url, limit=_MAX_NOTES + 1)
        if len(made) > _MAX_NOTES:
            return []
        return [Link("Post", build_post_path(collection, source, identifier)) for source, identifier in made]

    def _show_front(self, request: Request) -> Response:
        del request
        names = list_collections(self._data_dir)
        runs = list_runs(self._data_dir)
        health = list_health(runs, now=datetime.now(UTC), limits=self._limits)
        cards = []
        for name in names:
            with self._shelves.borrow(name) as index:
                captures = index.count_entries()
            cards.append(
                lists.CollectionCard(name=name, captures=captures, posts=self._find_shelf(name).count(Wanted()))
            )
        posts = self._merge(names, Wanted(), limit=12)
        return lists.build_front(cards, posts, runs[:5], health)

    def _merge(self, names: Iterable[str], wanted: Wanted, *, limit: int, offset: int = 0) -> list[Found]:
        """Return the newest posts of several collections."""
        found = [self._find_shelf(name).list_posts(wanted, limit=offset + limit) for name in names]
        merged = heapq.merge(*found, key=lambda post: post.instant, reverse=True)
        return list(islice(merged, offset, offset + limit))

    def _list_posts(self, request: Request) -> Response:
        asked = request.arguments
        collection = asked.get("collection", "")
        wanted = Wanted(
            words=asked.get("q", "").strip()[:_MAX_WORDS],
            source=asked.get("source", ""),
            day=day if _DAY.fullmatch(day := asked.get("day", "")) else "",
            category=asked.get("category", ""),
            tag=asked.get("tag", ""),
            symbol=asked.get("symbol", ""),
        )
        names = [collection] if collection else list_collections(self._data_dir)
        number = asked.get("page", "1")
        page = min(max(1, int(number)), MAX_PAGE) if number.isdecimal() and len(number) < 6 else 1
        posts = self._merge(names, wanted, limit=lists.PAGE_SIZE, offset=(page - 1) * lists.PAGE_SIZE)
        total = sum(self._find_shelf(name).count(wanted) for name in names)
        return lists.build_posts_page(
            wanted, collection, posts, total=total, page=page, facets=self._list_facets(names, wanted)
        )

    def _list_facets(self, names: list[str], wanted: Wanted) -> dict[str, Sequence[Facet]]:
        if len(names) != 1:
            return {"collection": [Facet(name, self._find_shelf(name).count(wanted)) for name in names]}
        shelf = self._find_shelf(names[0])
        facets: dict[str, Sequence[Facet]] = {"source": shelf.list_sources(), "day": shelf.list_days(limit=_FACETS)}
        facets |= {kind: shelf.list_labels(kind, limit=_FACETS) for kind in ("category", "tag", "symbol")}
        return facets

    def _find_record(self, request: Request) -> PostRecord:
        asked = request.arguments
        collection = asked.get("collection", "")
        found = self._library.open_store(collection).find_record(asked.get("source", ""), asked.get("id", ""))
        if found is None:
            raise CollectionError(f"no post {asked.get('id', '')!r} in collection {collection!r}")
        return found

    def _show_post(self, request: Request) -> Response:
        record = self._find_record(request)
        with self._shelves.borrow(record.collection) as index:
            witnesses = list_witnesses(index, record)
            posts_dir = self._data_dir / "_posts" / record.collection
            checked = check_file(index.collection, posts_dir, record)
        return articles.build_post_page(record, witnesses, file_check=checked, page=choose_page(witnesses))

    def _find_page(self, record: PostRecord) -> IndexEntry | None:
        with self._shelves.borrow(record.collection) as index:
            return choose_page(list_witnesses(index, record))

    def _show_beside(self, request: Request) -> Response:
        record = self._find_record(request)
        page = self._find_page(record)
        if page is None:
            raise CollectionError(f"no capture is recorded for post {record.id}")
        path = build_path(record.collection, page.url, stamp=build_stamp(page.captured_at), modifier="mp_")
        host = find_frame_host(request.host)
        return articles.build_beside_page(
            record, page, frame=f"//{host}{path}" if host else path, frames=host or "'self'"
        )

    def _show_versions(self, request: Request) -> Response:
        record = self._find_record(request)
        collection = self._library.open_collection(record.collection)
        source = self._library.find_definitions(record.collection)(record.source)
        editions = list_editions(collection, record.key, source.post if source else PostOptions())
        return articles.build_versions_page(record, editions, self._find_page(record))

    def _show_runs(self, request: Request) -> Response:
        del request
        runs = list_runs(self._data_dir)
        health = list_health(runs, now=datetime.now(UTC), limits=self._limits)
        return lists.build_runs_page(runs[:MAX_RUNS], health, is_cut=len(runs) > MAX_RUNS)


def _build_style() -> Response:
    """Return the archive viewer's style sheet with the styles for posts."""
    shared = load_assets()[STYLE_PATH]
    own = resources.files("crawler.viewer").joinpath("web/viewer.css").read_bytes()
    assert isinstance(shared.body, bytes)
    return Response(headers=shared.headers, body=shared.body + own)


def _key(record: PostRecord) -> tuple[str, str, str]:
    return record.collection, record.source, record.identifier
