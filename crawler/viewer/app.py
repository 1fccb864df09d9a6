"""The viewer as one function: posts and runs here, captures in the archive's viewer."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from archives.errors import ArchiveError, CollectionError, NotArchived
from archives.replay.app import ReplayApp, find_frame_host
from archives.replay.http import Request, Response, Stream, build_text
from archives.replay.lookup import Directory, OpenIndexes, build_stamp, find_memento, parse_moment
from archives.replay.pages import STYLE_PATH, Link, build_error_page
from archives.replay.routes import Kind, build_path, find_place
from archives.storage.collection import list_collections
from crawler.monitoring.health import Limits, list_health
from crawler.monitoring.logbook import list_runs
from crawler.projects.command import describe_damage
from crawler.publishing.changefeed import answer_changes
from crawler.publishing.library import Library
from crawler.reparsing.word_changes import Change
from crawler.viewer import articles, lists
from crawler.viewer.captured_text import MODIFIER, build_text_path, can_have_text, is_blank, show_text
from crawler.viewer.comparison import compare, mark_page
from crawler.viewer.feeds import FEED_POSTS, Feeds, build_feed
from crawler.viewer.listing import list_entries, read_listing, show_listing
from crawler.viewer.packages import Packages
from crawler.viewer.pages import load_style
from crawler.viewer.proof import check_file, choose_page, list_citations, list_witnesses
from crawler.viewer.routes import (
    BESIDE,
    CHANGES,
    CITE,
    MARKED,
    PACKAGES,
    POST,
    POSTS,
    RUNS,
    SCHEMA,
    SECTIONS,
    STATUS,
    VERSIONS,
    build_post_path,
)
from crawler.viewer.search.lookup import Wanted
from crawler.viewer.search.pool import IndexPool
from crawler.viewer.status import StatusDesk
from crawler.viewer.versions import list_editions
from pipelines.exports.schemas import SCHEMAS, dump_schema
from pipelines.posts.options import PostOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from archives.index.cdxj import IndexEntry
    from archives.replay.routes import Place
    from pipelines.exports.records import PostRecord

MAX_RUNS: Final = 200
FRONT_POSTS: Final = 12
_MAX_NOTES: Final = 2


class ViewerApp:
    """The viewer of `scrapy serve`.

    Args:
        player_dir: where ReplayWeb.page's files are; None if not installed.
        schedule: where the schedule is remembered; None for the file in the data directory.
        searches: saved ones, by name.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        player_dir: Path | None = None,
        limits: Limits | None = None,
        schedule: Path | str | None = None,
        searches: Mapping[str, str] | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._limits = limits or Limits()
        self._searches = searches or {}
        self._library = Library(data_dir)
        self._indexes = OpenIndexes(Directory(data_dir))
        self._captures = ReplayApp(self._indexes, sections=SECTIONS, notes=self._note_posts, packages=PACKAGES + "/")
        self._feeds = Feeds(data_dir / "feeds")
        self._packages = Packages(data_dir / "wacz", player_dir)
        self._posts = IndexPool(self._library)
        self._status = StatusDesk(data_dir, self._posts, schedule or data_dir / "schedule.sqlite", self._limits)
        self._pages: dict[str, Callable[[Request], Response]] = {
            STYLE_PATH: lambda _: load_style(),
            "/": self._show_front,
            POSTS: self._list_posts,
            POST: self._show_post,
            BESIDE: self._show_beside,
            VERSIONS: self._show_versions,
            CITE: self._cite,
            MARKED: self._show_marked,
            RUNS: self._show_runs,
            STATUS: lambda request: self._status.show(refreshes=request.arguments.get("refresh") != "0"),
            CHANGES: self._list_changes,
            **{SCHEMA.format(name): partial(_show_schema, name) for name in SCHEMAS},
        }

    def close(self) -> None:
        """Close every database."""
        self._indexes.close()
        self._posts.close()

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        page = self._pages.get(request.path)
        place = find_place(request.target) if page is None else None
        is_text = place is not None and place.kind is Kind.MEMENTO and place.modifier == MODIFIER
        if (page is None and not is_text) or request.get("sec-fetch-dest") == "empty":
            return self._feeds.answer(request) or self._packages.answer(request) or self._captures(request)
        try:
            if place is not None and is_text:
                return self._show_text(place)
            assert page is not None
            return page(request)
        except ArchiveError as error:
            return self._refuse(404, str(error))
        except sqlite3.DatabaseError as error:
            if not (damage := describe_damage(error)):
                raise
            return self._refuse(500, damage)

    def _refuse(self, status: int, reason: str) -> Response:
        """Return a page that gives the reason, without the server's paths."""
        folder = re.escape(str(self._data_dir))
        reason = re.sub(rf"(?<![\w/.-]){folder}(?![\w.-])", "the data directory", reason)
        return build_error_page(status, "This cannot be shown", reason, links=[Link("Front page", "/")])

    def _list_changes(self, request: Request) -> Response:
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

    def _note_posts(self, collection: str, entry: IndexEntry) -> list[Link]:
        """Link to the text of a capture, and to the posts made from it, unless there are many."""
        made = self._list_made(collection, entry)
        posts = [Link("Post", build_post_path(collection, source, identifier)) for source, identifier in made]
        with self._indexes.borrow(collection) as index:
            if not can_have_text(index, entry):
                return posts
            label = "Text (this page needs scripts)" if is_blank(index, entry) else "Text"
        return [Link(label, build_text_path(collection, entry)), *posts]

    def _list_made(self, collection: str, entry: IndexEntry) -> list[tuple[str, str]]:
        made = self._posts.find(collection).list_made_of(entry.record_id, entry.url, limit=_MAX_NOTES + 1)
        return made if len(made) <= _MAX_NOTES else []

    def _show_text(self, place: Place) -> Response:
        """Return the text of a capture."""
        with self._indexes.borrow(place.collection) as index:
            try:
                entry = find_memento(index, place.url, parse_moment(place.stamp))
            except ValueError:
                entry = None
            if entry is None:
                raise NotArchived(f"{place.url} was never captured in {place.collection}")
            made = self._list_made(place.collection, entry)
            find = self._library.find_definitions(place.collection)
            rules = next((rules for source, _ in made if (rules := find(source))), None)
            posts = [Link("Post", build_post_path(place.collection, *key)) for key in made]
            return show_text(index, entry, rules, more=posts)

    def _show_front(self, request: Request) -> Response:
        del request
        names = list_collections(self._data_dir)
        runs = list_runs(self._data_dir)
        health = list_health(runs, now=datetime.now(UTC), limits=self._limits)
        cards = []
        for name in names:
            with self._indexes.borrow(name) as index:
                captures = index.count_entries()
            cards.append(
                lists.CollectionCard(name=name, captures=captures, posts=self._posts.find(name).count(Wanted()))
            )
        posts = self._posts.list_posts(names, Wanted(), limit=FRONT_POSTS)
        return lists.build_front(cards, posts, runs[:5], health, self._searches)

    def _list_posts(self, request: Request) -> Response:
        listing = read_listing(request)
        if not listing.is_feed:
            return show_listing(self._posts, listing)
        found = list_entries(self._posts, listing, limit=FEED_POSTS)
        return build_feed(self._library, listing, found, request)

    def _find_record(self, request: Request) -> PostRecord:
        asked = request.arguments
        collection = asked.get("collection", "")
        found = self._library.open_store(collection).find_record(asked.get("source", ""), asked.get("id", ""))
        if found is None:
            raise NotArchived(f"There is no post {asked.get('id', '')!r} in collection {collection!r}.")
        return found

    def _show_post(self, request: Request) -> Response:
        record = self._find_record(request)
        with self._indexes.borrow(record.collection) as index:
            witnesses = list_witnesses(index, record)
            posts_dir = self._data_dir / "_posts" / record.collection
            checked = check_file(index.collection, posts_dir, record)
        around = self._posts.find(record.collection).find_neighbours(record.key)
        page = choose_page(witnesses)
        return articles.build_post_page(record, witnesses, file_check=checked, page=page, around=around)

    def _find_page(self, record: PostRecord) -> IndexEntry | None:
        with self._indexes.borrow(record.collection) as index:
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
        source = self._library.find_definitions(record.collection)(record.source)
        with self._indexes.borrow(record.collection) as index:
            editions, sightings = list_editions(index, record, source.post if source else PostOptions())
        chosen = _read_number(request, "from"), _read_number(request, "to")
        host = find_frame_host(request.host)
        return articles.build_versions_page(record, editions, sightings, self._find_page(record), chosen, host)

    def _show_marked(self, request: Request) -> Response:
        """Return the archived page of one of two versions, with what is not in the other marked."""
        record = self._find_record(request)
        page = self._find_page(record)
        source = self._library.find_definitions(record.collection)(record.source)
        with self._indexes.borrow(record.collection) as index:
            editions, _ = list_editions(index, record, source.post if source else PostOptions())
            known = {edition.number: edition for edition in editions}
            old, new = known.get(_read_number(request, "from")), known.get(_read_number(request, "to"))
            if old is None or new is None or page is None:
                raise CollectionError(f"post {record.id} has no such versions, or no archived page")
            is_old = request.arguments.get("side") == "old"
            entry = index.find_nearest(page.url, (old if is_old else new).captured_at) or page
        stamp = build_stamp(entry.captured_at)
        path = build_path(record.collection, entry.url, stamp=stamp, modifier="mp_")
        shown = self._captures(Request(method="GET", target=path, headers=request.headers))
        if shown.status != 200 or not shown.get("Content-Type").startswith("text/html"):
            return shown
        assert isinstance(shown.body, bytes)
        rows = compare(old.lines, new.lines)
        marked = mark_page(shown.body.decode("utf-8", "replace"), rows, Change.REMOVED if is_old else Change.ADDED)
        return replace(shown, body=marked.encode())

    def _cite(self, request: Request) -> Response:
        """Cite a sentence of an address, or of the captures behind a post."""
        asked = request.arguments
        record = None if asked.get("url") else self._find_record(request)
        with self._indexes.borrow(record.collection if record else asked.get("collection", "")) as index:
            entries = [witness.entry for witness in list_witnesses(index, record)] if record else []
            urls = list(dict.fromkeys(entry.url for entry in entries if entry)) or [asked.get("url", "")]
            sentence = asked.get("sentence", "").strip()
            unread: list[ArchiveError] = []
            page = articles.CitePage(
                collection=index.collection.name,
                sentence=sentence,
                urls=urls,
                citations=list_citations(index, urls, sentence, unread.append),
                unread=unread,
            )
            return articles.build_cite_page(page)

    def _show_runs(self, request: Request) -> Response:
        del request
        runs = list_runs(self._data_dir)
        health = list_health(runs, now=datetime.now(UTC), limits=self._limits)
        return lists.build_runs_page(runs[:MAX_RUNS], health, is_cut=len(runs) > MAX_RUNS)


def _read_number(request: Request, name: str) -> int:
    text = request.arguments.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _show_schema(name: str, _: Request) -> Response:
    """Return one of the JSON Schemas of what exports, `/changes` and webhooks say of a post."""
    return build_text(dump_schema(name), content_type="application/schema+json")
