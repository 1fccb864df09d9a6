"""A folder of feeds: Atom, RSS and JSON Feed of everything, and of each collection, source, category and tag.

`all` has the newest posts by their own dates, `found` those that were found last, however old they are, and `changed`
those that changed last. Behind `all` and `found` stand archive documents that hold every other post: each is full, and
counted from the oldest, so what has been read once stays as it is.

Feeds are plain files, so any server gives them with validators for conditional requests, and a reader that follows one
tag asks for that tag alone. `opml.xml` lists them for a reader to take in at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from pipelines.exports.feeds.atom import build_atom
from pipelines.exports.feeds.entries import FeedInfo, Order, Spool, build_entry, open_spool
from pipelines.exports.feeds.json_feed import build_json_feed
from pipelines.exports.feeds.rss import build_rss
from pipelines.exports.files import replace_folder
from pipelines.exports.records import iter_sound
from pipelines.exports.sites.site import FEED_POSTS, PathNames, build_name, digest_name
from pipelines.exports.xml import build_element
from pipelines.names.slugs import is_device

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipelines.exports.records import PostRecord

ARCHIVE = "archive"
_ALL = "all"
_FOUND = "found"
_CHANGED = "changed"
_ARCHIVED = (_ALL, _FOUND)
_GROUPS = {"collection": "Collections", "source": "Sources", "category": "Sections", "tag": "Tags"}
_WRITERS = {"atom": build_atom, "rss": build_rss, "json": build_json_feed}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """What the feeds of a folder have in common.

    Attributes:
        title: of the feed of everything, and in front of the others' names.
        url: address of the published folder, without a trailing slash.
        hub: WebSub hub to notify of changes, or ''.
        limit: posts in a feed, and in an archive document.
        order: of every feed but `found` and `changed`.
        has_archive: archive documents are written behind `all` and `found`.
    """

    title: str = "News"
    url: str = "http://localhost:8080/feeds"
    hub: str = ""
    limit: int = FEED_POSTS
    order: Order = Order.PUBLISHED
    has_archive: bool = True


def export_feeds(records: Iterable[PostRecord], target: Path, options: FeedOptions) -> int:
    """Write the feeds of the records; return how many posts were looked at.

    Raises:
        pipelines.exports.files.ExportError: something else is at the target.
    """
    count = 0
    names = {_ALL: options.title}
    names |= {_FOUND: f"{options.title}: recently found", _CHANGED: f"{options.title}: recently changed"}
    archived = _ARCHIVED if options.has_archive else ()
    paths = PathNames()
    with replace_folder(target, "feeds") as folder, open_spool(folder, options.limit, whole=archived) as spool:
        for record in iter_sound(records):
            feeds = {paths.claim(path): name for path, name in list_feeds(record)}
            names |= {path: f"{options.title}: {name}" for path, name in feeds.items()}
            ordered = [(path, options.order) for path in (_ALL, *feeds)]
            spool.add(record, [*ordered, (_FOUND, Order.FOUND), (_CHANGED, Order.CHANGED)])
            count += 1
        for path in (_ALL, _FOUND, _CHANGED) if not count else ():
            _write_feed(folder, path, [], options, names)
        pages = {feed: _write_archive(folder, feed, spool, options, names) for feed in archived}
        for path, members in spool.iter_feeds():
            _write_feed(folder, path, members, options, names, pages.get(path, 0))
        (folder / "opml.xml").write_text("".join(build_opml(names, options)), "utf-8")
    return count


def list_feeds(record: PostRecord) -> list[tuple[str, str]]:
    """Return path and name of each feed that a post belongs to, but for that of everything."""
    feeds = [("collection", record.collection), ("source", record.source)]
    feeds += [("category", slug) for slug in record.categories] + [("tag", name) for name in record.keywords]
    shown = [record.collection, record.source, *record.articleSection, *record.keywords]
    return [(f"{kind}/{_build_stem(name)}", title) for (kind, name), title in zip(feeds, shown, strict=True)]


def _build_stem(name: str) -> str:
    stem = build_name(name)
    return stem if stem == name or is_device(name) else f"{stem}-{digest_name(name)}"


def _write_archive(folder: Path, feed: str, spool: Spool, options: FeedOptions, names: dict[str, str]) -> int:
    """Write what is older than a feed's newest posts; return how many documents that takes.

    A document is written when it is full. What is in none yet is among the newest, which the feed itself holds.
    """
    pages = max(0, spool.count(feed) - 1) // options.limit
    for number, members in zip(range(1, pages + 1), spool.iter_chunks(feed), strict=False):
        _write_documents(folder, _name_page(feed, number), members, options, names[feed], of=(feed, number, pages))
    return pages


def _name_page(feed: str, number: int) -> str:
    return f"{ARCHIVE}/{feed}-{number:06d}"


def _write_feed(
    folder: Path, path: str, members: list[PostRecord], options: FeedOptions, names: dict[str, str], pages: int = 0
) -> None:
    _write_documents(folder, path, members, options, names[path], of=(path, pages + 1, pages))


def _write_documents(
    folder: Path, path: str, members: list[PostRecord], options: FeedOptions, title: str, *, of: tuple[str, int, int]
) -> None:
    """Write one document in every format.

    Args:
        of: the feed, which of its documents this is from the oldest on, and how many archive documents there are.
    """
    feed, number, pages = of
    entries = list(map(build_entry, members))
    for suffix, build in _WRITERS.items():

        def find_url(name: str, suffix: str = suffix) -> str:
            return f"{options.url}/{quote(name)}.{suffix}"

        is_archive = number <= pages
        info = FeedInfo(
            title=title,
            url=find_url(path),
            home=f"{options.url}/",
            hub="" if is_archive else options.hub,
            older=find_url(_name_page(feed, number - 1)) if number > 1 else "",
            newer=find_url(_name_page(feed, number + 1)) if number < pages else "",
            current=find_url(feed) if is_archive else "",
        )
        target = folder / f"{path}.{suffix}"
        target.parent.mkdir(exist_ok=True)
        with target.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(build(entries, info))


def build_opml(names: dict[str, str], options: FeedOptions) -> Iterator[str]:
    """Yield the lines of a list of the feeds.

    Spec: OPML 2.0, subscription lists.
    """
    yield '<?xml version="1.0" encoding="utf-8"?>\n<opml version="2.0">\n'
    yield f"<head>{build_element('title', options.title)}</head>\n<body>\n"
    for group, pairs in groupby(sorted(names.items()), key=lambda pair: pair[0].rpartition("/")[0]):
        if group:
            label = quoteattr(_GROUPS[group])
            yield f"<outline text={label} title={label}>\n"
        for path, name in pairs:
            url = f"{options.url}/{quote(path)}.atom"
            yield build_element("outline", "", text=name, title=name, type="rss", xmlUrl=url) + "\n"
        yield "</outline>\n" if group else ""
    yield "</body>\n</opml>\n"
