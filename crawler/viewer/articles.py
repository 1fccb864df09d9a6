"""Pages of one article: the post, its proof, the archived page, its versions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from archives.replay.lookup import build_stamp
from archives.replay.pages import Link
from archives.replay.routes import build_calendar_path, build_path
from crawler.viewer.comparison import Row, compare
from crawler.viewer.pages import build_page, format_published
from crawler.viewer.routes import BESIDE, MARKED, POST, VERSIONS, build_post_path, build_posts_path
from crawler.viewer.stories import build_story
from crawler.viewer.versions import MAX_SIGHTINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from archives.errors import ArchiveError
    from archives.index.cdxj import IndexEntry
    from archives.replay.http import Response
    from crawler.viewer.proof import Check, Citation, Witness
    from crawler.viewer.search.lookup import Found
    from crawler.viewer.versions import Edition, Sighting
    from pipelines.exports.records import PostRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What all pages of an article show.

    Attributes:
        links: to the other pages of the article.
        current: the address of this page.
        published: when, to the minute or the day.
        story: the body, its pictures and links in the archive.
    """

    record: PostRecord
    links: Sequence[Link]
    current: str
    published: str
    story: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class PostPage:
    """What `post.html` shows.

    Attributes:
        is_verified: whether everything that was checked holds.
        earlier: the post of the collection that was published just before this one; None if there is none.
        later: that which was published just after it.
    """

    article: Article
    witnesses: Sequence[Witness]
    file_check: Check
    is_verified: bool
    earlier: Found | None
    later: Found | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BesidePage:
    """What `beside.html` shows.

    Attributes:
        origin: the capture that the post came from.
        frame: where the frame finds it.
    """

    article: Article
    origin: IndexEntry
    origin_path: str
    frame: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What changed from one version to the next."""

    old: Edition
    new: Edition
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsPage:
    """What `versions.html` shows: all versions, then their changes, the newest first.

    Attributes:
        chosen: the numbers of the two versions that are compared; 0 if each is compared with the one before it.
        frames: where two versions are compared, each with where a frame finds its archived page.
        sightings: the captures of the article, the newest first.
    """

    article: Article
    editions: Sequence[Edition]
    chosen: tuple[int, int]
    steps: Sequence[Step]
    frames: Sequence[tuple[Edition, str]]
    sightings: Sequence[Sighting]
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CitePage:
    """What `cite.html` shows: citations, the addresses whose captures were searched, and what could not be read."""

    collection: str
    sentence: str
    urls: Sequence[str]
    citations: Sequence[Citation]
    unread: Sequence[ArchiveError]


def build_post_page(
    record: PostRecord,
    witnesses: Sequence[Witness],
    *,
    file_check: Check,
    page: IndexEntry | None,
    around: tuple[Found | None, Found | None],
) -> Response:
    """Return a post, then the chain back to its bytes.

    Args:
        around: the posts that were published just before and just after it.
    """
    is_verified = bool(witnesses) and all(witness.holds for witness in witnesses) and file_check.holds is True
    shown = PostPage(
        article=_build_article(record, page, POST),
        witnesses=witnesses,
        file_check=file_check,
        is_verified=is_verified,
        earlier=around[0],
        later=around[1],
    )
    return build_page("post.html", shown, crumbs=_list_crumbs(record))


def build_cite_page(page: CitePage) -> Response:
    """Return the captures in which a sentence stands."""
    return build_page("cite.html", page, crumbs=[Link(page.collection, f"/{page.collection}/")])


def build_beside_page(record: PostRecord, page: IndexEntry, *, frame: str, frames: str) -> Response:
    """Return the post on the left, the archived page that it came from on the right."""
    shown = BesidePage(
        article=_build_article(record, page, BESIDE),
        origin=page,
        origin_path=_build_memento_path(record.collection, page),
        frame=frame,
    )
    return build_page("beside.html", shown, crumbs=_list_crumbs(record), frames=frames)


def build_versions_page(
    record: PostRecord,
    editions: Sequence[Edition],
    sightings: Sequence[Sighting],
    page: IndexEntry | None,
    chosen: tuple[int, int],
    frame_host: str,
) -> Response:
    """Return the versions of an article.

    Args:
        chosen: numbers of two versions to compare; where there are no such, each is compared with the one before it.
        frame_host: under which archived pages are framed; empty for the viewer's own.
    """
    known = {edition.number: edition for edition in editions}
    if chosen[0] in known and chosen[1] in known and chosen[0] != chosen[1]:
        pairs = [(known[chosen[0]], known[chosen[1]])]
    else:
        chosen, pairs = (0, 0), list(pairwise(editions))
    steps = [Step(old=old, new=new, rows=compare(old.lines, new.lines)) for old, new in pairs]
    frames = []
    if len(steps) == 1 and page is not None:
        frames = [
            (edition, _build_marked_path(record, steps[0], side, frame_host))
            for edition, side in ((steps[0].old, "old"), (steps[0].new, "new"))
        ]
    shown = VersionsPage(
        article=_build_article(record, page, VERSIONS),
        editions=editions,
        chosen=chosen,
        steps=steps[::-1],
        frames=frames,
        sightings=sightings[::-1],
        is_cut=len(sightings) == MAX_SIGHTINGS,
    )
    return build_page("versions.html", shown, crumbs=_list_crumbs(record), frames=frame_host or "'self'")


def _build_marked_path(record: PostRecord, step: Step, side: str, frame_host: str) -> str:
    path = build_post_path(record.collection, record.source, record.identifier, page=MARKED)
    path += f"&from={step.old.number}&to={step.new.number}&side={side}"
    return f"//{frame_host}{path}" if frame_host else path


def _build_article(record: PostRecord, page: IndexEntry | None, route: str) -> Article:
    return Article(
        record=record,
        links=_list_links(record, page),
        current=build_post_path(record.collection, record.source, record.identifier, page=route),
        published=format_published(record.datePublished, record.datePublished_precision),
        story=_build_body(record, page),
    )


def _build_body(record: PostRecord, page: IndexEntry | None) -> Markup:
    at = record.capture.captured_at if record.capture else page.captured_at if page else None
    stamp = build_stamp(at) if at else "2"
    url = record.url or (page.url if page else "http://invalid/")
    return build_story(record.articleBody, collection=record.collection, stamp=stamp, url=url)


def _list_crumbs(record: PostRecord) -> list[Link]:
    return [
        Link(record.collection, f"/{record.collection}/"),
        Link(record.source, build_posts_path(collection=record.collection, source=record.source)),
    ]


def _list_links(record: PostRecord, page: IndexEntry | None) -> list[Link]:
    key = (record.collection, record.source, record.identifier)
    post, beside, versions = (build_post_path(*key, page=route) for route in (POST, BESIDE, VERSIONS))
    if page is None:
        return [Link("Post", post), Link("Versions", versions)]
    return [
        Link("Post", post),
        Link("Side by side", beside),
        Link("Versions", versions),
        Link("Archived page", _build_memento_path(record.collection, page)),
        Link("Calendar", build_calendar_path(record.collection, page.url)),
    ]


def _build_memento_path(collection: str, entry: IndexEntry) -> str:
    return build_path(collection, entry.url, stamp=build_stamp(entry.captured_at))
