"""The viewer of captures as a function from request to response, without side effects.

It serves captures only. A caller may add links beside a memento, and answer other paths before it calls the viewer.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from archives.captures.revisits import read_resolved
from archives.errors import ArchiveError, Damage, NotArchived, RecordError
from archives.replay.calendars import find_calendar
from archives.replay.cdx_server import BadQuery, answer_query
from archives.replay.http import Request, Response, build_redirect, build_text
from archives.replay.lookup import (
    OpenIndexes,
    build_stamp,
    find_memento,
    find_neighbours,
    find_unmoved,
    parse_moment,
)
from archives.replay.memento import (
    Names,
    build_memento_headers,
    build_timegate_headers,
    build_timemap,
    parse_accept_datetime,
)
from archives.replay.pages import (
    Bar,
    CollectionPage,
    CollectionsPage,
    Link,
    MementoPage,
    PrefixPage,
    build_error_page,
    build_page,
    list_address_rows,
    list_capture_rows,
    list_screenshot_links,
    load_assets,
)
from archives.replay.rewriting.content import PAGE_MIMES, View, build_content, build_missing
from archives.replay.rewriting.links import PageLinks
from archives.replay.rewriting.streaming import MAX_HELD_BYTES, build_streamed
from archives.replay.routes import (
    RAW,
    Kind,
    Place,
    build_calendar_path,
    build_path,
    build_prefix_path,
    build_timemap_path,
    complete_url,
    find_place,
)
from archives.replay.titles import Titles
from archives.urls import surt_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from archives.index.catalogue import CollectionIndex
    from archives.index.cdxj import IndexEntry
    from archives.warc.reader import Capture

    Notes = Callable[[str, IndexEntry], Iterable[Link]]

MAX_LATEST: Final = 50
MAX_ADDRESSES: Final = 100
MAX_LOOKED_AT: Final = 5_000
MAX_PREFIX: Final = 20_000
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TWINS: Final = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}


class ReplayApp:
    """The viewer of captures.

    Args:
        notes: links to show beside a memento, by collection and index entry.
        sections: links in the line at the head of each page.
        packages: the path of pages that run archived scripts; empty if there are none.
    """

    def __init__(
        self, indexes: OpenIndexes, *, notes: Notes | None = None, sections: tuple[Link, ...] = (), packages: str = ""
    ) -> None:
        self.indexes = indexes
        self._notes = notes
        self._sections = sections
        self._packages = packages
        self._assets = load_assets()
        self._titles = Titles()

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        path = request.path
        if request.get("service-worker") or request.get("sec-fetch-dest") == "empty":
            # No page of ours has a script; whatever asks like one is not a reader.
            return build_text("Requests from scripts are refused.\n", status=403)
        if path in {"/", "/-/collections"}:
            return self._show_front()
        if path in self._assets:
            return self._assets[path]
        if path == "/-/open":
            return _open_address(request)
        return self._find(request)

    def _find(self, request: Request) -> Response:
        """Answer a request for what belongs to a collection."""
        place = find_place(request.target)
        if place is None:
            links = [Link("Front page", "/")]
            return build_error_page(404, "Page not found", "The viewer has no page at this address.", links=links)
        try:
            with self.indexes.borrow(place.collection) as index:
                return self._answer(index, place, request)
        except ArchiveError as error:
            return self._explain(place, request, error)

    def _answer(self, index: CollectionIndex, place: Place, request: Request) -> Response:
        handlers = {
            Kind.COLLECTION: self._show_collection,
            Kind.CDX: self._query,
            Kind.MEMENTO: self._show_memento,
            Kind.TIMEGATE: self._negotiate,
            Kind.TIMEMAP: self._list_mementos,
            Kind.CALENDAR: self._show_calendar,
        }
        return handlers[place.kind](index, place, request)

    def _show_front(self) -> Response:
        captures = {}
        for name in self.indexes.library.list_names():
            with self.indexes.borrow(name) as index:
                captures[name] = index.count_entries()
        return build_page("collections.html", CollectionsPage(captures=captures), bar=Bar(sections=self._sections))

    def _build_bar(self, place: Place) -> Bar:
        return Bar(crumbs=(Link(place.collection, f"/{place.collection}/"),), sections=self._sections)

    def _show_collection(self, index: CollectionIndex, place: Place, request: Request) -> Response:
        if not request.path.endswith("/"):
            return build_redirect(f"/{place.collection}/")
        number = _read_page_number(request)
        if prefix := request.arguments.get("prefix"):
            return self._show_prefix(index, place, complete_url(prefix), number)
        recent = islice(index.iter_entries(is_reverse=True), MAX_LOOKED_AT)
        shown = (entry for entry in recent if entry.mime in PAGE_MIMES and entry.url.startswith("http"))
        entries = list(islice(shown, (number - 1) * MAX_LATEST, number * MAX_LATEST + 1))
        titles = partial(self._titles.find, index)
        page = CollectionPage(
            name=place.collection,
            count=index.count_entries(),
            latest=list_capture_rows(place.collection, entries[:MAX_LATEST], titles),
            newer=f"?page={number - 1}" if number > 1 else "",
            older=f"?page={number + 1}" if len(entries) > MAX_LATEST else "",
        )
        return build_page("collection.html", page, bar=Bar(sections=self._sections))

    def _show_calendar(self, index: CollectionIndex, place: Place, request: Request) -> Response:
        if place.url.endswith("*") and not place.stamp:
            return self._show_prefix(index, place, place.url.removesuffix("*"))
        found = find_calendar(index, place.collection, place.url, place.stamp)
        if found is None:
            return self._miss(place, request)
        return build_page("calendar.html", found, bar=self._build_bar(place))

    def _show_prefix(self, index: CollectionIndex, place: Place, prefix: str, number: int = 1) -> Response:
        entries = list(islice(index.iter_prefix(prefix), MAX_PREFIX))
        rows = list_address_rows(entries)
        first = (number - 1) * MAX_ADDRESSES
        page = PrefixPage(
            collection=place.collection,
            prefix=prefix,
            count=len(rows),
            rows=[
                replace(row, title=self._titles.find(index, row.last)) for row in rows[first : first + MAX_ADDRESSES]
            ],
            is_cut=len(entries) == MAX_PREFIX,
            before=build_prefix_path(place.collection, prefix, number - 1) if number > 1 else "",
            after=build_prefix_path(place.collection, prefix, number + 1) if rows[first + MAX_ADDRESSES :] else "",
        )
        return build_page("prefix.html", page, bar=self._build_bar(place))

    def _list_mementos(self, index: CollectionIndex, place: Place, request: Request) -> Response:
        names = Names(_build_origin(request), place.collection)
        return build_timemap(index, place.url, names, place.form) or build_text("Not archived.\n", status=404)

    def _query(self, index: CollectionIndex, place: Place, request: Request) -> Response:
        del place
        try:
            return answer_query(index, request)
        except BadQuery as error:
            return build_text(f"{error}\n", status=400)

    def _negotiate(self, index: CollectionIndex, place: Place, request: Request) -> Response:
        """Answer as the TimeGate: redirect to the capture nearest to the time asked for.

        Spec: RFC 7089 §4.1, pattern 2.1 (302, distinct URI-G).
        """
        try:
            at = parse_accept_datetime(request.get("accept-datetime"))
        except ValueError as error:
            return build_text(f"{error}\n", status=400)
        entry = find_memento(index, place.url, parse_moment(at.strftime("%Y%m%d%H%M%S")) if at else None)
        if entry is None:
            return self._miss(place, request, ("Vary", "accept-datetime"))
        names = Names(_build_origin(request), place.collection)
        location = build_path(place.collection, entry.url, stamp=build_stamp(entry.captured_at))
        return build_redirect(location, *build_timegate_headers(entry, names))

    def _show_memento(self, index: CollectionIndex, place: Place, request: Request) -> Response:
        try:
            moment = parse_moment(place.stamp)
        except ValueError:
            message = f"{place.stamp} is not a date; write 4 to 17 digits, such as 2026 or 20260304022111."
            return build_error_page(404, "Invalid timestamp", message)
        entry = find_memento(index, place.url, moment)
        if entry is None:
            return self._miss(place, request)
        names = Names(_build_origin(request), place.collection)
        is_inside = moment.first <= entry.captured_at <= moment.last
        if not place.modifier and not (is_inside and entry.url == place.url):
            location = build_path(place.collection, entry.url, stamp=build_stamp(entry.captured_at))
            return build_redirect(location, *build_timegate_headers(entry, names)[1:])
        headers = build_memento_headers(index, entry, names)
        if place.modifier:
            return self._serve(index, entry, place, request, headers)
        return self._frame(index, entry, place, request, headers)

    def _serve(
        self,
        index: CollectionIndex,
        entry: IndexEntry,
        place: Place,
        request: Request,
        headers: tuple[tuple[str, str], ...],
    ) -> Response:
        """Return the archived resource itself."""
        capture = _read_held(index, entry)
        view = _build_view(place, request, build_stamp(entry.captured_at))
        if capture is None:
            response = build_streamed(index, entry, view, request)
        elif place.modifier != RAW and (moved := _find_location(capture)):
            return _add_headers(build_redirect(self._follow(index, entry, moved, place)), headers)
        else:
            response = build_content(capture, view, request)
        own = build_path(place.collection, entry.url, stamp=build_stamp(entry.captured_at), modifier=place.modifier)
        return _add_headers(response, (*headers, ("Content-Location", own)))

    def _follow(self, index: CollectionIndex, entry: IndexEntry, location: str, place: Place) -> str:
        """Return the path in the archive to which a redirect leads."""
        stamp = build_stamp(entry.captured_at)
        if surt_key(location) == surt_key(entry.url):
            other = index.find_nearest(location, entry.captured_at, is_exact=True)
            if other is None or other.record_id == entry.record_id or other.url == entry.url:
                other = find_unmoved(index, location, entry.captured_at)
            if other is not None:
                stamp, location = build_stamp(other.captured_at, is_fine=True), other.url
        return build_path(place.collection, location, stamp=stamp, modifier=place.modifier)

    def _frame(
        self,
        index: CollectionIndex,
        entry: IndexEntry,
        place: Place,
        request: Request,
        headers: tuple[tuple[str, str], ...],
    ) -> Response:
        """Return the page with the banner and the archived resource in a frame; for a captured redirect, follow it."""
        if entry.status in _REDIRECTS or entry.status is None:
            capture = _read_held(index, entry)
            moved = capture and _find_location(capture)
            if moved:
                return _add_headers(build_redirect(self._follow(index, entry, moved, place)), headers)
        before, after = find_neighbours(index, entry)
        frame_host = find_frame_host(request.host)
        frame = build_path(place.collection, entry.url, stamp=place.stamp, modifier="mp_")
        page = MementoPage(
            entry=entry,
            title=self._titles.find(index, entry),
            packages=self._packages,
            collection=place.collection,
            frame=f"//{frame_host}{frame}" if frame_host else frame,
            before=_build_step(place, before, entry),
            after=_build_step(place, after, entry),
            notes=[
                *list_screenshot_links(index, entry),
                *(self._notes(place.collection, entry) if self._notes else ()),
            ],
        )
        return build_page("memento.html", page, frames=frame_host or "'self'", headers=headers)

    def _miss(self, place: Place, request: Request, *headers: tuple[str, str]) -> Response:
        """Return a 404 for what is not in the archive; it is never fetched."""
        small = build_missing(request, f"{place.url} is not in {place.collection}.", _build_view(place, request, ""))
        if small is not None:
            return _add_headers(small, headers)
        host = urlsplit(place.url).netloc
        links = [
            Link(
                f"All addresses of {host} in {place.collection}",
                build_calendar_path(place.collection, f"http://{host}/*"),
            ),
            Link(f"Collection {place.collection}", f"/{place.collection}/"),
        ]
        message = f"{place.url} was never captured in {place.collection}. The live web was not contacted."
        page = build_error_page(404, "Not archived", message, links=links)
        return _add_headers(_let_frame(page, request), headers)

    def _explain(self, place: Place, request: Request, error: ArchiveError) -> Response:
        status = 404 if isinstance(error, NotArchived) else 502
        small = build_missing(request, str(error), _build_view(place, request, ""))
        if small is not None:
            return Response(status=status, headers=small.headers, body=small.body)
        links = [Link("Front page", "/")]
        if place.url:
            links.append(Link("Other captures", build_calendar_path(place.collection, place.url)))
            links.append(Link("TimeMap", build_timemap_path(place.collection, place.url)))
        page = build_error_page(status, "This cannot be shown", str(error), links=links)
        return _let_frame(page, request)


def _build_step(place: Place, other: IndexEntry | None, entry: IndexEntry) -> str:
    if other is None:
        return ""
    is_fine = other.timestamp == entry.timestamp
    return build_path(place.collection, other.url, stamp=build_stamp(other.captured_at, is_fine=is_fine))


def _build_view(place: Place, request: Request, stamp: str) -> View:
    twin = find_frame_host(request.host)
    frames = f"{request.host} {twin}" if twin else "'self'"
    return View(
        collection=place.collection,
        stamp=stamp,
        modifier=place.modifier,
        top=f"//{twin}" if twin else "",
        frames=frames,
    )


def find_frame_host(host: str) -> str:
    """Return the other loopback name, which gives archived pages their own origin; empty if there is none."""
    name, colon, port = host.partition(":")
    twin = _TWINS.get(name.lower())
    return f"{twin}{colon}{port}" if twin and port.isdecimal() == bool(colon) else ""


def _read_page_number(request: Request) -> int:
    """Return the number of a page of a list, from 1."""
    text = request.arguments.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 5 else 1


def _build_origin(request: Request) -> str:
    return f"http://{request.host}"


def _read_held(index: CollectionIndex, entry: IndexEntry) -> Capture | None:
    """Return a capture with its bytes in memory; None if they, or those of its original, are too many."""
    try:
        return read_resolved(index, entry, max_bytes=MAX_HELD_BYTES)
    except RecordError as error:
        if error.damage is Damage.OVERSIZE_MEMBER:
            return None
        raise


def _find_location(capture: Capture) -> str | None:
    """Return the absolute address to which a capture redirects; None if it does not."""
    if not capture.is_http:
        return None
    head = capture.head
    location = head.get(b"Location")
    if head.status not in _REDIRECTS or not location:
        return None
    links = PageLinks(prefix="", url=capture.url)
    try:
        text = location.decode("utf-8")
    except UnicodeDecodeError:
        text = location.decode("latin-1")
    return links.resolve(text)


def _open_address(request: Request) -> Response:
    """Redirect to the calendar of the address that was typed into the form."""
    collection, url = request.arguments.get("collection", ""), request.arguments.get("url", "").strip()
    place = find_place(f"/{collection}/*/{url}")
    if not url or place is None or place.kind is not Kind.CALENDAR:
        return build_redirect("/")
    return build_redirect(build_calendar_path(place.collection, complete_url(url)))


def _add_headers(response: Response, headers: Iterable[tuple[str, str]]) -> Response:
    return Response(status=response.status, headers=(*response.headers, *headers), body=response.body)


def _let_frame(page: Response, request: Request) -> Response:
    """Allow a page of the viewer to be shown in the frame of a memento."""
    if request.get("sec-fetch-dest") not in {"iframe", "frame"}:
        return page
    twin = find_frame_host(request.host)
    ancestors = f"frame-ancestors {request.host} {twin}" if twin else "frame-ancestors 'self'"
    headers = tuple(
        (name, value.replace("frame-ancestors 'none'", ancestors) if name == "Content-Security-Policy" else value)
        for name, value in page.headers
    )
    return Response(status=page.status, headers=headers, body=page.body)
