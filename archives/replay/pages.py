"""The viewer's own pages: plain HTML that works without scripts, on a phone and from the keyboard.

What a page shows is a dataclass; how it looks is a template in `web/`, which sees it as `page`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import groupby
from typing import TYPE_CHECKING, Final

from archives.replay.http import HTML_TYPE, Response
from archives.replay.lookup import build_stamp, find_screenshot
from archives.replay.routes import build_path
from archives.replay.templates import build_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from jinja2 import Environment

    from archives.index.catalogue import CollectionIndex
    from archives.index.cdxj import IndexEntry

STYLE_PATH: Final = "/-/style.css"
ICON_PATH: Final = "/-/icon.svg"
PACKAGE: Final = "archives.replay"
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src {frames}; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link: what it says and where it leads."""

    label: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """The line at the head of a page: where the reader is, and where else to go."""

    crumbs: Sequence[Link] = ()
    sections: Sequence[Link] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """What `error.html` shows."""

    status: int
    headline: str
    message: str
    links: Sequence[Link] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionsPage:
    """What `collections.html` shows.

    Attributes:
        captures: how many each collection has, by its name.
    """

    captures: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRow:
    """A capture in a table.

    Attributes:
        path: of the memento.
        is_repeated: whether an earlier row has the same payload.
        title: of the page; empty if it has none, or the rows are of one address.
    """

    entry: IndexEntry
    path: str
    is_repeated: bool
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionPage:
    """What `collection.html` shows: how much a collection holds, and the pages captured last.

    Attributes:
        newer: where the list continues with newer pages; empty at its beginning.
        older: where it continues with older ones; empty at its end.
    """

    name: str
    count: int
    latest: Sequence[CaptureRow]
    newer: str
    older: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRow:
    """The captures of one address.

    Attributes:
        title: of the last; empty if it has none.
    """

    count: int
    first: IndexEntry
    last: IndexEntry
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixPage:
    """What `prefix.html` shows: the addresses that begin alike.

    Attributes:
        count: how many there are.
        is_cut: whether there are more than were counted.
        before: where the list begins before these rows; empty if it does not.
        after: where it continues after them; likewise.
    """

    collection: str
    prefix: str
    count: int
    rows: Sequence[AddressRow]
    is_cut: bool
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MementoPage:
    """What `memento.html` shows: a banner above, the archived page below in a frame that can do nothing.

    Attributes:
        frame: where the frame finds its page.
        before: the path of the previous capture; empty if there is none.
        after: the path of the next capture; likewise.
        notes: more links.
        title: of the archived page; empty if it has none.
        packages: the path of pages that run archived scripts; empty if there are none.
    """

    entry: IndexEntry
    collection: str
    frame: str
    before: str
    after: str
    notes: Sequence[Link] = ()
    title: str = ""
    packages: str = ""


def list_screenshot_links(index: CollectionIndex, entry: IndexEntry) -> list[Link]:
    """Return the link to the screenshot of a capture, if there is one."""
    picture = find_screenshot(index, entry)
    if picture is None:
        return []
    path = build_path(index.collection.name, picture.url, stamp=build_stamp(picture.captured_at, is_fine=True))
    return [Link("Screenshot", path)]


def load_assets() -> dict[str, Response]:
    """Return the style sheet and the icon of the pages, by path."""
    folder = resources.files(PACKAGE).joinpath("web")
    types = {STYLE_PATH: "text/css; charset=utf-8", ICON_PATH: "image/svg+xml"}
    return {
        path: Response(
            headers=(("Content-Type", kind), ("Cache-Control", "private, max-age=300")),
            body=folder.joinpath(path.rpartition("/")[2]).read_bytes(),
        )
        for path, kind in types.items()
    }


@cache
def load_templates() -> Environment:
    """Return the archive's own templates."""
    return build_environment(PACKAGE)


def build_page(
    template: str,
    page: object,
    *,
    bar: Bar | None = None,
    status: int = 200,
    frames: str = "'none'",
    headers: tuple[tuple[str, str], ...] = (),
    templates: Environment | None = None,
) -> Response:
    """Return a whole page.

    Args:
        page: what the template shows.
        frames: the origins from which the page may show a frame.
        templates: where the template is, if it is not one of the archive's own.
    """
    text = (templates or load_templates()).get_template(template).render(page=page, bar=bar or Bar())
    own = (
        ("Content-Type", HTML_TYPE),
        ("Content-Security-Policy", _POLICY.format(frames=frames)),
        ("Cache-Control", "no-cache"),
        *headers,
    )
    return Response(status=status, headers=own, body=text.encode("utf-8", "replace"))


def build_error_page(status: int, headline: str, message: str, *, links: Sequence[Link] = ()) -> Response:
    """Return a page that says what is not there, and what is."""
    page = ErrorPage(status=status, headline=headline, message=message, links=links)
    return build_page("error.html", page, status=status)


def list_capture_rows(
    collection: str, entries: Iterable[IndexEntry], find_title: Callable[[IndexEntry], str] | None = None
) -> list[CaptureRow]:
    """Return captures as rows, in which payloads of earlier rows are marked."""
    seen: set[str] = set()
    rows = []
    for entry in entries:
        path = build_path(collection, entry.url, stamp=entry.timestamp)
        title = find_title(entry) if find_title else ""
        rows.append(CaptureRow(entry=entry, path=path, is_repeated=entry.digest in seen, title=title))
        seen.add(entry.digest)
    return rows


def list_address_rows(entries: Iterable[IndexEntry]) -> list[AddressRow]:
    """Return a row for each address; the entries come in the order of the index."""
    groups = (list(group) for _, group in groupby(entries, key=lambda entry: entry.urlkey))
    return [AddressRow(count=len(group), first=group[0], last=group[-1]) for group in groups]
